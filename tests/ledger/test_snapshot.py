"""A table that is known: which bytes were enrolled, and what makes them unknown again."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from batch.core import states
from batch.ledger.ledger import Ledger
from batch.ledger.snapshot import ManifestSnapshot, last_event, load_snapshot, save_snapshot, try_save_snapshot
from batch.table.csv_reader import read_records
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.enrolled_tables import EnrolledTable
from tests.support.ledgers import PRICE, add
from tests.support.statements import traced


def test_a_table_that_is_as_it_was_is_not_matched_again(make: Callable[..., EnrolledTable]) -> None:
    """Resuming asks as much of the ledger for 300 rows as for 10; what the run itself wrote is known, too."""
    said = {}
    for rows in (10, 300):
        batch = make(rows)
        batch.read()
        for saved in (False, True):
            if saved:
                batch.save()
            with traced(batch.ledger) as statements:
                batch.read()
            said[rows, saved] = len(statements)
    assert len(set(said.values())) == 1
    assert said[300, True] < 5


def test_a_save_is_known_by_the_last_event_that_it_shows(make: Callable[..., EnrolledTable]) -> None:
    """With nothing new the file is not touched; one row more at home and it is written."""
    batch = make(3)
    batch.read()
    batch.succeed(1)
    batch.save()
    before = batch.path.stat().st_ino
    batch.save()
    assert batch.path.stat().st_ino == before
    batch.succeed(2)
    batch.save()
    assert batch.path.read_text().count("succeeded") == 2


def test_the_first_save_knows_how_wide_the_table_is(
    make: Callable[..., EnrolledTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records are read once more, to be written, and not before that to be measured; ours stand right of them."""
    batch = make(3)
    batch.path.write_text(batch.path.read_text() + "s3,shot 3,https://x.y/1.png,a remark\n")
    batch.read()
    batch.succeed(1)
    read = []

    def counted(lines: Iterable[str], *more: str, **how: bool) -> Iterator[tuple[int, str, list[str]]]:
        for record in read_records(lines, *more, **how):
            read.append(record[0])
            yield record

    monkeypatch.setattr("batch.table.csv_table.read_records", counted)
    batch.save()
    assert read.count(2) == 1
    header, *_, last = batch.path.read_text().splitlines()
    assert header.startswith("id,prompt,image,,status,")
    assert last.startswith("s3,shot 3,https://x.y/1.png,a remark,invalid,")


def test_any_edit_and_any_other_way_to_read_makes_a_table_unknown(make: Callable[..., EnrolledTable]) -> None:
    """One character is enough, also where size and time of change stay; so are prices, mappings and a prefix."""
    batch = make(3)
    batch.read()
    assert batch.known()
    prices = {name: price + 1 for name, price in JOB.prices.items()}
    for other in ({"prefix": "k_"}, {"prices": prices}, {"mapped": {"id": "id"}}, {"reads_own": False}):
        assert not batch.known(replace(batch.manifest, **other))
    batch.path.write_text(batch.path.read_text().replace("shot 1", "Shot 1"))
    assert not batch.known()


def test_a_table_of_local_images_is_read_again_each_time(make: Callable[..., EnrolledTable]) -> None:
    """An image may become another one while the table's bytes stay."""
    batch = make(2, image="a.png")
    Image.new("RGB", (400, 400)).save(batch.path.with_name("a.png"))
    batch.read()
    assert batch.known() is None
    batch.succeed(1)
    Image.new("RGB", (400, 400), "red").save(batch.path.with_name("a.png"))
    batch.read()
    assert batch.ledger.db.execute("SELECT edited FROM sheet").fetchall() == [(1,), (0,)]


def test_a_row_edited_while_it_is_under_way_keeps_its_table_from_being_final(
    make: Callable[..., EnrolledTable],
) -> None:
    """Once it has failed, the next run has to give it the inputs that the table says."""
    batch = make(2)
    batch.read()
    batch.submit(1)
    batch.path.write_text(batch.path.read_text().replace("shot 0", "mended"))
    batch.read()
    known = batch.known()
    assert known is not None
    assert not known.final
    batch.ledger.apply(1, states.failed(1e9, "content_policy_violation", "no", 0))
    batch.read()
    (arguments,) = batch.ledger.db.execute("SELECT arguments FROM row WHERE id = 1").fetchone()
    assert "mended" in arguments
    known = batch.known()
    assert known is not None
    assert known.final


# The snapshot itself


def test_a_snapshot_is_known_again_by_its_settings_only(ledger: Ledger) -> None:
    """Whole, as it was saved; read in another way it says nothing."""
    kept = ManifestSnapshot("digest", "settings", 7, width=3, final=True, shown=5)
    assert load_snapshot(ledger, "settings") is None
    save_snapshot(ledger, kept)
    assert load_snapshot(ledger, "settings") == kept
    assert load_snapshot(ledger, "other settings") is None
    save_snapshot(ledger, None)
    assert load_snapshot(ledger, "settings") is None


def test_a_snapshot_that_cannot_be_written_is_done_without(path: Path, ledger: Ledger) -> None:
    """Everything else is saved by then, and the next run only takes longer; what was known before stays."""
    kept = ManifestSnapshot("digest", "settings", 7)
    save_snapshot(ledger, kept)
    with Ledger.read(path) as reader:
        try_save_snapshot(reader, replace(kept, records=8))
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            save_snapshot(reader, replace(kept, records=8))
    assert load_snapshot(ledger, "settings") == kept


def test_the_last_event_moves_with_every_change_of_a_row_and_with_nothing_else(ledger: Ledger) -> None:
    """What our columns show has changed if and only if it has."""
    assert last_event(ledger) == 0
    row = add(ledger)
    assert last_event(ledger) == 0
    seen = []
    for move in (states.claimed(1.0, None, PRICE), states.not_sent(2.0, "no network"), states.claimed(3.0, None, 1)):
        ledger.apply(row, move)
        seen.append(last_event(ledger))
    ledger.set_meta("a", "1")
    assert [*seen, last_event(ledger)] == [1, 2, 3, 3]


ODD_NOTES = ["", "x", "7", "[]", "{}", '{"settings": "s"}', '{"digest": 1, "settings": "s", "records": 2}']
ODD_NOTES += [
    '{"digest": "d", "settings": "s", "records": "2"}',
    '{"digest": "d", "settings": "s", "records": 2, "final": 1}',
    '{"digest": "d", "settings": "s", "records": true}',
    '{"digest": "d", "settings": "s", "records": 2, "width": 1.5}',
]


@pytest.mark.parametrize("note", ODD_NOTES)
def test_a_note_that_somebody_else_wrote_is_none(note: str) -> None:
    """The manifest is read once more then, and nothing else comes of it."""
    with Ledger.in_memory() as ledger:
        save_snapshot(ledger, ManifestSnapshot("d", "s", 2))
        assert load_snapshot(ledger, "s") is not None
        ((name,),) = ledger.db.execute("SELECT name FROM meta").fetchall()
        ledger.set_meta(name, note)
        assert load_snapshot(ledger, "s") is None
