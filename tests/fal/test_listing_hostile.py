"""fal's records and prices as they may come: a listing without end, times that cannot be, numbers that are none."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest

from batch.core.gateway import RequestHistory, Unclear, UnitPrice
from batch.fal import platform_api as records
from batch.fal import transport as guard
from batch.fal.pricing import live_prices
from jobs.kling import KLING_2_1_PRO

ENDPOINT = KLING_2_1_PRO.endpoint
Page = Mapping[str, Any]

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def item(name: str = "r", **other: object) -> dict[str, object]:
    return {
        "request_id": name,
        "endpoint_id": ENDPOINT,
        "sent_at": iso(time.time() - 60),
        "ended_at": None,
        "json_input": {},
    } | other


async def history(page: Callable[[int, Mapping[str, str]], Any], date: str | None = None) -> tuple[Any, int]:
    """What is made of the pages of a listing, and how many were asked for."""
    asked = 0

    async def ask(url: str, query: Mapping[str, str]) -> Any:
        nonlocal asked
        asked += 1
        guard.last_date.set(date)
        return page(asked, query)

    return await records.request_history(ask, KLING_2_1_PRO, 0.0), asked


ENDLESS: dict[str, Callable[[int, Mapping[str, str]], Page]] = {
    "the same cursor": lambda nth, query: {"items": [item(f"r{nth}")], "next_cursor": "c", "has_more": True},
    "two cursors in turn": lambda nth, query: {"items": [item(f"r{nth}")], "next_cursor": f"c{nth % 2}"},
    "empty pages": lambda nth, query: {"items": [], "next_cursor": f"c{nth}", "has_more": True},
    "the same page": lambda nth, query: {"items": [item()], "next_cursor": f"c{nth}", "has_more": True},
}


@pytest.mark.parametrize("page", ENDLESS.values(), ids=ENDLESS)
async def test_a_listing_that_does_not_get_on_is_given_up(page: Callable[[int, Mapping[str, str]], Page]) -> None:
    """After some pages, not after thousands."""
    found, asked = await history(page)
    assert found == Unclear("fal's request history does not end")
    assert asked <= 60


@pytest.mark.parametrize("cursor", ["\ud800", "x" * 5000, "ä", "a\x00b", 7, True, ["c"]])
async def test_a_cursor_that_cannot_stand_in_an_address_ends_the_reading(cursor: object) -> None:
    """Half a character once ended the run."""
    found, asked = await history(lambda nth, query: {"items": [item(f"r{nth}")], "next_cursor": cursor})
    assert (found, asked) == (Unclear("fal's request history is of an unknown form"), 1)


async def test_a_listing_that_gets_on_for_ever_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its pages, and by its bytes."""
    monkeypatch.setattr(records, "MOST_PAGES", 30)
    found, asked = await history(lambda nth, query: {"items": [item(f"r{nth}")], "next_cursor": f"c{nth}"})
    assert (found, asked) == (Unclear("fal's request history does not end"), 30)
    guard.last_body.set(bytes(1 << 20))
    monkeypatch.setattr(records, "MOST_BYTES", 10 << 20)
    found, asked = await history(lambda nth, query: {"items": [item(f"r{nth}")], "next_cursor": f"c{nth}"})
    assert (found, asked) == (Unclear("fal's request history does not end"), 11)


async def test_pages_may_overlap_and_come_in_any_order() -> None:
    """Each request counts once: two listings of one would be two videos for two equal rows."""
    pages = [["c", "a"], ["a", "b"], [], ["d"]]

    def page(nth: int, query: Mapping[str, str]) -> Page:
        items = [item(name) for name in pages[nth - 1]]
        return {"items": items, "next_cursor": f"c{nth}" if nth < len(pages) else None}

    found, _ = await history(page)
    assert [one.request_id for one in found.items] == ["c", "a", "b", "d"]


USELESS: dict[str, Any] = {
    "no id": item(request_id=None),
    "a number for an id": item(request_id=7),
    "an id that is a path": item(request_id="../../x"),
    "an id without end": item(request_id="x" * 100_000),
    "no time": item(sent_at=None),
    "a number for a time": item(sent_at=1.7e9),
    "a time that is none": item(sent_at="yesterday"),
    "a time in no calendar": item(sent_at="10000-01-01T00:00:00+00:00"),
    "no request": 7,
    "next year": item(sent_at=iso(time.time() + 400 * 86_400)),
}


@pytest.mark.parametrize("one", USELESS.values(), ids=USELESS)
@pytest.mark.parametrize("dated", [True, False])
async def test_a_listing_with_an_entry_that_cannot_be_proves_nothing(one: Any, dated: bool) -> None:
    """An entry of the future would move fal's clock, by which the absence of others is proven."""
    date = formatdate(usegmt=True) if dated else None
    found, _ = await history(lambda nth, query: {"items": [item("a"), one]}, date)
    assert isinstance(found, Unclear)


@pytest.mark.parametrize("ended_at", [True, 7, "yes", {"at": 1}, [], "9999-99-99"])
async def test_only_a_time_says_that_a_request_has_ended(ended_at: object) -> None:
    """An end is part of a proof."""
    found, _ = await history(lambda nth, query: {"items": [item(ended_at=ended_at)]})
    assert isinstance(found, RequestHistory)
    assert not found.items[0].ended


DATES = [
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 -0000",
    "0",
    "nan",
]


@pytest.mark.parametrize("date", DATES)
async def test_a_date_that_cannot_be_today_is_none(date: str) -> None:
    """fal's clock proves absences; one that is days off proves nothing."""
    found, _ = await history(lambda nth, query: {"items": [item()]}, date)
    assert isinstance(found, RequestHistory)
    assert found.at is None


@pytest.mark.parametrize("value", [True, None, "0.098", [], float("nan"), float("inf"), -1, -0.098, 10**400, 10**7])
async def test_a_price_that_is_no_amount_is_none(value: object) -> None:
    """The published one counts."""

    async def ask(url: str, query: Mapping[str, str]) -> Any:
        return {"prices": [{"endpoint_id": ENDPOINT, "unit_price": value, "unit": "second", "currency": "USD"}]}

    assert isinstance(await records.unit_price(ask, ENDPOINT), Unclear)


@pytest.mark.parametrize("name", [None, 7, "", "x" * 100, "second\x1b[2J", ["second"]])
async def test_a_unit_that_is_no_word_is_not_shown(name: object) -> None:
    """It would stand on the screen."""

    async def ask(url: str, query: Mapping[str, str]) -> Any:
        return {"prices": [{"endpoint_id": ENDPOINT, "unit_price": 0.098, "unit": name, "currency": "USD"}]}

    assert isinstance(await records.unit_price(ask, ENDPOINT), Unclear)


@pytest.mark.parametrize("amount", ["0.0000001", "0.0097", "0.99", "500"])
def test_a_price_far_from_the_published_one_is_not_believed(amount: str) -> None:
    """Under a price of next to nothing --max-spend would hold nobody back."""
    assert live_prices(KLING_2_1_PRO, UnitPrice(Decimal(amount), "second", "USD")) is None
