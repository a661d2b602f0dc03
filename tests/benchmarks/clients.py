"""Those that are measured: each is a command that runs a manifest against the service."""

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
NODE = HERE / "node"
OURS: Sequence[str] = ()
"""Arguments beyond the manifest: none, so that the account's slots are found out (`--concurrency auto`)."""
OURS_TOLD = ("--concurrency", "{at_once}")
"""The same, with the slots told, as the others are told them."""
MANY = 500
"""From so many slots on both are measured: finding them out takes some seconds, which count where rows run for 3."""

Command = Callable[[Path, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Client:
    """One way to run a manifest. `command` takes the manifest and how many slots the account has."""

    name: str
    colour: str
    command: Command
    missing: str | None = None
    """Why it cannot be measured here."""
    patience: float = float("inf")
    """It is run only once where a run has taken longer than this, in seconds."""
    least: int = 0
    """It is measured only from so many slots on."""


def _ours(how: Sequence[str]) -> Command:
    def command(manifest: Path, at_once: int) -> Sequence[str]:
        return [sys.executable, "-m", "batch", "run", str(manifest), *(part.format(at_once=at_once) for part in how)]

    return command


def _subscribe(manifest: Path, at_once: int) -> Sequence[str]:
    return [sys.executable, str(HERE / "subscribe.py"), str(manifest), str(results_of(manifest)), str(at_once)]


def _node(manifest: Path, at_once: int) -> Sequence[str]:
    return ["node", str(NODE / "subscribe.mjs"), str(manifest), str(results_of(manifest)), str(at_once)]


def results_of(manifest: Path) -> Path:
    """Where those that do not write into the manifest write their results."""
    return manifest.with_suffix(".jsonl")


def _node_missing() -> str | None:
    if shutil.which("node") is None:
        return "Node.js is not installed: https://nodejs.org"
    if not all((NODE / "node_modules" / name).is_dir() for name in ("@fal-ai/client", "p-queue")):
        return "its packages are not installed: npm ci --prefix tests/benchmarks/node"
    return None


@cache
def clients() -> tuple[Client, ...]:
    """In the order in which they take turns."""
    return (
        Client("kling-batch", "tab:green", _ours(OURS)),
        Client("kling-batch --concurrency N", "tab:olive", _ours(OURS_TOLD), least=MANY),
        Client("@fal-ai/client, p-queue", "tab:orange", _node, _node_missing()),
        Client("fal_client.subscribe, semaphore", "tab:blue", _subscribe, patience=180.0),
    )
