"""Nothing stands in the table and the ledger is gone: fal's records are asked, and a person says what is to be done."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from batch.core.run_options import RunOptions
from batch.errors import Exit
from tests.support.shared_night import IMAGE, SharedNight

ADOPT, BUY = RunOptions(adopt_known=True), RunOptions(buy_again=True)


def lost(now: SharedNight, rows: int = 4) -> Path:
    """A table as it was before its run, which bought all of it."""
    shots = now.table(rows)
    given = shots.read_bytes()
    assert now.run(shots) == 0
    forget(shots, given)
    return shots


def forget(shots: Path, given: bytes) -> None:
    shots.write_bytes(given)
    Path(f"{shots}.ledger").unlink()


def shown(shots: Path) -> list[dict[str, str]]:
    with shots.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_that_fal_knows_are_held_and_told_once(now: SharedNight) -> None:
    """Exit 4; rows, requests and price are listed with the two words to go on; a row of their own is bought."""
    shots = lost(now)
    with shots.open("a") as file:
        file.write("new,another shot,https://example.com/a.png,\n")
    assert now.run(shots) == Exit.IN_DOUBT
    first = next(at for at, line in enumerate(now.said) if "bought before" in line)
    told = "\n".join(now.said[first : first + 6])
    assert not [line for line in now.said if "\n" in line]
    rows = shown(shots)
    assert [row["status"] for row in rows] == ["in_doubt"] * 4 + ["succeeded"]
    assert "4 rows for $1.96" in told
    assert f"kling-batch run {shots} --adopt-known" in told
    assert "--buy-again" in told
    for number, row in enumerate(rows[:4], 2):
        request = row["error"].split("an equal request, ")[1].split(",")[0]
        assert f"row {number}: {request}" in told
    assert now.run(shots) == Exit.IN_DOUBT
    assert not any("bought before" in line for line in now.said)
    assert set(now.accepted.values()) == {1}


@pytest.mark.parametrize("held", [True, False])
def test_what_is_known_is_taken_over_and_costs_nothing(now: SharedNight, held: bool) -> None:
    """Whether a run has held the rows before or not: each video comes home to its own row, no POST leaves."""
    shots = lost(now)
    if held:
        now.run(shots)
    assert now.run(shots, options=ADOPT) == 0
    assert now.accepted == {f"shot {n}": 1 for n in range(4)}
    rows = shown(shots)
    assert [row["status"] for row in rows] == ["succeeded"] * 4
    assert len({row["request_id"] for row in rows}) == 4


@pytest.mark.parametrize("held", [True, False])
def test_a_person_may_buy_again(now: SharedNight, held: bool) -> None:
    """Then, and only then, there is a second video of each."""
    shots = lost(now, 2)
    if held:
        now.run(shots)
    assert now.run(shots, options=BUY) == 0
    assert now.accepted == {"shot 0": 2, "shot 1": 2}
    assert [row["attempts"] for row in shown(shots)] == ["1", "1"]
    assert now.run(shots, options=BUY) == 0
    assert now.accepted == {"shot 0": 2, "shot 1": 2}


def test_records_that_cannot_be_read_hold_nobody_up(now: SharedNight) -> None:
    """It is said once in the run, which goes by its ledger as ever."""
    shots = now.table(2)
    now.unreadable = True
    assert now.run(shots) == 0
    assert len([line for line in now.said if "do not say what was bought before" in line]) == 1
    assert now.run(shots) == 0
    assert not [line for line in now.said if "bought before" in line]


def test_a_ledger_that_never_sent_anything_waits_less_for_records_that_do_not_answer(now: SharedNight) -> None:
    """Two questions half a second apart; three, ten seconds in all, where there are purchases to be afraid of."""
    shots = now.table(2)
    now.unreadable = True
    assert now.run(shots) == 0
    assert now.listings == 2
    with shots.open("a") as file:
        file.write(f"s9,shot 9,{IMAGE},new\n")
    assert now.run(shots) == 0
    assert now.listings == 2 + 3


def test_twins_are_held_by_count(now: SharedNight) -> None:
    """Two equal rows of which one was bought: one is held, the other is the second video that was asked for."""
    shots = now.table(1, ids=False)
    twins = shots.read_text() + ",shot 0,https://example.com/a.png,twin\n"
    assert now.run(shots) == 0
    forget(shots, twins.encode())
    assert now.run(shots) == Exit.IN_DOUBT
    assert now.accepted == {"shot 0": 2}
    assert sorted(row["status"] for row in shown(shots)) == ["in_doubt", "succeeded"]


def test_the_videos_of_a_table_beside_it_are_that_table_s(now: SharedNight) -> None:
    """Equal rows in two tables are bought for each of them."""
    assert now.run(now.table(2)) == 0
    assert now.run(now.table(2, "other.csv")) == 0
    assert now.accepted == {"shot 0": 2, "shot 1": 2}


def test_a_ledger_that_goes_on_asks_nobody(now: SharedNight) -> None:
    """The question costs a new ledger one request, and nobody else one."""
    shots = now.table(2)
    assert now.run(shots) == 0
    with shots.open("a") as file:
        file.write("s9,shot 9,https://example.com/a.png,,,,,,,,,,\n")
    before = now.listings
    assert now.run(shots) == 0
    assert now.listings == before
    assert before == 1


def test_the_log_tells_what_was_held_and_taken_over(now: SharedNight) -> None:
    """Every step is an edge that is drawn, and the reason stands beside it."""
    shots = lost(now, 1)
    assert now.run(shots, options=ADOPT) == 0
    with closing(sqlite3.connect(f"{shots}.ledger")) as db:
        states = [state for (state,) in db.execute("SELECT new FROM event ORDER BY seq")]
        (why,) = db.execute("SELECT detail FROM event WHERE new = 'in_doubt'").fetchone()
    assert states == ["submitting", "in_doubt", "submitted", "succeeded"]
    assert why.startswith("bought_before: fal's records show an equal request")


def test_a_table_that_was_renamed_without_its_ledger_is_told_so(now: SharedNight) -> None:
    """Also where fal's records cannot be read, or no longer go back so far; renamed with it, all is well."""
    shots = now.table(2)
    assert now.run(shots) == 0
    given = now.table(2, "renamed.csv")
    shots.unlink()
    now.unreadable = True
    assert now.run(given) == Exit.UNUSABLE
    assert "shots.csv.ledger stands there without its table, and has bought 2 of the rows" in now.said[0]
    assert not Path(f"{given}.ledger").exists()
    Path(f"{shots}.ledger").rename(f"{given}.ledger")
    assert now.run(given) == 0
    assert set(now.accepted.values()) == {1}
    assert now.run(now.table(1, "other.csv"), options=BUY) == 0


def test_what_a_run_beside_this_one_has_just_sent_is_that_run_s(now: SharedNight) -> None:
    """fal lists its request before its receipt is on disk: an equal row here was not bought before."""
    other, shots = now.table(1, "other.csv"), now.table(1)
    now.on_submit, now.unreadable = (lambda _: "lost"), True
    assert now.run(other) == Exit.IN_DOUBT
    now.on_submit, now.unreadable = (lambda _: None), False
    assert now.run(shots) == 0
    assert now.accepted == {"shot 0": 2}
