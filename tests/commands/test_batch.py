"""A batch: where its parts stand, how it is named on a command line, and what its results may overwrite."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.cli.main import main
from batch.commands.batch import Batch, keep_frame, open_batch, read_results
from batch.core import states
from batch.errors import LedgerError, ManifestError, UsageError
from batch.manifest.loader import Manifest
from batch.table import Table
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.mixed_models import models_of, row_of
from tests.support.sheets import PRICE, SHOTS, Sheet

NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=9).filter(
    str.strip
)


def typed(command: list[str]) -> Batch:
    """The batch that these arguments name on the command line."""
    above = main.make_context("kling-batch", ["check"])
    told = main.commands["check"].make_context("check", list(command), parent=above).params
    own = {"as_json", "every", "name", "online", "takes"}  # of `check` itself
    return open_batch(told.pop("manifest"), JOB, **{name: told[name] for name in told.keys() - own})


@given(
    folder=NAMES,
    mapped=st.dictionaries(st.sampled_from(list(JOB.columns)), NAMES, max_size=3),
    ignored=st.lists(NAMES, max_size=2),
    prefix=st.from_regex(r"([A-Za-z_][A-Za-z0-9_ ]{0,4})?", fullmatch=True),
    price=st.sampled_from([None, "5=0.30", "5=0.3, 10=1"]),
    output=st.none() | NAMES,
    encoding=st.sampled_from([None, "cp932", "utf-8"]),
    header_row=st.none() | st.integers(1, 99),
    sandbox=st.booleans(),
)
def test_the_command_of_a_batch_names_the_same_batch(
    folder: str,
    mapped: dict[str, str],
    ignored: list[str],
    prefix: str,
    price: str | None,
    output: str | None,
    encoding: str | None,
    header_row: int | None,
    sandbox: bool,
) -> None:
    """Typed as it stands: the same table, columns, prices, ledger and target, whatever is in the names."""
    given_ = open_batch(
        f"/{folder}/shots.csv",
        JOB,
        mapped=mapped,
        ignored=ignored,
        prefix=prefix,
        price=price,
        output=output,
        encoding=encoding,
        header_row=header_row,
        sandbox=sandbox,
    )
    again = typed([*given_.command, *given_.options.typed])
    assert again.manifest.settings == given_.manifest.settings
    assert replace(again, manifest=given_.manifest) == given_


def test_results_go_into_the_manifest_itself_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    """A rehearsal has all that it makes beside the manifest, its ledger among it."""
    shots = tmp_path / "shots.csv"
    plain, out = open_batch(shots, JOB), open_batch(shots, JOB, output=tmp_path / "out.csv")
    rehearsal = open_batch(str(shots), JOB, sandbox=True)
    assert (plain.target, plain.table, plain.ledger.name) == (None, shots, "shots.csv.ledger")
    assert (out.target, out.table, out.ledger) == (tmp_path / "out.csv", tmp_path / "out.csv", plain.ledger)
    assert (rehearsal.table.name, rehearsal.ledger.parent.name) == ("shots.sandbox.csv", "shots.csv.sandbox")
    assert [one.manifest.reads_own for one in (plain, out, rehearsal)] == [True, False, False]
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_the_manifest_is_no_other_file(tmp_path: Path) -> None:
    """It is the usual batch, and its own columns are read."""
    shots = tmp_path / "shots.csv"
    batch = open_batch(shots, JOB, output=shots)
    assert (batch.target, batch.manifest.reads_own) == (None, True)


def test_a_price_that_cannot_be_meant_is_refused_at_once() -> None:
    """Before any file is looked at."""
    with pytest.raises(UsageError, match="7=1"):
        open_batch("/none/none.csv", JOB, price="7=1")


def test_a_told_price_is_remembered_as_such() -> None:
    """fal's price of today does not count then."""
    told = open_batch("shots.csv", JOB, price="10=1")
    assert (told.price_told, told.manifest.prices) == (True, {"5": 490_000, "10": 1_000_000})
    assert (open_batch("shots.csv", JOB).price_told, open_batch("shots.csv", JOB).manifest.prices) == (
        False,
        JOB.prices,
    )


def test_requests_of_one_price_are_of_one_group() -> None:
    """Ten seconds take longer than five; what is not said is what fal takes."""
    batch = open_batch("shots.csv", JOB)
    short, long, usual = (
        batch.group_of(row_of(JOB.endpoint, one)) for one in ({"duration": "5"}, {"duration": "10"}, {})
    )
    assert short == usual != long


def test_requests_of_another_model_are_of_another_group() -> None:
    """And take as long as that model takes; a run counts on the one that takes longest."""
    quick = replace(JOB, name="quick", endpoint="a/quick", typical_seconds=20.0)
    batch = open_batch("shots.csv", JOB, models=models_of(quick))
    one, other = row_of(JOB.endpoint, {}), row_of("a/quick", {})
    assert batch.group_of(one) != batch.group_of(other)
    assert (batch.typical_of(one), batch.typical_of(other)) == (JOB.typical_seconds, 20.0)
    assert replace(batch, at_work=[quick]).typical_seconds == 20.0
    assert replace(batch, at_work=[quick, JOB]).typical_seconds == JOB.typical_seconds


def test_a_request_of_the_sandbox_is_short() -> None:
    """The real one takes as long as the job says."""
    assert open_batch("shots.csv", JOB).typical_seconds == JOB.typical_seconds
    assert open_batch("shots.csv", JOB, sandbox=True).typical_seconds < 10


# What the results may overwrite


def test_a_table_is_looked_through_only_where_results_go_elsewhere(tmp_path: Path) -> None:
    """And it is the one that is read on."""
    shots = tmp_path / "shots.csv"
    shots.write_text(SHOTS)
    assert open_batch(shots, JOB).checked_table() is None
    table = open_batch(shots, JOB, output=tmp_path / "out.csv").checked_table()
    assert table is not None
    assert (table.path, table.unchanged()) == (shots, True)


def test_results_elsewhere_replace_no_file_and_no_value_of_the_users(tmp_path: Path) -> None:
    """Neither the file that is named for them, nor columns of our names in the manifest that is copied."""
    shots, other = tmp_path / "shots.csv", tmp_path / "mine.csv"
    shots.write_text(SHOTS)
    other.write_text("precious\n1\n")
    with pytest.raises(ManifestError, match="holds no results of kling-batch"):
        open_batch(shots, JOB, output=other).checked_table()
    shots.write_text("prompt,image,error\na,https://x.y/1,too dark\n")
    with pytest.raises(ManifestError, match="row 2, column error: 'too dark'"):
        open_batch(shots, JOB, output=tmp_path / "out.csv").checked_table()
    assert other.read_text() == "precious\n1\n"


def test_a_table_that_changes_while_it_is_looked_through_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody saved it in that moment."""
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,image,error\na,https://x.y/1,\n")
    opened = Manifest.open

    def meddle(manifest: Manifest) -> Table:
        table = opened(manifest)
        manifest.path.write_text("prompt,image\n")
        return table

    monkeypatch.setattr(Manifest, "open", meddle)
    with pytest.raises(ManifestError, match=r"changed by another program .*: try again when that is done"):
        open_batch(shots, JOB, output=tmp_path / "out.csv").checked_table()


# DataFrames


def test_the_path_of_a_manifest_is_its_file(tmp_path: Path) -> None:
    """Only a frame has to be put somewhere first."""
    assert keep_frame(str(tmp_path / "shots.csv"), None) == tmp_path / "shots.csv"
    assert list(tmp_path.iterdir()) == []


def test_results_are_read_as_they_stand(tmp_path: Path) -> None:
    """Cells of a CSV as text; a table that is not there is said in one line."""
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,n,note\n00123,1,NA\n")
    frame = read_results(str(shots))
    assert frame.to_dict("list") == {"prompt": ["00123"], "n": ["1"], "note": ["NA"]}
    with pytest.raises(ManifestError, match="No such file"):
        read_results(tmp_path / "none.csv")


def test_rows_of_a_model_that_is_not_known_here_are_asked_after_nowhere(tmp_path: Path) -> None:
    """Another one's records would prove that they were never bought. Once their model is known, they come home."""
    sheet = Sheet(tmp_path / "shots.csv")
    sheet.path.write_text(SHOTS)
    sheet.read()
    other = replace(JOB, name="other", endpoint="fal-ai/other", first=False)
    one, two = (open_batch(sheet.path, job) for job in (JOB, other))
    one.note_model(sheet.ledger)
    assert sheet.ledger.meta("endpoint") is None  # older versions know no other
    two.require_own_model(sheet.ledger)
    row = sheet.rows()[0]
    sheet.ledger.apply(row, states.claimed(1.0, None, PRICE))
    sheet.ledger.apply(row, states.reply_lost(2.0, "lost"))
    one.require_own_model(sheet.ledger)
    with pytest.raises(UsageError, match=f"there are rows of {JOB.endpoint}, and no such model is known here any more"):
        two.require_own_model(sheet.ledger)
    open_batch(sheet.path, other, models=models_of(JOB)).require_own_model(sheet.ledger)
    sheet.ledger.set_meta("endpoint", other.endpoint)
    with pytest.raises(LedgerError, match="was last run with another model: say --model fal-ai/other to go on with it"):
        one.require_own_model(sheet.ledger)
    one.note_model(sheet.ledger)
    assert sheet.ledger.meta("endpoint") == JOB.endpoint
