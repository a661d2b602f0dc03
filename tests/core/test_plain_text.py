"""No control character of anybody's reaches a terminal: options, cells, file names, what a ledger holds."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from batch.api import open_batch
from batch.cli.main import main
from batch.commands.manifest_reading import enrol_table
from batch.core import states
from batch.core.plain_text import one_line, shown
from batch.dispatch.tally import Tally
from batch.ledger.ledger import Ledger
from batch.reports.progress import Eta, line

CLEAR = "\x1b[2J\x07\x9b31m\r\x7f\u202e\u2028"
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ud800-\udfff]")
HOSTILE = f"a{CLEAR}\nkling-batch: all is well"
IMAGE = "https://x.y/1"


def told(*arguments: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(main, arguments)
    assert not FORBIDDEN.search(ended.stdout + ended.stderr), ended.output
    assert "\nkling-batch: all is well" not in ended.stdout + ended.stderr
    return ended.exit_code, ended.stdout, ended.stderr


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """A table of a hostile name with hostile cells, and a ledger that has hostile words on its rows."""
    path = tmp_path / f"shots{HOSTILE.replace('/', '')}.csv"
    path.write_text(f'id,prompt,image\n"{HOSTILE}",a,{IMAGE}\ns2,b,{IMAGE}\ns3,c,"{HOSTILE}"\n', newline="")
    batch = open_batch(path)
    with Ledger.open(batch.ledger) as ledger:
        enrol_table(batch.manifest, ledger, batch.manifest.open(), 1e9, anew=False)
        ledger.apply(1, states.unsendable(1e9, HOSTILE, HOSTILE))
        ledger.apply(2, states.claimed(1e9, None, 1))
        ledger.apply(2, states.reply_lost(1e9, HOSTILE))
    return path


@pytest.mark.parametrize(
    "options",
    [
        ["--id", HOSTILE + "x"],
        ["--row", HOSTILE],
        ["--kind", HOSTILE, "--limit", HOSTILE],
        ["--map", f"{HOSTILE}=a"],
        ["--map", f"image={HOSTILE}"],
        ["--prefix", HOSTILE],
        ["--price", HOSTILE],
        ["--output", f"/none/{HOSTILE}"],
        [f"--{HOSTILE}"],
        [HOSTILE],
    ],
)
def test_what_was_typed_is_shown_and_not_obeyed(options: list[str], shots: Path) -> None:
    """In the one line that refuses it, click's own among them."""
    code, _, err = told("rerun", str(shots), *options)
    assert code == 2
    assert "\\u001b[2J" in err or "\\x1b[2J" in err


@pytest.mark.parametrize("command", [["check"], ["check", "--json"], ["status"], ["status", "--json"], ["run"]])
def test_hostile_cells_names_and_ledgers_are_shown_and_not_obeyed(command: list[str], shots: Path) -> None:
    """And JSON is still the JSON that it was."""
    _, out, _ = told(command[0], str(shots), *command[1:])
    if command[0] == "status":
        assert "\\u001b[2J" in out
    if "--json" in command:
        assert [one["example"] for one in json.loads(out).get("failures", [])] in ([], [HOSTILE])


def test_a_name_that_is_no_command_or_no_file_is_shown_and_not_obeyed() -> None:
    """Before any command has begun."""
    assert told(HOSTILE)[0] == 2
    assert told(f"--{HOSTILE}")[0] == 2
    assert told("check", f"/none/{HOSTILE}\udce9")[0] == 2


def test_the_bar_shows_what_it_waits_for_and_obeys_none_of_it() -> None:
    """A proxy's words may stand in it."""
    assert not FORBIDDEN.search(line(Tally(notice=f"fal cannot be reached ({HOSTILE})"), Eta(1, 1.0), 0.0))


@given(st.text(st.characters() | st.sampled_from(CLEAR + "\n\ud800\u200d🎬é\xa0")))
def test_whatever_the_text_nothing_of_it_is_obeyed_and_all_of_it_can_be_read(text: str) -> None:
    """Newlines stay in what has lines; plain words, accents and emoji stay as they are."""
    assert not FORBIDDEN.search(shown(text))
    assert "\n" not in one_line(text)
    assert shown(text).count("\n") == text.count("\n")
    assert one_line("é 🎬\u200d ok") == "é 🎬\u200d ok"
    shown(text).encode()
    assert json.loads(shown(json.dumps(text, ensure_ascii=False))) == text
