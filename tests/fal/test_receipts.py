"""Receipts that lead elsewhere, from a reply or from a ledger: fal's own address is asked instead."""

import logging
from typing import Any

import pytest

from batch.core.gateway import Accepted, Finished, InDoubt, Receipt, Waiting
from batch.fal.receipts import Receipts
from batch.fal.redact import Redactor
from tests.support.foreign_hosts import BASE, OWN, SHOT, anyio_backend, gateway, require_key_at_home  # noqa: F401
from tests.support.wire_service import (
    KEY,
    Wire,
    answering,
    request_id,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
    the_wire,  # noqa: F401 - a fixture
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


FOREIGN: dict[str, str] = {
    "another host": "https://evil.example.net/requests/{id}",
    "a host that begins like fal's": "https://queue.fal.run.evil.example.net/requests/{id}",
    "a user of that name": "https://queue.fal.run@evil.example.net/requests/{id}",
    "a port": "https://queue.fal.run:8443/requests/{id}",
    "no TLS": "http://queue.fal.run/requests/{id}",
    "fal's, of another request": "https://queue.fal.run/fal-ai/kling-video/requests/" + request_id(7),
}


@pytest.mark.parametrize("base", FOREIGN.values(), ids=FOREIGN)
async def test_a_receipt_that_leads_elsewhere_is_replaced_by_fals_own(
    base: str, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """A reply's: the row keeps its id, is asked for at fal's usual address, and that is said once."""
    url = base.replace("{id}", request_id(1))
    given = {"request_id": request_id(1), "status_url": f"{url}/status", "response_url": url, "cancel_url": f"{url}/c"}
    async with gateway() as service:
        wire.act = answering(200, given)
        assert await service.submit(SHOT) == Accepted(OWN)
        assert isinstance(await service.submit(SHOT), InDoubt)  # one receipt is one request's
    require_key_at_home(wire)
    told = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(told) == 1
    assert "fal's usual address is asked" in told[0]


@pytest.mark.parametrize("base", FOREIGN.values(), ids=FOREIGN)
async def test_a_ledger_that_leads_elsewhere_is_not_followed(
    base: str, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """One that came with somebody's table: status, result and cancellation are all asked of fal, the warning is one."""
    url = base.replace("{id}", request_id(1))
    receipt = Receipt(request_id(1), f"{url}/status", url, f"{url}/cancel")
    async with gateway() as service:
        wire.act = answering(200, {"status": "IN_PROGRESS"})
        assert await service.poll(receipt) == Waiting(running=True)
        await service.collect(receipt, Finished())
        await service.cancel(receipt)
    assert [one.host for one in wire.heard] == ["queue.fal.run"] * 3
    assert all(request_id(1) in one.path for one in wire.heard)
    require_key_at_home(wire)
    assert len(caplog.records) == 1


# What a reply must hold to be a receipt


def receipts() -> Receipts:
    return Receipts("an/endpoint/of/v2", Redactor([KEY]))


WELL = "https://queue.fal.run/an/endpoint/requests/r1"
BUILT = Receipt("r1", f"{WELL}/status", WELL, f"{WELL}/cancel")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"request_id": "r1", "status_url": f"{WELL}/s", "response_url": WELL, "cancel_url": f"{WELL}/c"}, "own"),
        ({"request_id": "r1", "status_url": f"{WELL}/s", "response_url": WELL}, "built"),
        ({"request_id": "r1", "status_url": f"{WELL}/s", "response_url": WELL, "cancel_url": 7}, "built"),
        ({"request_id": "r1", "status_url": f"{WELL}/s", "response_url": WELL, "cancel_url": f"{WELL}/\x1b"}, "built"),
        ({"request_id": "r1", "status_url": f"{WELL}/s", "response_url": WELL, "cancel_url": f"{WELL}/{KEY}"}, "built"),
        ({"request_id": "r1"}, "built"),
        ({"request_id": KEY}, None),
        ({"request_id": "a b"}, None),
        ({"request_id": 7}, None),
        ({}, None),
        (["r1"], None),
        ("request_id", None),
        (None, None),
    ],
)
def test_a_reply_with_an_id_that_can_be_one_is_a_receipt(said: Any, found: str | None) -> None:
    """With the addresses that it names, where they are fal's and fit to be kept; else with those of fal's own rule."""
    own = Receipt("r1", f"{WELL}/s", WELL, f"{WELL}/c")
    assert receipts().read(said) == {"own": own, "built": BUILT, None: None}[found]


def test_the_first_address_that_leads_elsewhere_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """As much of it as fits into a line, without the key, whichever of the three it is."""
    other = "https://evil.example.net/" + KEY + "x" * 200
    one = receipts()
    for _ in range(2):
        assert one.own(Receipt("r1", f"{WELL}/status", other, f"{WELL}/cancel")) == BUILT
    (told,) = [record.getMessage() for record in caplog.records]
    shown = ("https://evil.example.net/***" + "x" * 200)[:100]
    assert told == (
        "a reply, or the ledger, says to ask for a request at an address that is not fal's, or another request's "
        f"({shown}): nothing is asked there, no key goes there; fal's usual address is asked instead"
    )
