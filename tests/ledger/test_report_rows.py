"""What the report reads: every record once, and changes whose costs add up to what was spent."""

from collections.abc import Callable
from pathlib import Path

import pytest

from batch.ledger.ledger import Ledger
from batch.ledger.report_rows import changes, last_event, report_rows
from tests.ledger.test_file import first_version
from tests.support.mornings import a_morning
from tests.support.sheets import SHOTS, Sheet, make

__all__ = ["make"]


def test_every_record_is_read_with_its_row(make: Callable[..., Sheet]) -> None:
    """In the manifest's order, with its number there; what cannot be run has no row, and says why."""
    sheet = make(SHOTS + ",https://x.y/4,no prompt\n")
    first, second, *_ = sheet.rows()
    sheet.succeed(first)
    sheet.fail(second, "content_policy_violation", "no")
    read = list(report_rows(sheet.ledger))
    assert [(row.number, row.state, row.kind) for row in read] == [
        (2, "succeeded", None),
        (3, "failed", "content_policy_violation"),
        (4, "pending", None),
        (5, None, None),
    ]
    assert read[3].problem
    assert '"prompt":"a"' in (read[0].arguments or "")
    assert (read[2].last_event, read[1].last_event) == (None, last_event(sheet.ledger))


def test_the_costs_of_all_changes_are_what_was_spent(tmp_path: Path) -> None:
    """However many requests a row took."""
    given = a_morning(tmp_path, 40, pictures=False)
    with Ledger.read(given.ledger) as ledger:
        assert sum(one.cost for one in changes(ledger)) == pytest.approx(ledger.money().spent)
        assert {one.old for one in changes(ledger)} >= {"pending", "submitting", "submitted"}


def test_a_ledger_of_the_first_version_is_read(tmp_path: Path) -> None:
    """It has no files of videos; nothing is written into it."""
    path = tmp_path / "shots.csv.ledger"
    first_version(path)
    before = path.read_bytes()
    with Ledger.read(path) as ledger:
        assert len(list(report_rows(ledger))) <= 1
        assert list(changes(ledger)) is not None
    assert path.read_bytes() == before
