"""The ledger held and the gateway opened for a command: what is refused, what is tidied up, what comes out of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from batch.commands.batch import Batch
from batch.commands.session import Session, open_session, record_interrupted, ungrouped_errors
from batch.core import states
from batch.core.gateway import Gateway
from batch.core.run_options import RunOptions
from batch.errors import LedgerBusy, LedgerError, MissingKey
from batch.ledger.file import locked
from batch.ledger.ledger import Ledger
from batch.table import open_table
from tests.support.runs import a_service, play_in_line, reaching, run_through
from tests.support.sheets import PRICE, SHOTS, Sheet, batch
from tests.support.simulated import EPOCH, Crash


def through_session(given: Batch, do: Callable[[Session], object], said: list[str] | None = None) -> None:
    """Opens a session on a simulated service and does this in it."""

    async def command() -> None:
        async with open_session(given, EPOCH, (said or []).append, reaching(a_service())) as session:
            do(session)

    play_in_line(command)


def test_without_a_ledger_there_is_nothing_to_settle_and_none_is_made(tmp_path: Path) -> None:
    """One line that says so; not a file more than before."""
    given = batch(tmp_path, SHOTS)
    with pytest.raises(LedgerError, match=r"shots\.csv has no ledger yet: nothing was run"):
        through_session(given, pytest.fail)
    assert [path.name for path in tmp_path.iterdir()] == ["shots.csv"]


def test_a_ledger_that_a_run_holds_is_left_alone(tmp_path: Path) -> None:
    """Before it is even opened, and no gateway is opened either."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service(), RunOptions(limit=1))
    before = given.manifest.path.read_bytes(), given.ledger.read_bytes()
    with locked(given.ledger), pytest.raises(LedgerBusy, match=r"another run is at work on shots\.csv"):
        through_session(given, pytest.fail)
    assert (given.manifest.path.read_bytes(), given.ledger.read_bytes()) == before


def test_the_ledger_is_free_again_when_the_session_ends_well_or_badly(tmp_path: Path) -> None:
    """A command that fails keeps nobody out."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service(), RunOptions(limit=1))

    def fail(_: Session) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        through_session(given, fail)
    through_session(given, lambda session: session.ledger.money())
    with locked(given.ledger):
        pass


def test_an_error_comes_out_of_a_session_as_itself(tmp_path: Path) -> None:
    """The ledger's writer is a task group, and so is the gateway: whoever catches an error must not find a group."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service(), RunOptions(limit=1))

    @asynccontextmanager
    async def connect(_: Batch) -> AsyncIterator[Gateway]:
        raise MissingKey("no fal key")
        yield  # type: ignore[unreachable]

    async def command() -> None:
        async with open_session(given, EPOCH, pytest.fail, connect):
            pytest.fail("it was opened")

    with pytest.raises(MissingKey, match="no fal key"):
        play_in_line(command)


def test_the_table_is_saved_at_the_end(tmp_path: Path) -> None:
    """With what was settled, and nothing is said where that went well."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service(), RunOptions(limit=1))

    def settle(session: Session) -> None:
        with session.ledger.transaction():
            session.ledger.apply(2, states.cancelled(states.State.PENDING, EPOCH, 0))

    said: list[str] = []
    through_session(given, settle, said)
    table = open_table(given.manifest.path)
    at = table.columns.index("status")
    assert [record.cells[at] for record in table.records()] == ["succeeded", "cancelled", "pending"]
    assert said == []


def test_a_post_that_a_dead_run_left_behind_is_in_doubt_before_anything_is_done(
    make: Callable[..., Sheet],
) -> None:
    """It may have arrived: the command that comes next must not take it for one that waits."""
    sheet = make(SHOTS)
    sheet.ledger.apply(2, states.claimed(1e9, None, PRICE))
    record_interrupted(sheet.ledger, 2e9)
    assert sheet.ledger.db.execute("SELECT state, message FROM row").fetchall() == [
        ("pending", None),
        ("in_doubt", "the run ended while this row was being submitted"),
        ("pending", None),
    ]
    assert sheet.ledger.money().under_way == PRICE
    sheet.ledger.close()
    found: list[list[int]] = []
    given = Batch(manifest=sheet.manifest, ledger=sheet.at)
    with Ledger.open(sheet.at) as ledger:
        ledger.apply(1, states.claimed(1e9, None, PRICE))
    through_session(given, lambda session: found.append(session.ledger.interrupted()))
    assert found == [[]]
    assert sheet.column("status") == ["in_doubt", "in_doubt", "pending"]


# Errors out of groups


def test_an_error_leaves_its_groups_however_deep_it_is_in_them() -> None:
    """The first one, where there are several."""
    first = MissingKey("first")
    with pytest.raises(MissingKey) as caught, ungrouped_errors():
        raise ExceptionGroup("tasks", [ExceptionGroup("more", [first, ValueError("second")]), ValueError("third")])
    assert caught.value is first


def test_an_error_of_no_group_passes_as_it_is() -> None:
    """With its own cause."""
    with pytest.raises(ValueError, match="alone") as caught, ungrouped_errors():
        raise ValueError("alone") from ZeroDivisionError()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_end_of_the_process_stays_in_its_group() -> None:
    """No interrupt and no cancellation is unwrapped in passing."""
    with pytest.raises(BaseExceptionGroup) as caught, ungrouped_errors():
        raise BaseExceptionGroup("tasks", [Crash(), ValueError()])
    assert caught.group_contains(Crash)
