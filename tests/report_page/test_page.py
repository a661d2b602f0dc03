"""The page as data: what of it may go to another machine."""

from dataclasses import replace
from pathlib import Path

from batch.report_page.page import without_files
from tests.report_page.test_rendering import a_page


def test_what_stands_on_this_disk_only_does_not_leave_it(tmp_path: Path) -> None:
    """Neither names of files nor places of small pictures; what is on the web stays."""
    page = a_page(tmp_path, files=True)
    sent = without_files(page)
    assert any(take.sources[0].startswith("./") for row in page.rows for take in row.takes)
    assert all(source.startswith("https://") for row in sent.rows for take in row.takes for source in take.sources)
    assert any(row.takes for row in sent.rows)
    assert all(row.first and not row.first.thumbnail and not row.first.href for row in sent.rows)
    assert replace(sent, rows=page.rows) == page
