"""What shows a purchase in a table is found under any prefix, and a user's own columns never are."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.states import Status
from batch.manifest.past_results import PastResult, past_results, prefixes, shows_purchase

ID = str(uuid.UUID(int=7))
URL = "https://v3.fal.media/files/a.mp4"


@dataclass
class Row:
    number: int
    cells: Sequence[str]


def found(header: Sequence[str], *rows: Sequence[str]) -> list[PastResult]:
    return list(past_results(header, [Row(n, cells) for n, cells in enumerate(rows, 2)], prefixes(header)))


@pytest.mark.parametrize("prefix", ["", "k_", "my results: "])
def test_a_result_is_found_under_any_prefix(prefix: str) -> None:
    """Also where the user has columns of these names too, and has deleted others of ours."""
    header = ["prompt", "url", *(prefix + name for name in ("status", "video_url", "request_id"))]
    assert found(header, ["a", URL, "succeeded", URL, ID], ["b", URL, "pending", "", ""]) == [PastResult(2, ID)]


@pytest.mark.parametrize("status", Status)
def test_whatever_names_a_request_may_have_been_paid_for(status: Status) -> None:
    """So may a row that is on its way or in doubt; one that waits, is invalid or was never sent was not."""
    video = URL if status in (Status.SUCCEEDED, Status.STALE) else ""
    assert shows_purchase({"status": status, "request_id": ID, "video_url": video})
    may_be = status in (Status.SUBMITTED, Status.IN_DOUBT)
    assert shows_purchase({"status": status, "request_id": "", "video_url": video}) == may_be


@pytest.mark.parametrize(
    "own",
    [
        {"status": "approved", "request_id": ID, "video_url": URL},
        {"status": "succeeded", "request_id": "REQ-17", "video_url": URL},
        {"status": "succeeded", "request_id": ID, "video_url": "cut 3"},
        {"status": "succeeded", "request_id": "", "video_url": URL},
        {"status": "failed", "request_id": ID[:-1], "video_url": ""},
    ],
)
def test_a_cell_that_is_not_ours_makes_the_record_the_users(own: dict[str, str]) -> None:
    assert not shows_purchase(own)


NAMES = st.sampled_from(
    ["status", "note", "url", "video_url", "request", "my_status", "k_status", "Status", "id", "video", "k_video_url"]
) | st.text(max_size=8).map(lambda text: text.replace("request_id", ""))
CELLS = st.sampled_from(["", *Status, "approved", "done", URL, ID, "see mail", "7"]) | st.text(max_size=8)


@given(st.data(), st.lists(NAMES, max_size=8))
def test_columns_of_the_users_own_raise_no_alarm(data: st.DataObject, header: list[str]) -> None:
    """A status, a note, a URL of their own, whatever stands in them: without our three names by one prefix."""
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=4))
    assert found(header, *rows) == []


OWN_STATUS = st.text(max_size=12).filter(lambda text: text not in set(Status)) | st.sampled_from(["approved", "ok"])
OWN_REQUEST = st.text(min_size=1, max_size=36) | st.integers().map(str) | st.sampled_from(["REQ-1", "yes", ID[:8]])


@given(st.lists(st.tuples(OWN_STATUS, CELLS, CELLS)), st.lists(st.tuples(CELLS, CELLS, OWN_REQUEST)))
def test_our_three_names_with_other_words_in_them_raise_no_alarm(
    states: list[tuple[str, str, str]], requests: list[tuple[str, str, str]]
) -> None:
    """A production's own tracker: its statuses are not ours, or its request numbers not fal's."""
    header = ["p_status", "p_video_url", "p_request_id"]
    assert found(header, *states, *requests) == []
