"""Nothing of the user's is overwritten by results that go to another file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from batch.errors import ManifestError
from batch.results_writer.overwrite_checks import refuse_foreign_columns, require_ours, require_target
from tests.support.sheets import SHOTS, Sheet


def test_a_file_that_holds_no_results_of_ours_is_not_replaced(make: Callable[..., Sheet], tmp_path: Path) -> None:
    """`--output` names it by mistake."""
    batch = make(SHOTS)
    other = tmp_path / "mine.csv"
    other.write_text("precious,status\n1,2\n")
    with pytest.raises(ManifestError, match=r"mine\.csv exists and holds no results .* --output"):
        require_ours(other, batch.manifest)


def test_columns_of_our_names_with_values_are_refused_where_results_go_to_a_copy(make: Callable[..., Sheet]) -> None:
    """They would be missing in the copy; those of an earlier run, and empty ones, are no hindrance."""
    batch = make(SHOTS)
    batch.save()
    refuse_foreign_columns(batch.manifest, batch.manifest.open())
    batch.path.write_text("prompt,image,status,error\na,https://x.y/1,,\nb,https://x.y/1,,too dark\n")
    with pytest.raises(ManifestError, match="row 3, column error: 'too dark'"):
        refuse_foreign_columns(batch.manifest, batch.manifest.open())


def test_a_file_that_is_not_there_and_one_with_all_our_columns_may_be_written(
    make: Callable[..., Sheet], tmp_path: Path
) -> None:
    """With the prefix that names them now: under another one they are somebody else's."""
    sheet = make(SHOTS, prefix="kling_")
    require_ours(tmp_path / "none.csv", sheet.manifest)
    sheet.save()
    copy = tmp_path / "copy.csv"
    copy.write_bytes(sheet.path.read_bytes())
    require_ours(copy, sheet.manifest)
    with pytest.raises(ManifestError, match=r"'kling_status': .*--prefix kling_"):
        require_ours(copy, make(SHOTS, name="other.csv").manifest)
    with pytest.raises(ManifestError, match="a ledger of its own"):
        require_ours(sheet.path, sheet.manifest)


def test_a_file_that_lacks_one_of_our_columns_is_not_replaced(make: Callable[..., Sheet]) -> None:
    """Nine in ten are not enough."""
    sheet = make(SHOTS)
    sheet.save()
    sheet.path.write_text(sheet.path.read_text().replace("finished_at", "ended"))
    with pytest.raises(ManifestError, match="holds no results of kling-batch"):
        require_ours(sheet.path, sheet.manifest)


@pytest.mark.parametrize("prefix", ["", "kling_"])
@pytest.mark.parametrize("status", ["succeeded", "stale", "in_doubt"])
def test_rows_with_a_status_of_ours_are_results_of_a_run(make: Callable[..., Sheet], status: str, prefix: str) -> None:
    """Whatever stands beside it in our columns; a word that is none of ours is the user's."""
    sheet = make(SHOTS, prefix=prefix)
    header = f"prompt,image,{prefix}error,{prefix}status"
    sheet.path.write_text(f"{header}\na,https://x.y/1,why,{status}\n")
    refuse_foreign_columns(sheet.manifest, sheet.manifest.open())
    sheet.path.write_text(f"{header}\na,https://x.y/1,why,done\n")
    with pytest.raises(ManifestError, match=rf"row 2, column {prefix}error: 'why' .* --prefix"):
        refuse_foreign_columns(sheet.manifest, sheet.manifest.open())


def test_with_a_prefix_the_users_columns_of_our_names_are_no_hindrance(make: Callable[..., Sheet]) -> None:
    """Only columns that would be overwritten count."""
    sheet = make("prompt,image,status,error\na,https://x.y/1,approved,too dark\n", prefix="kling_")
    refuse_foreign_columns(sheet.manifest, sheet.manifest.open())


@pytest.mark.parametrize("note", ["x", "7", "{}", '[7, null, "/elsewhere.csv"]'])
def test_what_somebody_else_noted_of_results_makes_no_file_ours(note: str, make: Callable[..., Sheet]) -> None:
    """A ledger may come from anywhere."""
    sheet = make(SHOTS)
    sheet.ledger.set_meta("outputs", note)
    target = sheet.path.with_name("out.csv")
    target.write_text("precious\n1\n")
    with pytest.raises(ManifestError, match="holds no results"):
        require_target(target, sheet.manifest, sheet.at)
