"""What a program is told about a row, in the form that fal's own client has."""

from batch.core.updates import Completed, InProgress, Queued, RowUpdate


def test_a_row_is_named_by_its_number_and_its_id() -> None:
    """As in every message."""
    assert Queued(row=17, id="s17").label == "row 17 (s17)"
    assert Queued(row=17).label == "row 17"


def test_every_update_is_one_of_a_row() -> None:
    """And says no more than is known."""
    for one in (Queued(row=2), InProgress(row=2), Completed(row=2, state="failed")):
        assert isinstance(one, RowUpdate)
    assert InProgress(row=2).logs == ()
    assert Queued(row=2).position is None
