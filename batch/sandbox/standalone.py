"""Serves the sandbox on its own, for any fal client, until it is cancelled.

    $ kling-batch sandbox --run-seconds 5 --fault "submit:3=cut_after" > sandbox.env &
    $ . ./sandbox.env
    $ python my_script_that_uses_fal_client.py

The environment makes fal's host names lead to the sandbox and trusts its certificates only, so nothing reaches the real
service and nothing costs money. A prompt that holds `[[content_policy_violation]]` (any error's name) fails so; with
`*2` inside the brackets, only its first two times. With a folder, a sandbox that was killed goes on where it was.
"""

import asyncio
import secrets
import shlex
import sys
from pathlib import Path

from batch.sandbox import Address, Faults, History, Queue, Recording, request_ids, serve
from batch.sandbox.media import Fetch, Renderer


async def serve_alone(
    port: int = 0,
    slots: int = 2,
    run_seconds: float = 300.0,
    folder: Path | None = None,
    faults_text: str = "",
    *,
    queue_seconds: float = 0.0,
    history: History | None = None,
    seed: int = 0,
    render: Renderer | None = None,
    fetch: Fetch | None = None,
    keys: frozenset[str] | None = None,
) -> None:
    """Serves until cancelled; prints the environment as `export K=V` lines once it listens.

    `seed` is that of the faults' shares. UsageError for faults that cannot be meant and for a port that is taken.
    """
    faults = Faults.parse(faults_text, seed)
    queue = Queue(
        slots,
        run_seconds,
        ids=request_ids(secrets.randbits(64)),  # never those of another night: a ledger may still know them
        queue_seconds=queue_seconds,
        history=history,
        recording=Recording(folder) if folder else None,
    )
    async with serve(queue, port=port, folder=folder, faults=faults, render=render, fetch=fetch, keys=keys) as address:
        sys.stdout.write(exports(address))
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


def exports(address: Address) -> str:
    """The environment, for a shell to read."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in address.environment().items())
