"""Groups: rows that need something alike, what is in doubt first, with the commands that `status` tells."""

from pathlib import Path

from batch.commands.status import status
from batch.core.states import Status
from batch.report_page.groups import groups_of
from batch.report_page.page import ShownRow
from tests.support.mornings import a_morning


def row(number: int, state: Status, kind: str = "", error: str = "") -> ShownRow:
    return ShownRow(number=number, n=number, id=None, status=state, kind=kind, error=error)


def test_rows_are_grouped_by_kind_with_what_to_do(tmp_path: Path) -> None:
    """The larger groups first, in fal's words, the more frequent ones first."""
    outcome = status(a_morning(tmp_path, 10, pictures=False).manifest.path, sandbox=False)
    rows = [
        row(2, Status.SUCCEEDED),
        row(3, Status.FAILED, "other", "no"),
        row(4, Status.FAILED, "content_policy_violation", "rare"),
        row(5, Status.FAILED, "content_policy_violation", "often"),
        row(6, Status.FAILED, "content_policy_violation", "often"),
        row(7, Status.IN_DOUBT, "reply_lost", "lost"),
        row(8, Status.INVALID, "", "no prompt"),
        row(9, Status.STALE, "", "edited"),
        row(10, Status.SUBMITTED, "not_found", "never heard of"),
        row(11, Status.SUBMITTED),
    ]
    doubt, unheard, policy, other, invalid, stale = groups_of(rows, outcome)
    assert (doubt.title, doubt.rows, doubt.filter_kind) == ("in doubt: reply_lost", 1, "reply_lost")
    assert doubt.command is not None
    assert doubt.command.text.startswith("kling-batch resolve ")
    assert unheard.title == "not heard of: not_found"
    assert (policy.rows, policy.messages) == (3, [("often", 2), ("rare", 1)])
    assert policy.advice == "reword the prompt or change the image"
    assert policy.command is not None
    assert policy.command.text == f"kling-batch rerun {tmp_path}/shots.csv --kind content_policy_violation"
    assert (other.title, other.advice) == ("failed: other", "")
    assert invalid.command is not None
    assert invalid.command.text == f"kling-batch check {tmp_path}/shots.csv"
    assert stale.command is not None
    assert stale.command.text == f"kling-batch run {tmp_path}/shots.csv --stale"


def test_of_rows_that_need_nothing_there_is_no_group(tmp_path: Path) -> None:
    """What waits or is under way is a run's business."""
    outcome = status(a_morning(tmp_path, 1, pictures=False).manifest.path, sandbox=False)
    assert groups_of([row(2, Status.SUCCEEDED), row(3, Status.PENDING), row(4, Status.SUBMITTED)], outcome) == []
