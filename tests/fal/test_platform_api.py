"""fal's records and prices: whole and in a known form, or nothing."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from batch.core.gateway import Accepted, RequestHistory, Unclear
from batch.fal import platform_api as records
from batch.fal import transport as guard
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

    assert await records.request_history(ask, KLING_2_1_PRO.endpoint, 0.0) == RequestHistory([], None)
