"""The real command: exit codes, where its words go, and that what it says to type next goes on."""

import json
import re
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from batch.cli.main import main
from batch.errors import Exit
from batch.ledger.file import locked
from tests.support.night import Ended, Night, kill, night, unstamped, until
from tests.support.runs import a_service, run_through
from tests.support.sheets import SHOTS, batch

NEXT = re.compile(r"^next: kling-batch (?P<command>.*?)(   \(.*\))?$", re.MULTILINE)


def ended_with(*arguments: object) -> tuple[int, str]:
    """The exit code of a command in this process, and all that it said."""
    told = CliRunner().invoke(main, [*map(str, arguments)])
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    return told.exit_code, unstamped(told.output)


# Exit codes


def test_the_help_lists_every_exit_code() -> None:
    """Each number that a command can end with, and no other."""
    code, text = ended_with("--help")
    assert code == 0
    listed = " ".join(text.split()).partition("Exit codes: ")[2].partition(" Options:")[0]
    assert [int(number) for number in re.findall(r"(?:^|; )(\d+) ", listed)] == sorted(map(int, Exit))


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_its_help(name: str) -> None:
    """In one sentence at least, with an explanation for every option."""
    code, text = ended_with(name, "-h")
    assert code == 0
    assert re.search(r"\n\n  [A-Z][^\n]+", text)
    options = [one for one in main.commands[name].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["check", "shots.csv"], 0, "3 rows: 3 to run"),
        (["check", "invalid.csv"], 1, "row 2, column prompt: is empty"),
        (["check", "none.csv"], 2, "kling-batch: none.csv cannot be read"),
        (["check", "shots.csv", "--price", "7=1"], 2, "kling-batch: --price '7=1'"),
        (["check", "shots.csv", "--map", "image"], 2, "write INPUT=COLUMN"),
        (["check"], 2, "Missing argument"),
        (["check", "shots.csv", "--output", "notes.txt"], 2, "holds no results of kling-batch"),
        (["run", "invalid.csv"], 1, "next: kling-batch check invalid.csv"),
        (["run", "none.csv"], 2, "kling-batch: none.csv cannot be read"),
        (["run", "shots.csv", "--max-spend", "x"], 2, "kling-batch: --max-spend: 'x' is not an amount"),
        (["run", "shots.csv", "--concurrency", "0"], 2, "neither auto nor a number"),
        (["run", "done.csv"], 0, "3 of 3 rows have their video; see done.csv"),
        (["run", "done.csv", "--stale"], 0, "spent $0.00 in this run"),
        (["rerun", "done.csv"], 0, "3 of 3 rows have their video"),
        (["rerun", "done.csv", "--row", "2"], 2, "kling-batch: --row 2: the row has its video"),
        (["rerun", "done.csv", "--id", "nobody"], 2, "kling-batch: --id nobody: the table has no such row"),
        (["status", "shots.csv"], 2, "shots.csv has no ledger yet: nothing was run"),
        (["status", "done.csv"], 0, "3 of 3 rows have their video"),
        (["status", "done.csv", "--sandbox"], 2, "has no ledger yet"),
        (["cancel", "shots.csv"], 2, "shots.csv has no ledger yet"),
        (["resolve", "shots.csv"], 2, "shots.csv has no ledger yet"),
        (["resolve", "done.csv", "--row", "2"], 2, "one of --adopt, --resubmit, --give-up"),
        (["resolve", "done.csv", "--resubmit"], 2, "name rows with --row or --id"),
        (["resolve", "done.csv", "--row", "2", "--resubmit", "--give-up"], 2, "one of --adopt"),
        (["sandbox", "--fault", "submit:1=nonsense"], 2, "kling-batch: "),
        (["sandbox", "--port", "65536"], 2, "65536"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_a_command_ends_with_its_documented_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Sequence[str], code: int, said: str
) -> None:
    """Where nothing has to be asked of the service: no key, no network."""
    run_through(batch(tmp_path, SHOTS, "done.csv"), a_service())
    (tmp_path / "shots.csv").write_text(SHOTS)
    (tmp_path / "notes.txt").write_text("mine\n1\n")
    (tmp_path / "invalid.csv").write_text("prompt,image\n,https://x.y/1\n")
    monkeypatch.chdir(tmp_path)
    assert ended_with(*command)[0] == code
    assert said in ended_with(*command)[1]


@pytest.mark.parametrize("command", ["run", "rerun", "resolve", "cancel"])
def test_a_command_that_would_write_ends_with_75_while_a_run_is_at_work(tmp_path: Path, command: str) -> None:
    """In one line; the table is as it was."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    before = given.manifest.path.read_bytes()
    with locked(given.ledger):
        told = ended_with(command, given.manifest.path)
    assert told == (75, "kling-batch: another run is at work on shots.csv: this one does nothing\n")
    assert given.manifest.path.read_bytes() == before


@pytest.mark.parametrize("command", ["check", "status"])
def test_a_command_that_only_reads_minds_no_run(tmp_path: Path, command: str) -> None:
    """It answers beside it."""
    given = batch(tmp_path, SHOTS)
    run_through(given, a_service())
    with locked(given.ledger):
        assert ended_with(command, given.manifest.path)[0] == 0


def test_an_interrupt_ends_a_command_with_130_and_one_line(tmp_path: Path) -> None:
    """Wherever it was."""
    served = Night(tmp_path).start("sandbox")
    try:
        assert served.stdout is not None
        assert served.stdout.readline().startswith("export ")
        served.send_signal(signal.SIGINT)
        until(lambda: served.poll() is not None)
        assert served.stderr is not None
        assert (served.returncode, served.stderr.read()) == (130, "kling-batch: interrupted; run it again to go on\n")
    finally:
        kill(served)


# Where its words go


def test_stdout_is_for_what_was_asked_for(tmp_path: Path) -> None:
    """JSON there, everything else on stderr, umlauts as they are."""
    now = Night(tmp_path)
    shots = tmp_path / "Aufnahmen für März.csv"
    shots.write_text("prompt,image\n,https://x.y/1\n", encoding="utf-8")
    more = {"PYTHONUTF8": "1"}
    ran = now.run("run", shots, "--json", more=more)
    assert (ran.code, json.loads(ran.out)["invalid"]) == (1, 1)
    assert str(shots) in ran.out
    assert "1 row cannot be run" in ran.err
    for command in ("check", "status"):
        asked = now.run(command, shots, "--json", more=more)
        assert (asked.code, asked.err, json.loads(asked.out)["exit_code"]) == (1, "", 1)
    plain = now.run("status", shots, more=more)
    assert (plain.out.splitlines()[1].strip().startswith("1 invalid"), plain.err) == (True, "")


# What to type next


def next_of(ended: Ended) -> list[str] | None:
    """The arguments of what a command says to type next."""
    found = NEXT.search(ended.err) or NEXT.search(ended.out)
    return shlex.split(found["command"]) if found else None


def test_what_is_said_to_type_next_leads_on_until_all_is_done(tmp_path: Path) -> None:
    """Pasted as it stands, with the options of the run, and quotes, dollars and spaces in its name."""
    with night(tmp_path) as now:
        shots = tmp_path / """it's "$HOME" & more.csv"""
        shots.write_text(
            "Text;status;image\none;mine;https://x.y/1\n"
            "two [[content_policy_violation*1]];mine;https://x.y/2\nthree;mine;https://x.y/3\n"
        )
        options = ("--map", "prompt=Text", "--prefix", "kling ", "--price", "5=0.50, 10=1")
        ended = now.run("run", shots, *options, "--limit", 1)
        told = []
        while (following := next_of(ended)) is not None:
            told.append((ended.code, following[0]))
            assert following[1:] == [str(shots), "--limit", "1"]
            assert len(told) < 5, ended.err
            ended = now.run(*following)
        assert told == [(3, "run"), (3, "run"), (1, "rerun")]
        assert ended.code == 0, ended.err
        assert "spent $0.50 in this run, $2.00 in all" in ended.err
        assert sorted(now.accepted.values()) == [1, 1, 2]


def test_rows_in_doubt_and_invalid_ones_lead_to_the_commands_that_settle_them(tmp_path: Path) -> None:
    """`resolve` as long as one is in doubt, also from `status` and from itself; then `rerun`; in the end `check`."""
    with night(tmp_path, faults="submit:1=cut_after history=403") as now:
        shots = now.manifest(1)
        shots.write_text(shots.read_text() + "bad,,https://example.com/b.png,no prompt\n")
        ended = now.run("run", shots)
        assert (ended.code, next_of(ended)) == (4, ["resolve", str(shots)])
        status = now.run("status", shots)
        assert (status.code, next_of(status)) == (4, ["resolve", str(shots)])
        ended = now.run(*(next_of(ended) or []))
        assert (ended.code, next_of(ended)) == (4, ["resolve", str(shots)])
        ended = now.run("resolve", shots, "--row", 2, "--give-up")
        assert (ended.code, next_of(ended)) == (1, ["rerun", str(shots)])
        ended = now.run(*(next_of(ended) or []))
        assert (ended.code, next_of(ended)) == (1, ["check", str(shots)])
        checked = now.run(*(next_of(ended) or []))
        assert (checked.code, "row 3 (id bad), column prompt: is empty" in checked.out) == (1, True)
