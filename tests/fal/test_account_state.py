"""What fal tells of a key, from the sandbox and from replies that are odd."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from batch.core.gateway import Unclear
from batch.fal.account_state import account_state
from batch.fal.redact import Redactor
from batch.fal.transport import ErrorResponse, last_date
from batch.sandbox import Address
from tests.support.fal_gateway import gateway

pytestmark = pytest.mark.anyio

SECRET = "11111111-2222-3333-4444-555555555555"


async def told(*replies: object, date: str | None = None) -> object:
    waiting = list(replies)

    async def ask(_url: str, _query: Mapping[str, str]) -> object:
        last_date.set(date)
        return waiting.pop(0)

    return await account_state(ask, "an/endpoint", Redactor([SECRET]))


def refusal(status: int, body: bytes) -> ErrorResponse:
    return ErrorResponse(status, {}, body)


async def test_the_sandbox_tells_whose_the_key_is_and_what_is_left(sandbox: Address) -> None:
    """In two reads; its clock is this machine's."""
    async with gateway() as service:
        state = await service.account_state()
        assert (state.accepted, state.username, state.balance, state.currency) == (
            True,
            "sandbox",
            Decimal("100.0"),
            "USD",
        )
        assert state.ahead is not None
        assert abs(state.ahead) < 5
        sandbox.authorization.lock()
        assert (await service.account_state()).balance == 0
        sandbox.authorization.locks_reads = True
        locked = await service.account_state()
    assert locked.accepted is False
    assert "locked" in locked.refusal


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_refusal_is_shown_without_the_key(status: int) -> None:
    """In the service's words, which may hold it."""
    body = b'{"error": {"message": "no such key ' + SECRET.encode() + b'"}}'
    state = await told(refusal(status, body))
    assert (state.accepted, state.refusal) == (False, "no such key ***")  # type: ignore[attr-defined]


@pytest.mark.parametrize("reply", [Unclear("no answer"), refusal(500, b"<html>"), refusal(429, b'{"detail": [1]}')])
async def test_a_service_that_is_out_says_nothing_about_the_key(reply: object) -> None:
    """It is no refusal."""
    state = await told(reply)
    assert state.accepted is None  # type: ignore[attr-defined]
    assert state.refusal  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "billing",
    [
        refusal(403, b"{}"),
        Unclear("late"),
        [],
        {},
        {"credits": None},
        {"credits": {"current_balance": "10"}},
        {"credits": {"current_balance": True, "currency": "USD"}},
        {"credits": {"current_balance": float("nan")}},
        {"username": 7},
    ],
)
async def test_a_balance_that_is_not_told_is_none(billing: object) -> None:
    """Most keys are not told it; nothing is made up."""
    state = await told({"items": []}, billing, date="yesterday")
    assert (state.accepted, state.balance, state.username, state.ahead) == (True, None, None, None)  # type: ignore[attr-defined]
