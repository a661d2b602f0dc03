"""The README typed as a newcomer does: its own table, its commands line by line, from another folder."""

import re
import shlex
from pathlib import Path

from PIL import Image

from tests.support.night import ROOT, night, table

README = (ROOT / "README.md").read_text(encoding="utf-8")


def typed(block: str) -> list[list[str]]:
    """The arguments of each command of ours in a console block that names this text."""
    (lines,) = [one for one in re.findall(r"```console\n(.*?)```", README, re.DOTALL) if block in one]
    commands = [line.split("#")[0].strip() for line in lines.splitlines()]
    return [shlex.split(one)[1:] for one in commands if one.startswith("kling-batch ")]


def test_the_readmes_own_table_goes_through_its_commands(tmp_path: Path) -> None:
    """Checked, run, looked at; every command ends well, and the table has the columns that are promised."""
    (text,) = re.findall(r"```csv\n(.*?)```", README, re.DOTALL)
    shots = tmp_path / "shots.csv"
    shots.write_text(text)
    (tmp_path / "images").mkdir()
    for name in re.findall(r"images/[\w.-]+", text):
        Image.new("RGB", (640, 360), "navy").save(tmp_path / name)
    with night(tmp_path) as now:
        commands = typed("check shots.csv")
        assert [words[0] for words in commands] == ["check", "run", "status", "report"]
        told = []
        for words in commands:
            ended = now.run(*words, cwd=tmp_path)
            assert ended.code == 0, ended
            told.append(ended.out)
        assert "2 of 2 rows have their video" in told[2]
        assert (tmp_path / "shots.report.html").exists()
    rows = table(shots)
    assert [row["status"] for row in rows] == ["succeeded"] * 2
    assert shots.read_text().splitlines()[0].startswith(text.splitlines()[0] + ",status,video_url,error,")
    promised = re.findall(r"`(\w+)`", README.split("not a byte of yours has changed:\n")[1].split("\n")[0])
    assert list(rows[0]) == [*text.splitlines()[0].split(","), *promised]


def test_the_first_command_works_as_it_stands() -> None:
    """Its sample is there; what is typed before it makes the very command that it calls."""
    (words,) = typed("samples/quickstart.csv")
    assert (ROOT / words[1]).is_file()
    assert ". .venv/bin/activate" in README
    assert words[2:] == ["--sandbox"]
