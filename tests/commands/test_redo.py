"""Another take of a row: real table, ledger and results, the service simulated; the price first, nothing lost."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from batch.commands.batch import Batch
from batch.commands.choose_take import TakeChoice, choose
from batch.commands.redo import Redo, offered
from batch.core.row import RowSelection
from batch.core.run_options import RunOptions
from batch.errors import Exit, UsageError
from batch.ledger.ledger import Ledger
from batch.ledger.takes import takes_of
from batch.sandbox.outcomes import model_error
from tests.support.runs import a_service, run_through
from tests.support.sheets import batch
from tests.support.simulated import Service

SHOTS = "id,prompt,image\na,boat,https://x.y/1\nb,tree,https://x.y/2\nc,rain,https://x.y/3\n"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def shown(given: Batch, *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in rows(given.manifest.path)]


def takes(given: Batch) -> dict[int, list[str]]:
    with Ledger.read(given.ledger) as ledger:
        return {row: [one.request_id for one in found] for row, found in takes_of(ledger).items()}


def redone(given: Batch, service: Service, redo: Redo, **options: object) -> Exit:
    """The row is redone; what the run ended with."""
    return run_through(given, service, RunOptions(concurrency=4, **options), mark=redo.mark).exit_code  # type: ignore[arg-type]


def named(*ids: str, more: int = 1) -> Redo:
    return Redo(command=["shots.csv"], named=RowSelection(ids=ids), more=more)


def test_a_redo_makes_one_more_take_of_the_row_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    """The others that wait are not bought; the newest is shown, and the first is still there."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service, RunOptions(concurrency=4, limit=2))
    before = takes(given)
    assert list(offered(given, named("b")).lines()) == ["another take of row 3 (b) for $0.49; what is there is kept"]
    assert takes(given) == before
    assert redone(given, service, named("b")) == Exit.STOPPED_EARLY  # row 4 is left, as it was before
    assert [len(found) for found in takes(given).values()] == [1, 2]
    assert takes(given)[2][0] == before[2][0]
    assert Counter(request.input["prompt"] for request in service.queue.requests) == {"boat": 1, "tree": 2}
    newest = takes(given)[2][1]
    assert shown(given, "status", "request_id", "take_shown", "takes_made")[1:] == [
        ("succeeded", newest, "2", "2"),
        ("pending", "", "", ""),
    ]
    assert shown(given, "cost_usd")[1] == ("0.98",)


def test_a_redo_buys_as_many_as_were_asked_for_and_no_run_after_it_buys_more(tmp_path: Path) -> None:
    """What was wanted is written down."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service)
    offer = offered(given, named("a", "c", more=3))
    assert (offer.videos, offer.price) == (6, 6 * 490_000)
    assert redone(given, service, named("a", "c", more=3)) == Exit.DONE
    assert [len(found) for found in takes(given).values()] == [4, 1, 4]
    assert run_through(given, service).exit_code == Exit.DONE
    assert len(service.queue.requests) == 3 + 6


def test_a_redo_that_fails_loses_nothing_of_what_is_there(tmp_path: Path) -> None:
    """The row says that it failed, and still shows its video; `rerun` is what helps."""
    outcomes = {"n": 0}

    def plan(given: object, nth: int) -> object:
        outcomes["n"] += 1
        return model_error("content_policy_violation") if outcomes["n"] > 3 else None

    given, service = batch(tmp_path, SHOTS), a_service(plan=plan)
    run_through(given, service)
    first = shown(given, "video_url")[0]
    assert redone(given, service, named("a")) == Exit.ROWS_FAILED
    ((status, error_type, url),) = shown(given, "status", "error_type", "video_url")[:1]
    assert (status, error_type, (url,)) == ("failed", "http_422", first)
    with pytest.raises(UsageError, match=r"its last take failed: `kling-batch rerun shots.csv --row 2` runs it again"):
        offered(given, named("a"))


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ("c", "it has no video yet: `kling-batch run shots.csv` makes it"),
        ("x", "--id x: the table has no such row, or it was never run"),
        ("", "name rows with --id, --row or --from"),
    ],
)
def test_a_row_that_cannot_be_redone_is_told_with_what_to_do(tmp_path: Path, ids: str, told: str) -> None:
    """Nothing is bought, and nothing is marked."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service, RunOptions(concurrency=4, limit=2))
    with pytest.raises(UsageError) as error:
        offered(given, named(*ids))
    assert told in str(error.value)


def test_nothing_is_bought_for_more_than_was_agreed(tmp_path: Path) -> None:
    """A table that was edited between the question and the answer may cost more."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service)
    agreed = offered(given, named("a")).price
    given.manifest.path.write_text(SHOTS.replace("prompt,image", "prompt,image,duration").replace("/1", "/1,10"))
    assert offered(given, named("a")).price == 2 * agreed
    with pytest.raises(UsageError, match=r"it costs \$0.98 by now, and \$0.49 was agreed: nothing was bought"):
        run_through(given, service, mark=named("a").mark, agreed=agreed)
    assert len(service.queue.requests) == 3
    assert run_through(given, service, mark=named("a").mark, agreed=2 * agreed).exit_code == Exit.DONE


def write_marks(folder: Path, *lines: str) -> Path:
    path = folder / "shots.marks.csv"
    path.write_text("\n".join(["id,row,take,mark,note,request_id", *lines]) + "\n")
    return path


def test_marks_are_carried_out_once_however_often_the_command_is_given(tmp_path: Path) -> None:
    """A mark is about the take that was looked at: where there is a newer one, it was carried out."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service)
    known = takes(given)
    path = write_marks(tmp_path, f"a,2,1,redo,too dark,{known[1][0]}", "b,3,,keep,,", f",4,,redo,,{known[3][0]}")
    redo = Redo(command=["shots.csv"], marks=path)
    assert [one.number for one in offered(given, redo).rows] == [2, 4]
    assert redone(given, service, redo) == Exit.DONE
    assert [len(found) for found in takes(given).values()] == [2, 1, 2]
    with pytest.raises(
        UsageError, match=r"nothing in .*shots.marks.csv is to be made again; row 2 \(a\): take 2 was made"
    ):
        offered(given, redo)
    assert len(service.queue.requests) == 5


def test_marks_find_their_rows_in_a_table_that_was_sorted_since(tmp_path: Path) -> None:
    """By the id, and where there is none by the take that was looked at, whatever number the row had then."""
    given, service = batch(tmp_path, "prompt,image\nboat,https://x.y/1\ntree,https://x.y/2\n"), a_service()
    run_through(given, service)
    of_boat = takes(given)[1][0]
    lines = given.manifest.path.read_text().splitlines(keepends=True)
    given.manifest.path.write_text("".join([lines[0], lines[2], lines[1]]))
    redo = Redo(command=["shots.csv"], marks=write_marks(tmp_path, f",2,1,redo,,{of_boat}"))
    assert [one.number for one in offered(given, redo).rows] == [3]
    assert redone(given, service, redo) == Exit.DONE
    assert Counter(request.input["prompt"] for request in service.queue.requests) == {"boat": 2, "tree": 1}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x,2,1,redo,,", "line 2: the table has no row with the id 'x'"),
        (",9,1,redo,,", "line 2: the table has no row 9: it may have been sorted since"),
        (",2,1,redo,,nobody's", "line 2: no row of the table has a take by the request nobody's"),
        ("a,2,1,redo,,{b}", "line 2: the request {b} made no take of row 2 (a)"),
        ("a,2,3,redo,,", "line 2: row 2 (a) has no take 3: it has take 1 only"),
        ("a,2,2,redo,,{a}", "line 2: the request {a} made take 1 of row 2 (a), not 2"),
        ("a,2,1,redo,,\na,2,1,keep,,", "lines 2 and 3: both are about row 2 (a): leave one of them"),
    ],
)
def test_a_mark_that_fits_no_row_buys_nothing(tmp_path: Path, line: str, told: str) -> None:
    """It is told with its line."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service)
    names = {"a": takes(given)[1][0], "b": takes(given)[2][0]}
    with pytest.raises(UsageError) as error:
        offered(given, Redo(command=["shots.csv"], marks=write_marks(tmp_path, line.format(**names))))
    assert told.format(**names) in str(error.value)


# Several from the start


def test_several_takes_are_bought_from_the_start_and_told_before(tmp_path: Path) -> None:
    """Each row is done when it has all of them; the budget, the limit and the price count each."""
    given, service, said = batch(tmp_path, SHOTS), a_service(), list[str]()
    outcome = run_through(given, service, RunOptions(concurrency=4, takes=3, limit=2), say=said.append)
    assert "2 of 3 rows, 6 videos, $2.94 (--limit 2)" in said
    assert outcome.spent_now == 6 * 490_000
    assert [len(found) for found in takes(given).values()] == [3, 3]
    assert shown(given, "status", "take_shown", "takes_made") == [
        ("succeeded", "3", "3"),
        ("succeeded", "3", "3"),
        ("pending", "", ""),
    ]
    assert "  4 more takes beside the videos in the table" in outcome.text().splitlines()
    assert outcome.json()["more_takes"] == 4
    assert len({one for found in takes(given).values() for one in found}) == 6


def test_a_budget_ends_in_the_middle_of_a_row_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """What is there is shown meanwhile; nothing is bought beyond what was wanted in all."""
    given, service = batch(tmp_path, SHOTS), a_service()
    options = RunOptions(concurrency=4, takes=2, max_spend=2 * 490_000)
    assert run_through(given, service, options).exit_code == Exit.STOPPED_EARLY
    assert len(service.queue.requests) == 2
    outcome = run_through(given, service)
    assert outcome.exit_code == Exit.DONE
    made = takes(given)
    assert sum(map(len, made.values())) == len(service.queue.requests)
    assert max(map(len, made.values())) == 2


# Choosing


def test_the_take_that_is_chosen_is_shown_until_another_one_is_made(tmp_path: Path) -> None:
    """At once in the table; `newest` undoes it; the first file keeps its name."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service)
    redone(given, service, named("a"))
    first, second = takes(given)[1]
    choice = RowSelection(ids=["a"])
    assert choose(given, TakeChoice(named=choice, use=1)) == ["row 2 (a) shows take 1 of 2 now"]
    assert shown(given, "request_id", "take_shown", "takes_made")[0] == (first, "1", "2")
    run_through(given, service)
    assert shown(given, "request_id", "take_shown")[0] == (first, "1")
    assert choose(given, TakeChoice(named=choice, use=1)) == ["nothing else is shown than before"]
    assert choose(given, TakeChoice(named=choice)) == ["row 2 (a) shows take 2 of 2 now"]
    assert shown(given, "request_id")[0] == (second,)
    choose(given, TakeChoice(named=choice, use=1))
    redone(given, service, named("a"))
    assert shown(given, "take_shown", "takes_made")[0] == ("3", "3")


def test_kept_marks_choose_the_take_that_was_looked_at(tmp_path: Path) -> None:
    """Those without a take choose nothing."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service, RunOptions(concurrency=4, takes=2))
    path = write_marks(tmp_path, "a,2,1,keep,,", "b,3,,keep,,", "c,4,1,,,")
    assert choose(given, TakeChoice(marks=path)) == ["row 2 (a) shows take 1 of 2 now"]
    with pytest.raises(UsageError, match=r"--use 3: row 2 \(a\) has no such take: it has takes 1 to 2"):
        choose(given, TakeChoice(named=RowSelection(ids=["a"]), use=3))
