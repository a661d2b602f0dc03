"""`report`: from any ledger that `status` reads; a run ends as it would, whether or not it can be written."""

import shutil
from pathlib import Path

import pytest

from batch.commands.batch import open_batch
from batch.commands.report import report_of_run, write_report
from batch.commands.status import status
from batch.core.run_options import RunOptions
from batch.errors import LedgerError
from batch.ledger.file import locked
from jobs.kling import KLING_2_1_PRO as JOB
from tests.ledger.test_file import first_version
from tests.support.mornings import a_morning
from tests.support.runs import a_service, run_through
from tests.support.sheets import SHOTS, batch


def quiet(_: str) -> None: ...


def test_the_report_stands_beside_the_table(tmp_path: Path) -> None:
    """Also while a run holds the ledger, and after the table is gone; made again it is replaced."""
    given = a_morning(tmp_path, 5)
    assert write_report(given, quiet).path == tmp_path / "shots.report.html"
    with locked(given.ledger):
        given.manifest.path.unlink()
        assert write_report(given, quiet).path.exists()
    assert {path.name for path in tmp_path.iterdir()} == {
        *("images", "shots.csv.ledger", "shots.csv.ledger.lock", "shots.report", "shots.report.html")
    }


def test_another_place_may_be_named(tmp_path: Path) -> None:
    """Its small pictures stand beside it, and files are named from there."""
    given = a_morning(tmp_path / "film", 3, files=True) if (tmp_path / "film").mkdir() is None else None
    assert given is not None
    (tmp_path / "out").mkdir()
    written = write_report(given, quiet, to=tmp_path / "out" / "monday.html")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["monday", "monday.html"]
    assert written.page.rows[0].takes[0].sources[0] == "./../film/shots.csv.videos/req-1.mp4"
    assert written.page.marks_name == "monday.marks.csv"


def test_a_ledger_of_an_older_version_is_reported(tmp_path: Path) -> None:
    """As `status` tells it; not a byte of it changes."""
    (tmp_path / "shots.csv").write_text("id,prompt,image\na,x,https://x.y/1\n")
    first_version(tmp_path / "shots.csv.ledger")
    before = (tmp_path / "shots.csv.ledger").read_bytes()
    given = open_batch(tmp_path / "shots.csv", JOB)
    written = write_report(given, quiet)
    assert len(written.page.rows) == status(given.manifest.path, sandbox=False).standing.total == 1
    assert (tmp_path / "shots.csv.ledger").read_bytes() == before


def test_without_a_ledger_there_is_nothing_to_report(tmp_path: Path) -> None:
    """As `status` says it."""
    with pytest.raises(LedgerError, match="nothing was run"):
        write_report(batch(tmp_path, SHOTS), quiet)


def test_a_rehearsal_has_a_report_of_its_own(tmp_path: Path) -> None:
    """It says that it is one."""
    shots = tmp_path / "shots.csv"
    shots.write_text(SHOTS)
    given = open_batch(shots, JOB, sandbox=True)
    given.ledger.parent.mkdir()
    run_through(given, a_service(), RunOptions(limit=1))
    written = write_report(given, quiet)
    assert written.path == tmp_path / "shots.sandbox.report.html"
    assert written.page.sandbox
    assert "--sandbox" in written.page.to_do[0].text
    assert written.page.marks_name == "shots.sandbox.marks.csv"


def test_a_report_that_cannot_be_written_changes_no_night(tmp_path: Path) -> None:
    """It is said, and that is all."""
    given = a_morning(tmp_path, 3)
    outcome = status(given.manifest.path, sandbox=False)
    said: list[str] = []
    (tmp_path / "shots.report.html").write_text("mine")
    assert report_of_run(given, outcome, said.append) is None
    assert said == [
        f"the report could not be written: {tmp_path}/shots.report.html is no report of kling-batch: move it away, or "
        "name another file with --to"
    ]
    (tmp_path / "shots.report.html").unlink()
    (tmp_path / "shots.report").write_text("in the way")
    assert report_of_run(given, outcome, said.append) is None
    assert "shots.report" in said[1]


def test_whatever_breaks_in_a_report_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours ends no night either."""
    given = a_morning(tmp_path, 3)

    def broken(_: object) -> str:
        raise RuntimeError("of our making")

    monkeypatch.setattr("batch.report_page.rendering.render", broken)
    said: list[str] = []
    assert report_of_run(given, status(given.manifest.path, sandbox=False), said.append) is None
    assert said == ["the report could not be written: RuntimeError: of our making"]


def test_the_stop_of_a_run_stands_in_its_report(tmp_path: Path) -> None:
    """What it stopped for, and what to type next."""
    given = batch(tmp_path, SHOTS)
    ended = run_through(given, a_service(), RunOptions(max_spend=500_000, concurrency=1))
    written = write_report(given, quiet, outcome=ended)
    assert [one.text for one in written.page.to_do] == [command for command, _ in ended.to_do]
    assert written.page.night is not None
    assert ended.stopped is not None
    assert ended.stopped in written.page.night.stops[0]


def test_an_attachment_names_no_file_of_this_disk(tmp_path: Path) -> None:
    """It is read elsewhere."""
    given = a_morning(tmp_path, 3, files=True)
    name, text = write_report(given, quiet).attachment()
    assert name == "shots.report.html"
    assert "shots.csv.videos" not in text
    assert "shots.report/" not in text
    shutil.rmtree(tmp_path / "shots.report")
