"""What a command loads before it does anything: counted in a child that runs the real command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from batch.core import states
from batch.core.gateway import Receipt
from batch.ledger.ledger import Ledger
from tests.support.simulated import ledger_of, shots

CHILD = """
import atexit, json, pathlib, sys
atexit.register(lambda: pathlib.Path(sys.argv[1]).write_text(json.dumps(sorted(sys.modules))))
from batch.cli.main import main
main(args=sys.argv[2:], prog_name="kling-batch")
"""

TABLES = {"pandas", "pyarrow", "numpy"}
SERVICE = {"fal_client", "httpx", "aiohttp"}
SANDBOX = {"av", "starlette", "trio", "trustme", "uvicorn"}
CLUSTER = {"ray", "grpc"}
LOOP = {"anyio", "asyncio", "ssl"}
ROWS = {"PIL", "jsonschema_rs", "tqdm"}
HEAVY = TABLES | SERVICE | SANDBOX | CLUSTER | LOOP | ROWS


def loaded(folder: Path, *command: str) -> set[str]:
    """The modules that a command had loaded when it ended well."""
    found = folder / "modules.json"
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(found), *command], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    return set(json.loads(found.read_text()))


def foreign(modules: set[str]) -> set[str]:
    """Those of Python and of libraries: what costs the time. Ours are small, and grow in number with what there is."""
    return {name for name in modules if name.partition(".")[0] != "batch"}


def bring_home(path: Path) -> None:
    """Every row of this ledger has its video."""
    with Ledger.open(path) as ledger:
        for work in ledger.pending_rows(-1, 99):
            name = f"r{work.row}"
            ledger.apply(work.row, states.claimed(1e9, None, work.price))
            ledger.apply(work.row, states.accepted(1e9, Receipt(name, "https://s", "https://r", "https://c")))
            ledger.apply(work.row, states.succeeded(1e9 + 60, "{}", f"https://v/{name}", 490_000))


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A manifest whose rows all have their videos, as a run has left it."""
    path = tmp_path / "shots.csv"
    path.write_text("id,prompt,image\n" + "".join(f"s{n},shot {n},https://x.y/{n}.png\n" for n in range(20)))
    with_rows = ledger_of(shots(20))
    with Ledger.open(path.with_name("shots.csv.ledger")) as ledger:
        with_rows.db.backup(ledger.db)
    bring_home(path.with_name("shots.csv.ledger"))
    return path


HELP = {
    *("batch.cli", "batch.cli.command", "batch.cli.configuration", "batch.cli.main", "batch.cli.numbers"),
    *("batch.cli.help", "batch.cli.model_commands", "batch.cli.morning", "batch.cli.option_groups"),
    *(
        "batch.cli.option_types",
        "batch.cli.options",
        "batch.cli.output",
        "batch.cli.settings_files",
        "batch.cli.unattended",
    ),
    *("batch.core", "batch.core.plain_text", "batch.core.run_options", "batch.core.suggestions", "batch.errors"),
}


def test_help_loads_next_to_nothing(tmp_path: Path) -> None:
    """None of the libraries, and few modules at all."""
    modules = loaded(tmp_path, "--help")
    assert not modules & HEAVY
    assert len(modules) < 150
    assert not {name for name in modules if name.startswith("batch.")} - HELP


def test_status_loads_the_ledger_and_no_library(done: Path) -> None:
    """It is for the impatient, also while a run is at work."""
    modules = loaded(done.parent, "status", str(done))
    assert not modules & HEAVY
    assert len(foreign(modules)) < 152
    assert len(modules - foreign(modules)) < 60


def test_a_run_with_nothing_to_do_loads_an_event_loop_and_no_library(done: Path) -> None:
    """Once it has read the table: then the table is known, and nothing is planned, checked or asked."""
    first = loaded(done.parent, "run", str(done))
    assert "jsonschema_rs" in first
    modules = loaded(done.parent, "run", str(done))
    assert not modules & (HEAVY - LOOP)
    assert len(foreign(modules)) < 270
    assert len(modules - foreign(modules)) < 150


def test_check_loads_no_client_and_no_frames(done: Path) -> None:
    """What spends nothing needs nothing of the service."""
    assert not loaded(done.parent, "check", str(done)) & (TABLES | SERVICE | SANDBOX | {"PIL", "tqdm"})
