"""`doctor`: looks at everything that a night needs, before the night; spends nothing."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio

from batch.commands.batch import Batch
from batch.commands.doctor_machine import machine_findings, open_settings_files
from batch.commands.doctor_table import table_findings
from batch.commands.finding import Finding, ok, warning, wrong
from batch.core.gateway import UnitPrice
from batch.core.money import dollars
from batch.errors import BatchError
from batch.fal.account_state import AccountState
from batch.fal.credentials import find_credentials
from batch.fal.pricing import difference, live_prices
from batch.job import Job

PATIENCE = 30.0
"""Seconds that fal is waited for."""
CLOCK_WARNING, CLOCK_WRONG = 30.0, 300.0
"""Seconds by which the clocks may differ: beyond, fal's records of what was sent when cannot be compared with ours."""


def doctor(
    batch: Batch | None,
    job: Job,
    *,
    offline: bool,
    key_trouble: str = "",
    settings: Sequence[Path] = (),
    on: str | None = None,
) -> list[Finding]:
    """All findings, in the order in which one would mend them.

    Args:
        key_trouble: why the key's file could not be used.
        settings: the settings files that there are.
        on: the cluster whose workers are to make the calls, where one is.
    """
    key = list(_key(key_trouble, offline=offline))
    findings = [*machine_findings(), *open_settings_files(settings), *key]
    if not offline and all(one.level != "wrong" for one in key):
        findings += anyio.run(_online, batch, job)
        if on:
            from batch.commands.doctor_cluster import cluster_findings

            findings += anyio.run(cluster_findings, on, job)
    if batch:
        findings += table_findings(batch)
    return findings


def _key(trouble: str, *, offline: bool) -> Iterator[Finding]:
    if trouble:
        yield wrong("key", trouble, "mend the file, or set FAL_KEY")
        return
    if offline and not any(os.environ.get(name) for name in ("FAL_KEY", "FAL_KEY_ID")):
        yield warning(
            "key", "there is none in the environment", "set FAL_KEY; fal's own login is not looked at offline"
        )
        return
    try:
        find_credentials()
    except BatchError as error:
        yield wrong("key", "there is no usable one", str(error))
        return
    yield ok("key", "it is there" + (", and was not tried (offline)" if offline else ""))


async def _online(batch: Batch | None, job: Job) -> list[Finding]:
    from batch.fal.client import FalGateway  # fal-client takes 0.3 s to load

    try:
        async with FalGateway(job, local=lambda _: None) as gateway:
            with anyio.move_on_after(PATIENCE):
                state = await gateway.account_state()
                price = await gateway.unit_price()
                return [*_account(state), *_clock(state), *_price(batch, job, price)]
    except BatchError as error:
        return [wrong("network", "the way to fal cannot be used", str(error))]
    return [wrong("network", f"fal did not answer in {PATIENCE:.0f} s", "look at the network, and at HTTPS_PROXY")]


def _account(state: AccountState) -> Iterator[Finding]:
    if state.accepted is None:
        yield wrong(
            "network", f"fal cannot be asked ({state.refusal})", "look at the network, HTTPS_PROXY, SSL_CERT_FILE"
        )
        return
    yield ok("network", "fal answers")
    if not state.accepted:
        yield wrong("account", f"fal refuses the key ({state.refusal})", _REFUSED)
        return
    whose = f"the key is accepted, of {state.username}" if state.username else "the key is accepted"
    if state.balance is None:
        yield ok("account", f"{whose}; fal tells the balance to admin keys only: https://fal.ai/dashboard/billing")
    elif state.balance <= 0:
        text = f"{whose}; the balance is {state.balance} {state.currency}: fal locks such an account"
        yield wrong("account", text, "top it up at https://fal.ai/dashboard/billing")
    else:
        yield ok("account", f"{whose}; the balance is {state.balance} {state.currency}")


_REFUSED = (
    "make a key at https://fal.ai/dashboard/keys; a locked account is topped up at https://fal.ai/dashboard/billing"
)


def _clock(state: AccountState) -> Iterator[Finding]:
    if state.ahead is None:
        return
    apart = f"this machine's clock is {abs(state.ahead):.0f} s {'behind' if state.ahead > 0 else 'ahead of'} fal's"
    if abs(state.ahead) > CLOCK_WRONG:
        yield wrong("clock", apart, "set it: timedatectl set-ntp true")
    elif abs(state.ahead) > CLOCK_WARNING:
        yield warning("clock", apart, "set it: timedatectl set-ntp true")
    else:
        yield ok("clock", apart if abs(state.ahead) >= 1 else "it is right by fal's")


def _price(batch: Batch | None, job: Job, told: object) -> Iterator[Finding]:
    live = live_prices(job, told) if isinstance(told, UnitPrice) else None
    if live is None and not (batch.manifest.prices if batch else job.prices):
        yield wrong("price", f"none is known for {job.endpoint}", "say what a row costs with --price")
    elif live is None:
        counts = "what --price says counts" if batch and batch.price_told else "the published one counts"
        yield warning("price", "fal does not tell today's price, or not so that it is understood", counts)
    elif batch and batch.price_told:
        said = ", ".join(f"{value}: {dollars(one)}" for value, one in batch.manifest.prices.items())
        same = dict(batch.manifest.prices) == dict(live)
        if same:
            yield ok("price", "--price is fal's of today")
        else:
            now = ", ".join(f"{value}: {dollars(one)}" for value, one in live.items())
            yield warning("price", f"--price says {said}, fal takes {now}", "leave --price out, or correct it")
    elif changed := difference(job, live):
        yield warning("price", changed, "look at your caps")
    else:
        yield ok("price", ", ".join(f"{dollars(one)} for {value} s" for value, one in live.items()))
