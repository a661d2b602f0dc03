"""How videos are called: by picture or template, and no two alike, which is found before anything costs."""

from pathlib import Path

import pytest

from batch.commands.batch import Batch
from batch.commands.check import check
from batch.commands.video_naming import plan_video_names, require_names
from batch.errors import Exit, ManifestError, UsageError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from tests.support.sheets import batch

SHEET = (
    "id,Shot,prompt,image,duration\n"
    "s1,010,A boat,https://x.y/boat%20day.png,5\n"
    "s2,020,A boat,https://x.y/pics/boat%20day.png?v=2,10\n"
    ",030,A kite,https://x.y/kite.jpg,5\n"
    "s4,030,A kite,https://x.y/,5\n"
)


def planned(given: Batch, template: str | None, digest: str | None = None) -> tuple[list[str], list[str]]:
    """The names of the rows, and what is wrong with them."""
    with Ledger.in_memory() as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        wrong = plan_video_names(given.manifest, ledger, template, digest)
        found = ledger.db.execute("SELECT name FROM temp.video_name ORDER BY row").fetchall()
    return [name for (name,) in found], wrong


def test_a_video_is_called_as_its_picture_and_the_id_tells_shared_ones_apart(tmp_path: Path) -> None:
    """Without a picture of any name by the id; without one by the row."""
    given = batch(tmp_path, SHEET)
    assert planned(given, None) == (["boat day_s1", "boat day_s2", "kite", "s4"], [])


def test_without_ids_the_rows_tell_shared_pictures_apart(tmp_path: Path) -> None:
    """Whatever other pictures are called."""
    text = (
        "prompt,image\na,https://x.y/b.png\nb,https://x.y/b.png\nc,https://x.y/b_0002.png\nd,data:image/png;base64,\n"
    )
    names, wrong = planned(batch(tmp_path, text.replace("d,data:image/png;base64,\n", "")), None)
    assert wrong == []
    assert len({name.casefold() for name in names}) == 3
    assert names[1] == "b_0003"


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{id}_{row:04}.mp4", ["s1_0002", "s2_0003", "0004_0004", "s4_0005"]),
        ("{column:Shot}-{row}", ["010-2", "020-3", "030-4", "030-5"]),
        ("{column:shot}-{row}", ["010-2", "020-3", "030-4", "030-5"]),
        ("{prompt}_{duration}s_{row}", ["a-boat_5s_2", "a-boat_10s_3", "a-kite_5s_4", "a-kite_5s_5"]),
    ],
)
def test_a_template_takes_what_the_row_has(tmp_path: Path, template: str, names: list[str]) -> None:
    """And any column of the table, by its title."""
    assert planned(batch(tmp_path, SHEET), template) == (names, [])


def test_names_in_common_are_told_with_their_rows(tmp_path: Path) -> None:
    """Also where only the case differs; by `check`, before anything is spent."""
    given = batch(tmp_path, SHEET.replace("s2,", "S1,"))
    assert planned(given, "{column:Shot}")[1] == [
        "--name {column:Shot}: rows 4, 5 would all be called 030: add {row:04} or {id} to it"
    ]
    assert planned(given, "{id}")[1] == ["--name {id}: rows 2, 3 would all be called S1: add {row:04} or {id} to it"]
    assert planned(given, "{column:Shot}_{request_id}")[1] == []
    report = check(given, "{prompt}")
    assert report.exit_code is Exit.UNUSABLE
    assert "rows 2, 3 would all be called a-boat" in report.text()
    assert report.json()["name_problems"] == list(report.name_problems)
    assert check(given, "{row}").exit_code is Exit.DONE
    assert check(given).exit_code is Exit.DONE
    with Ledger.in_memory() as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        with pytest.raises(UsageError, match="would all be called"):
            require_names(given.manifest, ledger, "{prompt}")


def test_a_column_that_is_not_there_or_twice_is_refused(tmp_path: Path) -> None:
    """With its title."""
    with pytest.raises(UsageError, match="no column 'Take'"):
        planned(batch(tmp_path, SHEET), "{column:Take}")
    with pytest.raises(UsageError, match="2 columns 'shot_'"):
        planned(batch(tmp_path, SHEET.replace("Shot", "Shot,shot").replace(",0", ",0,0")), "{column:shot_}")


def test_a_table_that_was_changed_since_it_was_enrolled_is_not_taken_for_it(tmp_path: Path) -> None:
    """Its cells may stand in other rows by now."""
    with pytest.raises(ManifestError, match="was changed just now"):
        planned(batch(tmp_path, SHEET), "{column:Shot}{row}", "another digest")


def test_forty_hostile_cells_make_forty_names_in_the_folder(tmp_path: Path) -> None:
    """Whatever stands in them."""
    cells = ["../../x", "con", "a/b", "C:\\x", "é", "e\u0301x", "AUX.txt", "-rf", "~", "."] * 4
    rows = "".join(f'p{n},https://x.y/{n}.png,"{cell}"\n' for n, cell in enumerate(cells))
    names, wrong = planned(batch(tmp_path, f"prompt,image,Shot\n{rows}"), "{column:Shot}_{row:02}")
    assert wrong == []
    assert len(set(names)) == 40
    assert all(Path(name).name == name and name[0] not in ".-~" for name in names)
