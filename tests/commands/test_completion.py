"""What a shell is given to complete: ids and kinds of the table's ledger; files where a file is meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from batch.commands.completion import ids_in, kinds_in
from batch.core import states
from batch.ledger.ledger import Ledger
from tests.support.runs import a_service, run_through
from tests.support.sheets import SHOTS, batch


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    text = (
        "id,prompt,image\n"
        + "".join(f"s{n},shot {n},https://x.y/{n}.png\n" for n in range(12))
        + "Ä b,x,https://x.y/z\n"
    )
    given = batch(tmp_path, text)
    run_through(given, a_service())
    with Ledger.open(given.ledger) as ledger:
        ledger.db.execute("UPDATE row SET place = NULL WHERE key = 'id:s11'")
        ledger.db.execute(
            "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) "
            "VALUES ('id:t', 99, x'', '{}', 1, 0)"
        )
        ((row,),) = ledger.db.execute("SELECT id FROM row WHERE key = 'id:t'").fetchall()
        ledger.apply(row, states.unsendable(1.0, "content_policy_violation", "no"))
    return given.manifest.path


def test_ids_that_begin_so_are_given_in_the_order_of_the_table(shots: Path) -> None:
    """Of rows that it has; and letters of all alphabets."""
    assert ids_in(shots, "s1") == ["s1", "s10"]
    assert ids_in(shots, "Ä") == ["Ä b"]
    assert ids_in(shots, "%") == []
    assert kinds_in(shots, "c") == ["content_policy_violation"]
    assert kinds_in(shots, "x") == []


def test_nothing_is_given_and_nothing_said_where_there_is_no_ledger(tmp_path: Path) -> None:
    """Or one that cannot be used."""
    path = tmp_path / "shots.csv"
    path.write_text(SHOTS)
    assert (ids_in(path, ""), kinds_in(path, "")) == ([], [])
    path.with_name("shots.csv.ledger").write_text("no ledger")
    assert (ids_in(path, ""), kinds_in(path, "")) == ([], [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("kling-batch rer", "plain,rerun"),
        ("kling-batch rerun {shots} --id s1", "plain,s1\nplain,s10"),
        ("kling-batch rerun {shots} --kind ", "plain,content_policy_violation"),
        ("kling-batch run sho", "file,sho"),
        ("kling-batch run {shots} --max-spend-t", "plain,--max-spend-total"),
    ],
)
def test_a_shell_is_answered(shots: Path, words: str, said: str) -> None:
    """By the real command, in the way of bash."""
    typed = words.replace("{shots}", str(shots))
    code = "from batch.cli.main import main; main(prog_name='kling-batch')"
    environment = {**os.environ, "_KLING_BATCH_COMPLETE": "bash_complete", "COMP_WORDS": typed}
    environment["COMP_CWORD"] = str(len(typed.split(" ")) - 1)
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert told.stdout.strip() == said, told.stderr
