"""The commands of the morning as they are typed: the report, by itself and at the end of a run."""

import json
from base64 import b64decode
from pathlib import Path

import pytest
from click.testing import CliRunner

from batch.cli.main import main
from batch.errors import Exit
from tests.support.message_services import message_services
from tests.support.mornings import a_morning


def typed(*arguments: object) -> tuple[int, str, str]:
    ended = CliRunner().invoke(main, [str(one) for one in arguments], prog_name="kling-batch")
    return ended.exit_code, ended.stdout, ended.stderr


def test_report_prints_where_the_page_stands(tmp_path: Path) -> None:
    """On stdout, for a script; it ends well whatever became of the rows."""
    given = a_morning(tmp_path, 5)
    assert typed("report", given.manifest.path) == (Exit.DONE, f"{tmp_path}/shots.report.html\n", "")
    assert typed("report", given.manifest.path, "--to", tmp_path / "b.html")[:2] == (0, f"{tmp_path}/b.html\n")


def test_what_is_not_ours_is_not_overwritten_without_a_word(tmp_path: Path) -> None:
    """Exit 2, and what to do."""
    given = a_morning(tmp_path, 1)
    (tmp_path / "shots.report.html").write_text("mine")
    code, _, err = typed("report", given.manifest.path)
    assert code == Exit.UNUSABLE
    assert "name another file with --to" in err


@pytest.mark.parametrize("more", [(), ("--cron",)])
def test_a_run_writes_its_report_at_its_end(tmp_path: Path, more: tuple[str, ...]) -> None:
    """Of a rehearsal as of a real night; the exit code is the run's."""
    table = tmp_path / "shots.csv"
    table.write_text("id,prompt,image,duration\na,one,https://x.y/1.png,5\nb,two,https://x.y/2.png,7\n")
    code, _, err = typed("run", table, "--sandbox", "--report", *more)
    assert code == Exit.ROWS_FAILED
    assert (tmp_path / "shots.sandbox.report.html").exists()
    assert f"report: {tmp_path}/shots.sandbox.report.html" in err


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # a library of apprise's
def test_the_report_goes_with_the_message(tmp_path: Path) -> None:
    """Where the service takes files; it names none of this disk."""
    table = tmp_path / "shots.csv"
    table.write_text("id,prompt,image\na,one,https://x.y/1.png\n")
    with message_services(tmp_path) as services:
        address = f"json://127.0.0.1:{services.port}/"
        code, _, _ = typed("run", table, "--sandbox", "--report", "--notify", address)
        assert code == Exit.DONE
        (post,) = services.posts
        attached = {one["filename"]: b64decode(one["base64"]) for one in json.loads(post[2])["attachments"]}
        assert set(attached) == {"report.json", "shots.sandbox.report.html"}
        assert b"./shots" not in attached["shots.sandbox.report.html"]
        typed("run", table, "--sandbox", "--notify", address)
        assert "shots.sandbox.report.html" not in str(services.posts[-1])


def test_a_report_that_cannot_be_written_does_not_change_how_a_run_ends(tmp_path: Path) -> None:
    """It says why."""
    table = tmp_path / "shots.csv"
    table.write_text("id,prompt,image\na,one,https://x.y/1.png\n")
    (tmp_path / "shots.sandbox.report.html").write_text("mine")
    code, _, err = typed("run", table, "--sandbox", "--report")
    assert code == Exit.DONE
    assert "the report could not be written" in err
    assert (tmp_path / "shots.sandbox.report.html").read_text() == "mine"
