"""Where the files of a batch stand: beside the table, and none in the place of another."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.paths import ledger_path, places, results_path, sandbox_home

stems = st.text(string.ascii_letters + string.digits + " _-.é", min_size=1, max_size=12).filter(lambda s: s.strip("."))
tables = st.builds("{}{}".format, stems, st.sampled_from([".csv", ".parquet", ".CSV", ".tsv"])).map(Path)


def test_the_files_of_a_table_are_named_after_it(tmp_path: Path) -> None:
    """All of them lie beside it, so that they are found and moved with it."""
    table = tmp_path.resolve() / "shots.csv"
    assert ledger_path(table) == table.with_name("shots.csv.ledger")
    assert sandbox_home(table) == table.with_name("shots.csv.sandbox")
    assert results_path(table) == table.with_name("shots.results.csv")


def test_a_link_to_a_table_leads_to_the_ledger_of_the_table(tmp_path: Path) -> None:
    """By whichever name it is run, there is one ledger: two would buy everything twice."""
    folder = tmp_path.resolve() / "real"
    folder.mkdir()
    (folder / "shots.csv").touch()
    link = tmp_path / "link.csv"
    link.symlink_to(folder / "shots.csv")
    assert ledger_path(link) == folder / "shots.csv.ledger"
    assert sandbox_home(link) == folder / "shots.csv.sandbox"


def test_a_relative_table_has_the_ledger_of_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From whichever folder it is named."""
    monkeypatch.chdir(tmp_path)
    assert ledger_path(Path("shots.csv")) == ledger_path(tmp_path / "shots.csv")
    assert ledger_path(Path("x/../shots.csv")) == ledger_path(tmp_path / "shots.csv")


def test_results_go_into_the_table_or_where_the_user_says() -> None:
    """And the ledger is the manifest's, wherever the results go."""
    table, other = Path("/t/shots.csv"), Path("/o/out.csv")
    assert places(table, sandbox=False) == (ledger_path(table), table)
    assert places(table, sandbox=False, output=other) == (ledger_path(table), other)


def test_a_rehearsal_writes_neither_into_the_table_nor_into_its_ledger() -> None:
    """Its results stand beside the table, unless the user says where; its ledger is in its own folder."""
    table, other = Path("/t/shots.csv"), Path("/o/out.csv")
    ledger, output = places(table, sandbox=True)
    assert ledger == sandbox_home(table) / "ledger"
    assert output == Path("/t/shots.sandbox.csv")
    assert places(table, sandbox=True, output=other) == (ledger, other)


def test_a_table_without_a_suffix_has_its_sandbox_beside_its_results() -> None:
    """The folder and the file are two."""
    table = Path("/t/shots")
    ledger, output = places(table, sandbox=True)
    assert output == Path("/t/shots.sandbox.csv")
    assert output != ledger.parent


@given(tables, tables)
def test_no_file_of_a_batch_takes_the_place_of_another(one: Path, two: Path) -> None:
    """Whatever the table is called; and two tables of a folder never share a ledger."""
    made = [
        one.absolute(),
        ledger_path(one),
        sandbox_home(one),
        results_path(one).absolute(),
        places(one, sandbox=True)[1].absolute(),
    ]
    assert len(set(made)) == len(made)
    if one != two:
        assert ledger_path(one) != ledger_path(two)
        assert sandbox_home(one) != sandbox_home(two)
