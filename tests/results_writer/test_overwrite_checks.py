"""Nothing of the user's is overwritten by results that go to another file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from batch.errors import ManifestError
from batch.results_writer.overwrite_checks import refuse_foreign_columns, require_ours
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
