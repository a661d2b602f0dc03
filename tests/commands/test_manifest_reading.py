"""The manifest, read into the ledger; that a run reads it anew where it is edited is held by test_run.py."""

from pathlib import Path

import pytest

from batch.commands.manifest_reading import enrol_table, read_manifest
from batch.errors import ManifestError
from batch.ledger.ledger import Ledger
from tests.support.sheets import SHOTS, batch


def test_the_same_bytes_are_matched_again_only_for_who_reads_what_is_incoming(tmp_path: Path) -> None:
    """`rerun` looks rows up as the manifest has them; a plain run has the counts of last time."""
    given = batch(tmp_path, SHOTS + ",https://x.y/4,no prompt\n")
    with Ledger.open(given.ledger) as ledger:
        first = enrol_table(given.manifest, ledger, given.manifest.open(), 1.0, anew=False)
        again = enrol_table(given.manifest, ledger, given.manifest.open(), 2.0, anew=False)
        anew = enrol_table(given.manifest, ledger, given.manifest.open(), 3.0, anew=True)
    assert [(one.rows, one.invalid, len(one.problems)) for one in (first, again, anew)] == [
        (4, 1, 1),
        (4, 1, 0),
        (4, 1, 1),
    ]


def test_a_question_about_a_column_enrols_nothing(tmp_path: Path) -> None:
    """All of them are asked at once, and the ledger stays as it was."""
    given = batch(tmp_path, "prompt,image,durration,neg prompt\na boat,https://x.y/1,5,rain\n")
    with Ledger.open(given.ledger) as ledger:
        with pytest.raises(ManifestError, match=r"`durration`.*`neg prompt`"):
            read_manifest(given.manifest, ledger, None, 1.0, anew=False)
        assert ledger.db.execute("SELECT COUNT(*) FROM row").fetchone() == (0,)
