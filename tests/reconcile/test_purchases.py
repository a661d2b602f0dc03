"""Which rows fal's records show as bought before: whole inputs equal, one request a row, ends without a video apart."""

from typing import Any

import pytest

from batch.core.gateway import ListedRequest
from batch.manifest.fingerprint import defaults
from batch.reconcile.purchases import Purchases, WantedRow
from jobs.kling import KLING_2_1_PRO as JOB

SHOT = {"prompt": "a ship", "image_url": "https://x.y/1.png", "duration": "5"}


def listed(name: str, at: float = 1.0, *, failed: bool = False, **given: Any) -> ListedRequest:
    return ListedRequest(name, at, True, {**SHOT, **given}, failed)


def wanted(row: int, *local: str, **given: Any) -> WantedRow:
    return WantedRow(row, {**SHOT, **given}, frozenset(local))


def found(rows: list[WantedRow], *records: ListedRequest, doubts: tuple[dict[str, Any], ...] = ()) -> dict[int, str]:
    purchases = Purchases(records, doubts, defaults(JOB))
    return {row.row: request.request_id for row, request in purchases.of(rows)}


def test_a_row_was_bought_where_its_whole_input_was_sent() -> None:
    """fal's defaults filled in on either side, line ends left aside; every other difference is another shot."""
    assert found([wanted(1)], listed("r1", negative_prompt="blur, distort, and low quality")) == {1: "r1"}
    assert found([wanted(1, prompt="a\r\nb", cfg_scale=0.5)], listed("r1", prompt="a\nb")) == {1: "r1"}
    for other in (
        {"prompt": "a boat"},
        {"duration": "10"},
        {"cfg_scale": 0.7},
        {"tail_image_url": "https://x.y/2.png"},
    ):
        assert found([wanted(1)], listed("r1", **other)) == {}
    assert found([wanted(1)], ListedRequest("r1", 1.0, True, None)) == {}


def test_each_request_is_one_row_s() -> None:
    """Twins are two videos: of three, two were bought; the newest ones go to the rows."""
    assert found([wanted(n) for n in (1, 2, 3)], listed("old", 1.0), listed("new", 2.0)) == {1: "new", 2: "old"}


def test_a_row_in_doubt_comes_before_one_that_waits() -> None:
    """Its request is looked for by those who know when it was sent."""
    assert found([wanted(1)], listed("r1"), doubts=(SHOT,)) == {}


def test_what_ended_without_a_video_bought_nothing() -> None:
    """A try that broke is followed by another one: that is the row's."""
    assert found([wanted(1)], listed("broke", 2.0, failed=True), listed("worked", 1.0)) == {1: "worked"}


@pytest.mark.parametrize("name", ["image_url", "tail_image_url"])
def test_an_image_of_this_machine_is_not_compared(name: str) -> None:
    """It goes by another address each time it is uploaded; but there must have been one."""
    row = wanted(1, name, **{name: "images/a.png"})
    assert found([row], listed("r1", **{name: "https://v3.fal.media/files/xyz.png"})) == {1: "r1"}
    assert found([row], listed("r1", prompt="a boat", **{name: "https://v3.fal.media/files/xyz.png"})) == {}
    assert found([wanted(1, "tail_image_url", tail_image_url="a.png")], listed("r1")) == {}


def test_an_image_of_this_machine_is_compared_with_the_last_hours_only() -> None:
    """Each night new images with one prompt: they are not the last night's. One with an address is always compared."""
    records = [listed("old", 99.0, image_url="https://v3.fal.media/a.png"), listed("url", 1.0)]
    purchases = Purchases(records, (), defaults(JOB), 100.0)
    assert list(purchases.of([wanted(1, "image_url")])) == []
    assert [request.request_id for _, request in purchases.of([wanted(2)])] == ["url"]
    recent = Purchases([listed("new", 100.0)], (), defaults(JOB), 100.0)
    assert [request.request_id for _, request in recent.of([wanted(1, "image_url")])] == ["new"]


def test_a_request_is_one_rows_also_where_they_are_compared_by_other_inputs() -> None:
    """A row with an image of this machine, then one with an address: the first has it."""
    rows = [wanted(1, "image_url", image_url="a.png"), wanted(2)]
    assert found(rows, listed("r1")) == {1: "r1"}
    assert found(rows[::-1], listed("r1")) == {2: "r1"}


def test_a_request_of_an_image_alone_is_that_rows() -> None:
    """Nothing but what is not compared was sent."""
    row = WantedRow(1, {"image_url": "a.png"}, frozenset({"image_url"}))
    assert found([row], ListedRequest("r1", 1.0, True, {"image_url": "https://v3.fal.media/a.png"})) == {1: "r1"}


@pytest.mark.parametrize(
    ("ours", "theirs", "equal"),
    [
        ("a\rb", "a\nb", True),
        (1, 1.0, True),
        (0, 0.5, False),
        (["a", 1], ["a", 1], True),
        (["a", 1], ["a", 2], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (None, "", False),
    ],
)
def test_values_of_every_kind_are_compared(ours: Any, theirs: Any, equal: bool) -> None:
    """Line ends are one, numbers are numbers, and lists and objects are what stands in them."""
    assert found([wanted(1, cfg_scale=ours)], listed("r1", cfg_scale=theirs)) == ({1: "r1"} if equal else {})
