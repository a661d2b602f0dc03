"""A table is told once how it is read: its ledger remembers it for every later command."""

import codecs
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from batch.api import check
from batch.api import open_batch as opened
from batch.commands.batch import Batch
from batch.commands.remembered_options import last_run, remembered, results_file
from batch.commands.rerun import Selection
from batch.commands.session import open_session
from batch.commands.status import status
from batch.core.run_options import RunOptions
from batch.core.table_options import TableOptions
from batch.errors import Exit, LedgerError, ManifestError, UsageError
from batch.ledger.ledger import Ledger
from jobs.library import file_of
from tests.support.runs import a_service, play_in_line, reaching, run_through
from tests.support.simulated import EPOCH, Service, service_queue

GERMAN = "Text;Startbild;Dauer\nein Hund;https://x.y/1;\nzwei;https://x.y/2;\n"
SAID: dict[str, Any] = {
    "mapped": {"prompt": "Text", "image_url": "Startbild"},
    "ignored": ["Dauer"],
    "prefix": "k_",
    "price": "5=0.30",
    "encoding": "cp1252",
    "header_row": 1,
}


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    path = tmp_path / "shots.csv"
    path.write_text(GERMAN)
    return path


@pytest.mark.parametrize("note", ["x", "3", '["--buy-again"]', '["--limit", 3]', '["--until", "$(rm)"]', '["x\\ny"]'])
def test_only_plain_options_of_a_run_are_told_again(shots: Path, note: str) -> None:
    """Whoever pastes what a ledger says gets nothing that no run ever says."""
    run_through(opened(shots, **SAID), a_service(), RunOptions(limit=1))
    assert last_run(shots.with_name("shots.csv.ledger")) == ["--limit", "1"]
    with Ledger.open(shots.with_name("shots.csv.ledger")) as ledger:
        ledger.set_meta("run_options", note)
    assert last_run(shots.with_name("shots.csv.ledger")) == []


def noted(shots: Path, **change: object) -> None:
    """The ledger's note is changed by hand."""
    with Ledger.open(shots.with_name("shots.csv.ledger")) as ledger:
        ledger.set_meta("options_of", str(shots))
        note = json.loads(TableOptions().note) | change
        ledger.set_meta("table_options", json.dumps(note))


def test_a_table_is_told_once_how_it_is_read(shots: Path) -> None:
    """By the run; then a bare command of any kind reads it so, and names no option any more."""
    out, service = shots.with_name("out.csv"), a_service()
    first = run_through(opened(shots, **SAID, output=out), service, RunOptions(limit=1))
    assert (first.exit_code, first.next_command) == (Exit.STOPPED_EARLY, f"kling-batch run {shots} --limit 1")
    bare = opened(shots)
    assert bare.manifest.settings == opened(shots, **SAID, output=out).manifest.settings
    assert (bare.target, bare.price_told) == (out, True)
    assert bare.remembered == TableOptions(**{**SAID, "output": str(out)}).typed
    assert check(shots).standing.to_run == 1
    told = status(shots, sandbox=False)
    assert (told.table, told.next_command) == (str(out), f"kling-batch run {shots} --limit 1")
    second = run_through(bare, service)
    assert (second.exit_code, second.spent_total_usd) == (Exit.DONE, 0.6)
    assert "k_status" in out.read_text()
    assert shots.read_text() == GERMAN
    third = run_through(opened(shots), service, mark=Selection().mark)
    assert (third.exit_code, third.spent_now) == (Exit.DONE, 0)


def test_what_is_said_now_holds_and_is_remembered(shots: Path) -> None:
    """The rest stays as it was said before; options of the reading that are the same are no news."""
    run_through(opened(shots, **SAID), a_service(), RunOptions(limit=1))
    again = opened(shots, price="5=0.40", mapped={"image": "Startbild"})
    assert again.manifest.mapped == {"prompt": "Text", "image": "Startbild"}
    assert "5=0.30" not in again.remembered
    run_through(again, a_service())
    assert opened(shots).options == again.options


def test_a_refused_command_is_not_remembered(shots: Path) -> None:
    """Neither by a new ledger nor by one that is there."""
    with pytest.raises(UsageError, match="no column 'Txt'"):
        run_through(opened(shots, mapped={"prompt": "Txt"}), a_service())
    assert not shots.with_name("shots.csv.ledger").exists()
    run_through(opened(shots, **SAID), a_service(), RunOptions(limit=1))
    with pytest.raises(UsageError, match="no column 'Txt'"):
        run_through(opened(shots, mapped={"prompt": "Txt"}), a_service())
    assert opened(shots).manifest.mapped == SAID["mapped"]


@pytest.mark.parametrize(("mark", "said"), [(b"", "is written in UTF-8 now"), (codecs.BOM_UTF8, "the mark of UTF-8")])
def test_a_table_that_was_saved_as_utf_8_since_is_asked_about(shots: Path, mark: bytes, said: str) -> None:
    """Read as before, every prompt would be another one, and be bought again."""
    text = "prompt,image\nПривет мир,https://x.y/1\nДо свидания,https://x.y/2\n"
    shots.write_bytes(text.encode("cp1251"))
    run_through(opened(shots, encoding="cp1251"), a_service(), RunOptions(limit=1))
    assert check(shots).standing.to_run == 1
    shots.write_bytes(mark + text.encode())
    with pytest.raises((ManifestError, UsageError), match=f"{said}.*--encoding utf-8"):
        run_through(opened(shots), a_service())
    again = check(shots, encoding="utf-8")
    assert (again.standing.to_run, again.standing.total) == (1, 2)
    if not mark:
        assert opened(shots, encoding="cp1251").manifest.open().columns[0] == "prompt"


def test_options_can_be_forgotten(shots: Path) -> None:
    """Then only what is said with it holds, now and later."""
    run_through(opened(shots, **SAID), a_service(), RunOptions(limit=1))
    with pytest.raises(ManifestError, match="no column for prompt"):
        check(shots, forget_options=True)
    anew = opened(shots, forget_options=True, **{**SAID, "price": None, "encoding": None})
    assert (anew.remembered, anew.price_told) == ([], False)
    run_through(anew, a_service())
    assert opened(shots).options == anew.options


def test_another_file_for_results_is_still_refused_where_it_is_not_ours(shots: Path) -> None:
    """And the one that is remembered stays."""
    out, mine = shots.with_name("out.csv"), shots.with_name("mine.csv")
    run_through(opened(shots, **SAID, output=out), a_service(), RunOptions(limit=1))
    mine.write_text("precious\n1\n")
    with pytest.raises(ManifestError, match="holds no results of kling-batch"):
        run_through(opened(shots, output=mine), a_service())
    assert (mine.read_text(), opened(shots).target) == ("precious\n1\n", out)


def test_the_table_itself_can_be_said_again(shots: Path) -> None:
    """`--output` with the table's own name ends an earlier one."""
    run_through(opened(shots, **SAID, output=shots.with_name("out.csv")), a_service(), RunOptions(limit=1))
    back = opened(shots, output=shots)
    assert (back.target, back.options.output) == (None, None)
    run_through(back, a_service())
    assert opened(shots).target is None


def test_results_below_the_tables_folder_move_with_it(tmp_path: Path) -> None:
    """The ledger names them from there."""
    film = tmp_path / "film"
    film.mkdir()
    (film / "shots.csv").write_text(GERMAN)
    run_through(opened(film / "shots.csv", **SAID, output=film / "out.csv"), a_service(), RunOptions(limit=1))
    film.rename(tmp_path / "moved")
    assert opened(tmp_path / "moved" / "shots.csv").target == tmp_path / "moved" / "out.csv"


def test_a_copy_does_not_write_where_the_originals_results_stand(tmp_path: Path) -> None:
    """Ledger and all were copied, or moved: where results outside of the folder are to go is asked, and remembered."""
    film, out = tmp_path / "film", tmp_path / "out.csv"
    film.mkdir()
    (film / "shots.csv").write_text(GERMAN)
    run_through(opened(film / "shots.csv", **SAID, output=out), a_service(), RunOptions(limit=1))
    assert opened(film / "shots.csv").target == out
    shutil.copytree(film, tmp_path / "copy")
    with pytest.raises(UsageError, match=r"those of another table.*--output"):
        opened(tmp_path / "copy" / "shots.csv")
    told = opened(tmp_path / "copy" / "shots.csv", output=tmp_path / "other.csv")
    run_through(opened(film / "shots.csv", output=film / "in.csv"), a_service())
    for end in ("", ".ledger"):
        shutil.copyfile(film / f"shots.csv{end}", film / f"twin.csv{end}")
    with pytest.raises(UsageError, match=r"those of another table.*--output"):
        opened(film / "twin.csv")
    out = film / "in.csv"
    assert told.manifest.mapped == SAID["mapped"]
    assert opened(film / "shots.csv").target == out


def test_a_rehearsal_is_read_as_its_table(shots: Path) -> None:
    """Until it was told otherwise; its results go where those of a rehearsal go."""
    run_through(opened(shots, **SAID, output=shots.with_name("out.csv")), a_service(), RunOptions(limit=1))
    rehearsal = opened(shots, sandbox=True)
    assert rehearsal.manifest.mapped == SAID["mapped"]
    assert rehearsal.table.name == "shots.sandbox.csv"
    rehearsal.ledger.parent.mkdir()
    run_through(opened(shots, sandbox=True, prefix="r_"), a_service())
    assert (opened(shots, sandbox=True).manifest.prefix, opened(shots).manifest.prefix) == ("r_", "k_")


# A ledger may come from anywhere


@pytest.mark.parametrize("change", [{"mapped": 3}, {"output": 1}, {"more": "x"}])
def test_a_note_that_cannot_be_meant_is_said(shots: Path, change: dict[str, object]) -> None:
    """With what helps: nothing is guessed."""
    noted(shots, **change)
    with pytest.raises(LedgerError, match="--forget-options"):
        opened(shots)
    assert opened(shots, forget_options=True).options == TableOptions()


@pytest.mark.parametrize("name", ["authorized_keys", ".profile", "run.sh", "job.desktop"])
def test_a_ledger_says_no_file_into_being_that_is_no_table(shots: Path, tmp_path: Path, name: str) -> None:
    """Outside the folder that it came in; nor one that somebody may have led there by a link or by `..`."""
    elsewhere = tmp_path.parent / f"{tmp_path.name} home"
    elsewhere.mkdir()
    for path in (str(elsewhere / name), f"../{elsewhere.name}/{name}"):
        noted(shots, output=path)
        with pytest.raises(UsageError, match="say where they are to go with --output"):
            opened(shots)
    noted(shots, output=str(elsewhere / "night.csv"))
    assert opened(shots).target == elsewhere / "night.csv"


def test_a_ledger_that_cannot_be_read_is_left_to_whoever_opens_it(shots: Path) -> None:
    """`recover` begins from it, or from none."""
    shots.with_name("shots.csv.ledger").write_bytes(b"no ledger")
    assert remembered(shots, sandbox=False) == TableOptions()


# Where the results stand


def test_the_status_names_the_file_that_holds_the_results(
    shots: Path, monkeypatch: pytest.MonkeyPatch, refusing: Callable[[Path], None]
) -> None:
    """The one beside the table while that could not be written; then the table again."""
    beside = shots.with_name("shots.results.csv")
    with monkeypatch.context():
        refusing(shots)
        ended = run_through(opened(shots, **SAID), a_service(), RunOptions(limit=1))
    assert ended.table == status(shots, sandbox=False).table == str(beside)
    monkeypatch.undo()
    run_through(opened(shots), a_service())
    assert status(shots, sandbox=False).table == str(shots)
    beside.unlink()
    assert results_file(shots.with_name("shots.csv.ledger"), shots) == shots


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Lets a table be replaced no more, as where it is open in Excel."""

    def refuse(path: Path) -> None:
        replace_ = Path.replace

        def refused(self: Path, target: Path) -> Path:
            if Path(target).name == path.name:
                raise PermissionError(13, "in use", str(target))
            return replace_(self, target)

        monkeypatch.setattr(Path, "replace", refused)

    return refuse


def through_session(given: Batch) -> None:
    """A command between runs, which does nothing."""

    async def command() -> None:
        async with open_session(given, EPOCH, [].append, reaching(a_service())):
            pass

    play_in_line(command)


def test_a_command_between_runs_remembers_only_what_the_table_was_read_with(shots: Path) -> None:
    """`cancel --map` with a slip of the pen must not spoil the next night."""
    run_through(opened(shots, **SAID), a_service(), RunOptions(limit=1))
    before = opened(shots).options
    with pytest.raises(UsageError, match="no column 'Txt'"):
        through_session(opened(shots, mapped={"prompt": "Txt"}))
    assert opened(shots).options == before
    through_session(opened(shots, price="5=0.20"))
    assert opened(shots).options == replace(before, price="5=0.20")


# Models and sheets


def kling(shots: Path, rows: int = 2) -> Path:
    shots.write_text("prompt,image\n" + "".join(f"{n},https://x.y/{n}\n" for n in range(rows)))
    return shots


def test_a_model_is_said_once(shots: Path) -> None:
    """Later commands take the same one, and buy nothing at another."""
    service = a_service()
    first = run_through(opened(kling(shots), model="kling-2.1-standard"), service, RunOptions(limit=1))
    assert first.next_command == f"kling-batch run {shots} --limit 1"
    bare = opened(shots)
    assert (bare.manifest.job.name, bare.remembered) == ("kling-2.1-standard", ["--model", "kling-2.1-standard"])
    assert run_through(bare, service).exit_code == Exit.DONE
    with pytest.raises(LedgerError, match="was last run with another model"):
        run_through(opened(shots, forget_options=True), service)
    anew = opened(shots, forget_options=True, model="kling-2.1-pro")
    assert (anew.manifest.job.name, anew.remembered) == ("kling-2.1-pro", [])
    run_through(anew, service)
    assert opened(shots).manifest.job.name == "kling-2.1-pro"


def test_a_price_that_was_said_is_that_of_its_model(shots: Path) -> None:
    """Said of the usual one, whatever that was called; another one has its own."""
    run_through(opened(kling(shots), price="5=0.30"), a_service(), RunOptions(limit=1))
    for same in ("kling-2.1-pro", "fal-ai/kling-video/v2.1/pro/image-to-video"):
        assert opened(shots, model=same).manifest.prices["5"] == 300_000
    other = opened(shots, model="kling-2.1-standard")
    assert (other.price_told, other.options.price) == (False, None)
    assert other.manifest.prices == other.manifest.job.prices
    assert opened(shots, job=replace(opened(shots).manifest.job, name="mine", endpoint="a/b")).options.price == "5=0.30"


def test_a_model_that_is_gone_is_asked_about(shots: Path) -> None:
    """By its name; another one can be said, with its own price."""
    noted(kling(shots), model="gone", price="5=0.30")
    with pytest.raises(UsageError, match="--model gone: there is no such model"):
        opened(shots)
    assert opened(shots, model="kling-2.1-pro").options.price is None


def test_a_models_file_moves_with_its_table(tmp_path: Path) -> None:
    """Where it stands below its folder; it is named from here."""
    film = tmp_path / "film"
    film.mkdir()
    own = film / "own.json"
    own.write_text(file_of("kling-2.1-standard").read_text())
    run_through(opened(kling(film / "shots.csv"), model=str(own)), a_service(), RunOptions(limit=1))
    film.rename(tmp_path / "moved")
    assert opened(tmp_path / "moved" / "shots.csv").options.model == str(tmp_path / "moved" / "own.json")


def test_a_file_of_python_is_said_each_time(shots: Path) -> None:
    """It is run, and a ledger may come from anywhere."""
    mine = shots.with_name("mine.py")
    mine.write_text(
        "from dataclasses import replace\nfrom jobs.kling import KLING_2_1_PRO\n"
        "MINE = replace(KLING_2_1_PRO, endpoint='a/b', first=False)\ndel KLING_2_1_PRO\n"
    )
    service = Service(service_queue(4, 60.0, endpoints={"a/b"}))
    ended = run_through(opened(kling(shots), model=str(mine)), service, RunOptions(limit=1))
    assert ended.next_command == f"kling-batch run {shots} --model {mine} --limit 1"
    assert opened(shots).remembered == []
    with pytest.raises(LedgerError, match="was last run with another model"):
        run_through(opened(shots), a_service())
    noted(shots, model=str(mine))
    with pytest.raises(LedgerError, match="--forget-options"):
        opened(shots)


def test_a_sheet_is_said_once(tmp_path: Path) -> None:
    """The results come into it, by a bare command too."""
    path, service = tmp_path / "shots.xlsx", a_service()
    book = Workbook()
    for name in ("First", "Second"):
        sheet = book.active if name == "First" else book.create_sheet()
        sheet.title = name
        for cells in (["prompt", "image"], [name, "https://x.y/1"], [f"{name} 2", "https://x.y/2"]):
            sheet.append(cells)
    book.save(path)
    run_through(opened(path, sheet="Second"), service, RunOptions(limit=1))
    bare = opened(path)
    assert (bare.remembered, bare.options.sheet) == (["--sheet", "Second"], "Second")
    assert run_through(bare, service).exit_code == Exit.DONE
    saved = load_workbook(path)
    assert "status" not in [cell.value for cell in saved["First"][1]]
    assert "status" in [cell.value for cell in saved["Second"][1]]
    assert opened(path, forget_options=True).options.sheet is None
