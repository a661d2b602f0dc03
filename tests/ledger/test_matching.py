"""Which record is which row: whatever is done to the sheet, nothing is bought that was bought."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.row import PlannedRow
from batch.core.states import State, Status
from batch.errors import ManifestError
from batch.ledger.matching import match
from tests.support.matched_sheets import PAID, Batch, Record, planned, print_of, ran

# Single edits


@pytest.mark.parametrize("state", State)
def test_sorting_keeps_every_row_beside_its_record(state: State) -> None:
    """Also identical records that differ in the user's own columns only."""
    batch = ran(Record("A", "1"), Record("B"), Record("B"), Record("B"), Record("C"), state=state)
    batch.read()
    paid = state in {State.SUBMITTED, State.SUCCEEDED}
    before = {one.uid: row for one, (row, _) in zip(batch.sheet, batch.stands(), strict=True)}
    claimable = sorted(batch.pending_rows())
    batch.sheet.reverse()
    batch.read()
    after = {one.uid: row for one, (row, _) in zip(batch.sheet, batch.stands(), strict=True)}
    assert after == before or not paid
    assert sorted(batch.pending_rows()) == claimable


def test_an_inserted_row_is_new_and_the_others_stay() -> None:
    """Places are not identity."""
    batch = ran(Record("A"), Record("B"))
    batch.sheet.insert(0, Record("C"))
    batch.read()
    assert batch.pending_rows() == ["C"]
    assert [status for _, status in batch.stands()] == ["pending", "succeeded", "succeeded"]


def test_two_identical_rows_are_two_videos() -> None:
    """A copied row asks for another take, also where our cells were copied along."""
    batch = ran(Record("A"))
    batch.sheet.append(batch.sheet[0].copied())
    batch.read()
    assert [status for _, status in batch.stands()] == ["succeeded", "pending"]


@pytest.mark.parametrize("deleted", [0, 1])
@pytest.mark.parametrize("saved", [True, False])
def test_of_two_identical_rows_the_paid_one_stays(deleted: int, saved: bool) -> None:
    """Whichever of them is deleted: one record is left, one video was bought, nothing is to buy."""
    batch = Batch(Record("A"), Record("A"))
    batch.read()
    batch.bring(batch.ledger.pending_rows(-1, 9)[1].row, State.SUCCEEDED)
    if saved:
        batch.save()
    del batch.sheet[deleted]
    batch.read()
    assert batch.pending_rows() == []
    assert [status for _, status in batch.stands()] == ["succeeded"]


def test_identical_rows_with_ids_keep_what_is_theirs() -> None:
    """Wherever they stand, and whatever was written beside them."""
    batch = Batch(Record("A", "1"), Record("A", "2"))
    batch.read()
    batch.bring(2, State.SUCCEEDED)
    batch.sheet.insert(0, Record("B"))
    batch.read()
    assert batch.stands() == [(3, Status.PENDING), (1, Status.PENDING), (2, Status.SUCCEEDED)]


def test_identical_rows_keep_their_places_while_nothing_is_written_beside_them() -> None:
    """Results that go to another file do not jump from one take to the other."""
    batch = Batch(Record("A"), Record("A"))
    batch.read()
    batch.bring(2, State.SUCCEEDED)
    batch.read()
    assert batch.stands() == [(1, Status.PENDING), (2, Status.SUCCEEDED)]


def test_an_id_says_more_of_an_edited_row_than_a_copied_request() -> None:
    """Our cells copied from another row do not make it that row."""
    batch = ran(Record("A", "1"), Record("B", "2"))
    batch.sheet.reverse()
    batch.sheet[0].own = dict(batch.sheet[1].own)
    batch.sheet[0].prompt, batch.sheet[1].prompt = "C", "D"
    batch.read()
    assert batch.stands() == [(2, Status.STALE), (1, Status.STALE)]


@pytest.mark.parametrize("id_", ["s1", ""])
def test_an_edited_row_that_has_its_video_is_stale_and_not_bought_again(id_: str) -> None:
    """It is known by its id, or by the request id that we wrote beside it."""
    batch = ran(Record("A", id_))
    batch.sheet[0].prompt = "B"
    batch.read()
    assert batch.pending_rows() == []
    assert [status for _, status in batch.stands()] == [Status.STALE]
    batch.sheet[0].own.clear()  # and it is still known where our columns are emptied later
    batch.read()
    assert [status for _, status in batch.stands()] == [Status.STALE]


def test_a_failed_row_without_an_id_that_was_edited_is_a_new_one() -> None:
    """Nothing was bought, and what it asks for now was never asked."""
    batch = ran(Record("A"), state=State.FAILED)
    batch.sheet[0].prompt = "B"
    batch.read()
    assert batch.pending_rows() == ["B"]


@pytest.mark.parametrize(("before", "after"), [("", "s1"), ("s1", ""), ("s1", "s2")])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("saved", [True, False])
def test_an_id_that_is_added_changed_or_taken_away_buys_nothing(
    before: str, after: str, state: State, saved: bool
) -> None:
    """The row is known by its inputs."""
    batch = ran(Record("A", before), state=state, saved=saved)
    batch.sheet[0].id = after
    batch.read()
    assert batch.enrolled == 0
    assert [row for row, _ in batch.stands()] == [1]


def test_ids_that_are_numbered_anew_buy_only_the_new_row() -> None:
    """A row inserted on top and the series 1, 2, 3 filled in again: each video stays beside its inputs."""
    batch = ran(Record("A", "1"), Record("B", "2"), Record("C", "3"))
    batch.sheet.insert(0, Record("new"))
    for number, one in enumerate(batch.sheet, 1):
        one.id = str(number)
    batch.read()
    assert batch.pending_rows() == ["new"]
    assert [status for _, status in batch.stands()] == ["pending", "succeeded", "succeeded", "succeeded"]
    batch.read()
    assert batch.enrolled == 0


def test_ids_that_change_places_buy_nothing() -> None:
    """What A was paid for is not bought for B's old row."""
    batch = Batch(Record("A", "1"), Record("B", "2"))
    batch.read()
    batch.bring(1, State.SUCCEEDED)
    batch.save()
    batch.sheet[0].id, batch.sheet[1].id = "2", "1"
    batch.read()
    assert batch.pending_rows() == ["B"]
    assert batch.stands() == [(1, Status.SUCCEEDED), (2, Status.PENDING)]


@pytest.mark.parametrize("id_", ["s1", ""])
def test_an_edited_copy_above_a_row_does_not_take_its_video_away(id_: str) -> None:
    """Copied with its id and our cells, then edited: the original is still the row that was paid for."""
    batch = ran(Record("A", "s1"))
    batch.sheet[0].id = id_
    batch.sheet.insert(0, batch.sheet[0].copied())
    batch.sheet[0].prompt = "B"
    batch.read()
    assert batch.pending_rows() == ["B"]
    assert [status for _, status in batch.stands()] == ["pending", "succeeded"]


def test_doubled_ids_are_told_and_told_apart_by_their_contents() -> None:
    """They are no keys; nothing is bought twice for them."""
    batch = ran(Record("A", "s1"), Record("B", "s2"))
    batch.sheet[1].id = "s1"
    found = batch.read()
    assert [str(one) for one in found.warnings] == [
        "row 2, column id: 's1' stands in 2 rows (also row 3): they are told apart by their contents"
    ]
    assert batch.pending_rows() == []
    assert [status for _, status in batch.stands()] == ["succeeded", "succeeded"]


def test_a_restored_backup_buys_nothing_again() -> None:
    """An older sheet with an older request id: the row was run again since, and is not bought by itself."""
    batch = ran(Record("A"))
    backup = batch.sheet[0].copied()
    batch.sheet[0].prompt = "B"
    batch.read()
    with batch.ledger.transaction():
        batch.ledger.apply(1, states.again(State.SUCCEEDED, 5.0))
    batch.read()
    assert batch.pending_rows() == ["B"]
    batch.bring(1, State.SUCCEEDED)
    batch.save()
    batch.sheet = [backup]
    batch.read()
    assert batch.pending_rows() == []
    assert batch.stands() == [(1, Status.STALE)]


# Values that are not ours


@pytest.mark.parametrize(
    ("own", "column"),
    [
        ({"status": "approved"}, "status"),
        ({"status": "succeeded", "request_id": "unknown"}, "request_id"),
        ({"status": "succeeded", "video_url": "https://mine"}, "video_url"),
        ({"video_url": "https://mine"}, "video_url"),
        ({"error": "too dark"}, "error"),
        ({"attempts": "3"}, "attempts"),
        ({"cost_usd": "=SUM(G2:G9)"}, "cost_usd"),
        ({"finished_at": "tomorrow"}, "finished_at"),
    ],
)
def test_a_value_that_we_did_not_write_stops_everything(own: dict[str, str], column: str) -> None:
    """It would be overwritten: row and column are named, and what to do; the ledger is left as it was."""
    batch = ran(Record("A"), Record("B"))
    before = batch.query("SELECT * FROM row")
    batch.sheet.append(Record("C", own=own))
    with pytest.raises(ManifestError, match=rf"row 4, column {column}: .*--prefix PREFIX"):
        batch.read()
    assert batch.query("SELECT * FROM row") == before
    assert not batch.ledger.db.in_transaction


@pytest.mark.parametrize("word", ["pending", "failed"])
def test_a_new_ledger_has_written_nothing_yet(word: str) -> None:
    """Words of ours in a status column are the user's own at the first run, or of a ledger that is lost."""
    batch = Batch(Record("A", own={"status": word}))
    with pytest.raises(ManifestError, match="row 2, column status: "):
        batch.read()


def test_what_we_wrote_is_known_again() -> None:
    """In every state, and where a row's status was cleared but not its request."""
    batch = Batch(*(Record(state, own={}) for state in State), Record(""))
    batch.read()
    for work, state in zip(batch.ledger.pending_rows(-1, 99), State, strict=True):
        batch.bring(work.row, state)
    batch.save()
    batch.read()
    batch.sheet[4].own.pop("status")
    batch.read()
    assert batch.enrolled == 0


def test_a_manifest_that_cannot_be_read_to_its_end_changes_nothing() -> None:
    """The ledger is ready for the next try."""
    batch = ran(Record("A"))
    before = batch.query("SELECT * FROM row"), batch.stands()

    def broken() -> Iterator[PlannedRow]:
        yield from planned([Record("X")])
        raise ManifestError("a quote is never closed")

    with pytest.raises(ManifestError):
        match(batch.ledger, broken())
    assert not batch.ledger.db.in_transaction
    assert (batch.query("SELECT * FROM row"), batch.stands()) == before


# Any history of edits


prompts = st.sampled_from(["A", "A", "A", "B", "B", ""])
names = st.sampled_from(["", "", "x", "y"])
where = st.integers(0, 4)


def test_a_sort_gives_a_waiting_record_no_deleted_records_failure() -> None:
    """Twins, of which one failed and its record was deleted: the one that waits goes on waiting, wherever it stands."""
    batch = Batch(Record("a"))
    batch.read()
    batch.bring(1, State.FAILED)
    for _ in range(2):
        batch.sheet.insert(0, replace(batch.sheet[0].copied(), own={}))
    batch.read()
    batch.bring(3, State.SUBMITTED)
    batch.read()
    del batch.sheet[0]
    batch.read()
    batch.save()
    batch.read()
    assert batch.pending_rows() == ["a"]
    batch.sheet.reverse()
    batch.read()
    assert batch.pending_rows() == ["a"]


def test_a_row_to_be_bought_again_stays_beside_its_edited_record() -> None:
    """Among records of the same new text; and reading once more changes nothing."""
    batch = Batch(Record("B"), Record("A"), Record("A"))
    batch.read()
    batch.bring(1, State.SUCCEEDED)
    batch.save()
    batch.sheet[0].prompt = "A"
    batch.read()
    with batch.ledger.transaction():
        batch.ledger.apply(1, states.again(State.SUCCEEDED, 5.0))
    for order in ((1, 0, 2), (2, 1, 0)):
        batch.sheet[:] = [batch.sheet[place] for place in order]
        for _ in range(2):
            batch.read()
            stands = dict(zip((one.uid for one in batch.sheet), (row for row, _ in batch.stands()), strict=True))
            (kept,) = [one.uid for one in batch.sheet if one.own.get("request_id")]
            assert stands[kept] == 1
    assert batch.pending_rows() == ["A", "A", "A"]


class Histories(RuleBasedStateMachine):
    """A sheet that is edited in every way between runs, and a ledger whose rows are in every state.

    For each content: records of it, less those that an unchanged id ties to their rows, less the rows of it that
    are paid for, is the most that may be claimable. More would be a video bought again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.batch = Batch()
        self.kept: list[Record] = []
        self.saved = False

    @initialize(sheet=st.lists(st.builds(Record, prompts, names), min_size=1, max_size=5))
    def begin(self, sheet: list[Record]) -> None:
        self.batch.sheet = [one.copied() for one in sheet]
        self.read()

    def at(self, index: int) -> int:
        return index % len(self.batch.sheet)

    def edited(self) -> None:
        self.saved = False

    @rule(at=where, prompt=prompts, name=names)
    def insert(self, at: int, prompt: str, name: str) -> None:
        self.batch.sheet.insert(at, Record(prompt, name))
        self.edited()

    @precondition(lambda self: self.batch.sheet)
    @rule(at=where)
    def delete(self, at: int) -> None:
        del self.batch.sheet[self.at(at)]
        self.edited()

    @precondition(lambda self: self.batch.sheet)
    @rule(at=where, to=where, with_cells=st.booleans())
    def duplicate(self, at: int, to: int, with_cells: bool) -> None:
        copy = self.batch.sheet[self.at(at)].copied()
        if not with_cells:
            copy.own.clear()
        self.batch.sheet.insert(to, copy)
        self.edited()

    @precondition(lambda self: self.batch.sheet)
    @rule(at=where, prompt=prompts)
    def edit(self, at: int, prompt: str) -> None:
        self.batch.sheet[self.at(at)].prompt = prompt
        self.edited()

    @precondition(lambda self: self.batch.sheet)
    @rule(at=where, name=names)
    def rename(self, at: int, name: str) -> None:
        self.batch.sheet[self.at(at)].id = name
        self.edited()

    @precondition(lambda self: len(self.batch.sheet) > 1)
    @rule(at=where, other=where)
    def swap_ids(self, at: int, other: int) -> None:
        one, two = self.batch.sheet[self.at(at)], self.batch.sheet[self.at(other)]
        one.id, two.id = two.id, one.id
        self.edited()

    @rule(numbered=st.booleans())
    def all_ids(self, numbered: bool) -> None:
        for number, one in enumerate(self.batch.sheet):
            one.id = str(number) if numbered else ""
        self.edited()

    @rule()
    def empty_our_columns(self) -> None:
        for one in self.batch.sheet:
            one.own.clear()
        self.edited()

    @rule()
    def keep_a_backup(self) -> None:
        self.kept = [one.copied() for one in self.batch.sheet]

    @rule()
    def restore(self) -> None:
        self.batch.sheet = [one.copied() for one in self.kept]
        self.edited()

    @rule(random=st.randoms(use_true_random=False))
    def sort(self, random: Any) -> None:
        """After a save a sorted sheet changes nothing at all."""
        before = self.paid_rows() if self.saved else None
        claimable = sorted(self.batch.pending_rows())
        random.shuffle(self.batch.sheet)
        self.read()
        if before is not None:
            assert self.paid_rows() == before
            assert sorted(self.batch.pending_rows()) == claimable

    def paid_rows(self) -> dict[int, int]:
        shown = {Status.SUBMITTED, Status.SUCCEEDED, Status.STALE}
        found = zip(self.batch.sheet, self.batch.stands(), strict=True)
        have_id = {row for (row,) in self.batch.query("SELECT id FROM row WHERE request_id IS NOT NULL")}
        return {one.uid: row for one, (row, status) in found if status in shown and row in have_id}

    @rule()
    def save(self) -> None:
        self.read()
        self.batch.save()
        self.read()
        self.saved = True

    @precondition(lambda self: self.batch.pending_rows())
    @rule(at=where, state=st.sampled_from([*State, State.SUCCEEDED, State.SUBMITTED]))
    def run_a_row(self, at: int, state: State) -> None:
        works = self.batch.ledger.pending_rows(-1, 99)
        self.batch.bring(works[at % len(works)].row, state)
        self.edited()

    @rule(at=where, well=st.booleans())
    def go_on(self, at: int, well: bool) -> None:
        """A row under way ends, or a person asks for a finished one again."""
        if not (found := self.batch.query("SELECT id, state FROM row WHERE state <> 'pending'")):
            return
        row, state = found[at % len(found)]
        name = f"r{next(self.batch.requests)}"
        receipt = Receipt(name, "https://s", "https://r", "https://c")
        moves = {
            State.SUBMITTING: (states.accepted(5.0, receipt), states.not_sent(5.0, "no")),
            State.IN_DOUBT: (states.found_at_fal(5.0, receipt), states.never_accepted(5.0)),
            State.SUBMITTED: (states.succeeded(5.0, "{}", "https://v", 1), states.another_try(5.0, "k", "m", 0)),
            State.FAILED: (states.again(State.FAILED, 5.0),) * 2,
            State.CANCELLED: (states.again(State.CANCELLED, 5.0),) * 2,
            State.SUCCEEDED: (states.again(State.SUCCEEDED, 5.0),) * 2,
        }
        self.batch.ledger.apply(row, moves[State(state)][not well])
        self.edited()

    @rule()
    def read(self) -> None:
        """A run begins."""
        batch = self.batch
        known = {(key, bytes(mark)): State(state) for key, mark, state in self.rows("key, fingerprint, state")}
        sent = self.rows(f"id, arguments, request_id, state, spent {PAID_ONLY}")
        paid = Counter(bytes(mark) for (mark,) in self.rows(f"fingerprint {PAID_ONLY}"))
        batch.read()

        assert self.rows(f"id, arguments, request_id, state, spent {PAID_ONLY}") == sent
        ids = Counter(one.id for one in batch.sheet)
        named = [one for one in batch.sheet if one.id and ids[one.id] == 1]
        tied = {one.uid: state for one in named if (state := known.get((f"id:{one.id}", print_of(one.prompt))))}
        claimable = Counter(batch.pending_rows())
        placed = {place: (row, status) for place, (row, status) in enumerate(batch.stands())}
        for prompt in {"A", "B"}:
            here = [one for one in batch.sheet if one.prompt == prompt]
            bound = [tied[one.uid] for one in here if one.uid in tied]
            free_paid = paid[print_of(prompt)] - sum(state in PAID for state in bound)
            most = sum(state is State.PENDING for state in bound) + max(0, len(here) - len(bound) - free_paid)
            assert claimable[prompt] <= most, (prompt, claimable[prompt], most)
        rows = [row for row, _ in placed.values() if row is not None]
        assert len(rows) == len(set(rows)), "a row at two places"
        for place, one in enumerate(batch.sheet):
            row, status = placed[place]
            assert (row is not None) or not one.prompt
            assert status is not Status.PENDING or one.prompt
        for work in batch.ledger.pending_rows(-1, 99):
            assert batch.sheet[work.place].prompt == work.arguments["prompt"]
            assert placed[work.place] == (work.row, Status.PENDING)

        before = self.rows("*"), batch.stands()
        batch.read()
        assert batch.enrolled == 0, "reading twice enrols twice"
        assert (self.rows("*"), batch.stands()) == before

    def rows(self, what: str) -> list[Any]:
        columns, _, condition = what.partition(" WHERE ")
        return self.batch.query(f"SELECT {columns} FROM row {'WHERE ' + condition if condition else ''}")


PAID_ONLY = "WHERE state IN ('submitting', 'submitted', 'in_doubt', 'succeeded')"


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
