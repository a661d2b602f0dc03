"""fal's records and prices: whole and in a known form, or nothing."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.gateway import Accepted, ListedRequest, RequestHistory, Unclear, UnitPrice
from batch.fal import platform_api as records
from batch.fal import transport as guard
from batch.fal.transport import ErrorResponse
from batch.sandbox import Address, Faults, History
from jobs.kling import KLING_2_1_PRO
from tests.support.fal_gateway import SHOT, gateway

pytestmark = pytest.mark.anyio


async def test_fals_records_come_whole_and_with_fals_own_time(sandbox: Address, tmp_path: Path) -> None:
    """Every page of them; the clock that an absence is proven by is the service's, as its replies tell it."""
    sandbox.queue.history = History(lists_queued=True, page=2)
    async with gateway(tmp_path) as service:
        for n in range(5):
            assert isinstance(await service.submit(SHOT | {"prompt": f"ship {n}"}), Accepted)
        listing = await service.request_history(time.time() - 3600)
        assert isinstance(listing, RequestHistory)
        assert sorted(one.input["prompt"] for one in listing.items if one.input) == [f"ship {n}" for n in range(5)]
        assert listing.at is not None
        assert abs(listing.at - time.time()) < 600
        sandbox.fault_injector.plan(Faults.parse("history:2=500"))
        assert isinstance(await service.request_history(time.time() - 3600), Unclear)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT"])
async def test_a_reply_that_does_not_tell_the_time_tells_none(date: str | None) -> None:
    """Nothing is made up for it."""

    async def ask(url: str, query: Mapping[str, str]) -> object:
        guard.last_date.set(date)
        return {"items": [], "next_cursor": None, "has_more": False}

    found = await records.request_history(ask, KLING_2_1_PRO, 0.0)
    assert isinstance(found, RequestHistory)
    assert (found.items, found.at) == ([], None)


# By itself


JOB = replace(KLING_2_1_PRO, endpoint="an/endpoint")
DEFAULTS = {name: JOB.default(name) for name in JOB.schema["properties"]}


@pytest.fixture(autouse=True)
def long_ago(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replies written here are of the first minutes of 1970, and so is this machine's clock; not the sandbox's."""
    if "sandbox" not in request.fixturenames:
        monkeypatch.setattr(records, "time", lambda: 60.0)


class Platform:
    """Says these, one after the other, and the last of them for ever; keeps what it was asked."""

    def __init__(self, *answers: object) -> None:
        self._answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def ask(self, url: str, query: Mapping[str, str]) -> object:
        self.asked.append((url, dict(query)))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]

    async def history(self, since: float = 0.0) -> RequestHistory | Unclear:
        guard.last_date.set("Thu, 01 Jan 1970 00:01:00 GMT")
        return await records.request_history(self.ask, JOB, since)

    async def price(self) -> UnitPrice | Unclear:
        return await records.unit_price(self.ask, "an/endpoint")


def record(name: str, **more: object) -> dict[str, object]:
    return {
        "request_id": name,
        "endpoint_id": "an/endpoint",
        "sent_at": "1970-01-01T00:00:10Z",
        "ended_at": None,
        "json_input": None,
        **more,
    }


def page(*items: object, cursor: object = None, **more: object) -> dict[str, object]:
    return {"items": list(items), "next_cursor": cursor, "has_more": cursor is not None, **more}


async def test_every_page_is_asked_for_by_the_cursor_of_the_one_before() -> None:
    """The endpoint, the beginning and the wish for inputs stay the same."""
    platform = Platform(page(record("a"), cursor="1"), page(cursor="2"), page(record("b")))
    history = await platform.history(90_061.9)
    assert isinstance(history, RequestHistory)
    assert [one.request_id for one in history.items] == ["a", "b"]
    assert history.at == 60.0
    plain = {"endpoint_id": "an/endpoint", "start": "1970-01-02T01:01:01Z", "expand": "payloads", "limit": "100"}
    assert [query for _, query in platform.asked] == [plain, plain | {"cursor": "1"}, plain | {"cursor": "2"}]


@pytest.mark.parametrize("cursors", [["1"], ["1", "2"]], ids=["the same page", "two pages in a circle"])
async def test_a_listing_without_an_end_is_none(cursors: list[str]) -> None:
    """It is given up, not read for ever."""
    platform = Platform(*[page(cursor=cursor) for cursor in cursors * (1 + records.MOST_PAGES // len(cursors))])
    assert await platform.history() == Unclear("fal's request history does not end")
    assert len(platform.asked) == len(cursors) + 1


@pytest.mark.parametrize(
    ("said", "listed"),
    [
        ({}, ListedRequest("r", 10.0, False, None)),
        ({"ended_at": "1970-01-01T00:00:20Z"}, ListedRequest("r", 10.0, True, None)),
        ({"sent_at": "1970-01-01T01:00:10.5+01:00"}, ListedRequest("r", 10.5, False, None)),
        ({"sent_at": "1970-01-01T00:00:10"}, ListedRequest("r", 10.0, False, None)),
        ({"json_input": {"prompt": "a"}}, ListedRequest("r", 10.0, False, {"prompt": "a"})),
        ({"json_input": "{}"}, ListedRequest("r", 10.0, False, None)),
        ({"unheard_of": 1}, ListedRequest("r", 10.0, False, None)),
    ],
)
async def test_a_record_is_read_in_each_of_its_forms(said: dict[str, object], listed: ListedRequest) -> None:
    """A time without a zone is UTC; an input that is none counts as lacking."""
    assert await Platform(page(record("r", **said))).history() == RequestHistory(
        [listed], 60.0, DEFAULTS, "an/endpoint", heard_at=60.0
    )


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "items",
        {},
        {"items": {}},
        page(None),
        page([]),
        page(record("a"), {"request_id": 7, "sent_at": "1970-01-01T00:00:10Z"}),
        page(record("a"), {"sent_at": "1970-01-01T00:00:10Z"}),
        page(record("a"), record("b", sent_at=None)),
        page(record("a"), record("b", sent_at=10)),
        page(record("a"), record("b", sent_at="yesterday")),
        page(record("a"), cursor=2),
        page(record("a"), has_more=True),
        page(record("a"), cursor="", has_more=True),
    ],
)
async def test_a_listing_of_an_unknown_form_is_no_listing(said: object) -> None:
    """A record that cannot be read may be the one that is looked for, and so may a page that is not shown."""
    assert await Platform(said).history() == Unclear("fal's request history is of an unknown form")
    assert await Platform(page(record("z"), cursor="1"), said).history() == Unclear(
        "fal's request history is of an unknown form"
    )


@pytest.mark.parametrize(("status", "account"), [(401, True), (403, True), (404, False), (429, False), (500, False)])
async def test_a_refused_listing_says_whether_the_account_is_to_blame(status: int, account: bool) -> None:
    """On the first page or on a later one: half a listing is none."""
    refused = ErrorResponse(status, {}, b"")
    expected = Unclear(f"fal's request history answered HTTP {status}", account=account)
    assert await Platform(refused).history() == expected
    assert await Platform(page(record("a"), cursor="1"), refused).history() == expected


async def test_an_unclear_answer_is_passed_on() -> None:
    """In its own words, by both."""
    assert await Platform(Unclear("no network")).history() == Unclear("no network")
    assert await Platform(Unclear("no network")).price() == Unclear("no network")


@given(st.floats(0, 4e9))
async def test_the_listing_begins_no_later_than_it_is_asked_for(since: float) -> None:
    """Nor more than a second sooner."""
    platform = Platform(page())
    await platform.history(since)
    begins = datetime.strptime(platform.asked[0][1]["start"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    assert since - 1 < begins <= since + 1e-6  # a datetime has microseconds


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0.098, Decimal("0.098")),
        (1, Decimal(1)),
        (True, None),
        ("0.098", None),
        (None, None),
    ],
)
async def test_a_price_is_a_number_as_it_is_written(amount: object, expected: Decimal | None) -> None:
    """Exact to the last digit; what is no number is no price."""
    other = {"endpoint_id": "another/endpoint", "unit_price": 9.0, "unit": "second", "currency": "USD"}
    own = {"endpoint_id": "an/endpoint", "unit_price": amount, "unit": "second", "currency": "USD"}
    answer = await Platform({"prices": [other, None, own]}).price()
    unknown = Unclear("fal's price list is of an unknown form")
    assert answer == (unknown if expected is None else UnitPrice(expected, "second", "USD"))


@pytest.mark.parametrize("said", [None, [], {}, {"prices": None}, {"prices": []}, {"prices": [{"unit_price": 1}]}])
async def test_a_price_list_without_our_endpoint_tells_no_price(said: object) -> None:
    """The job's own price counts then."""
    assert await Platform(said).price() == Unclear("fal's price list is of an unknown form")
    refused = ErrorResponse(503, {}, b"")
    assert await Platform(refused).price() == Unclear("fal's price list answered HTTP 503")


async def test_a_request_of_a_sibling_is_left_out_and_one_of_nobody_tells_nothing() -> None:
    """A history that ignores its filter; a record that does not say whose endpoint it is of."""
    sibling = record("s", endpoint_id="fal-ai/kling-video/v2.1/standard/image-to-video", json_input={"prompt": "a"})
    nobodys = record("n", endpoint_id=None, json_input={"prompt": "a"})
    history = await Platform(page(sibling, nobodys)).history()
    assert isinstance(history, RequestHistory)
    assert list(history.items) == [ListedRequest("n", 10.0, False, None)]
