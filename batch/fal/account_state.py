"""Asks fal what it tells of a key: accepted or not, whose account it is, its balance, and fal's clock.

fal docs: `GET /v1/models/requests/by-endpoint` with any key, `GET /v1/account/billing` with an admin key. Nothing here
costs anything.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from batch.core.gateway import Unclear
from batch.fal.platform_api import API, NAME_LENGTH, Ask
from batch.fal.redact import Redactor
from batch.fal.responses import json_of
from batch.fal.transport import ErrorResponse, last_date

_BILLING = API.removesuffix("/models") + "/account/billing"


@dataclass(frozen=True, slots=True)
class AccountState:
    """What fal tells of the key that it is asked with; None where it does not tell.

    Args:
        accepted: whether the key is known to it.
        refusal: its words where the key or the account is refused, or why it could not be asked.
        ahead: seconds by which fal's clock is ahead of this machine's.
    """

    accepted: bool | None = None
    refusal: str = ""
    username: str | None = None
    balance: Decimal | None = None
    currency: str = ""
    ahead: float | None = None


async def account_state(ask: Ask, endpoint: str, redact: Redactor) -> AccountState:
    """Two reads.

    Args:
        ask: gives the JSON of a GET, an `ErrorResponse`, or an `Unclear`.
    """
    since = datetime.fromtimestamp(time.time() - 60, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    said = await ask(f"{API}/requests/by-endpoint", {"endpoint_id": endpoint, "start": since, "limit": "1"})
    ahead = _ahead(last_date.get())
    if isinstance(said, Unclear):
        return AccountState(None, redact.message(said.reason))
    if isinstance(said, ErrorResponse):
        words = redact.message(_words(json_of(said.body)) or f"HTTP {said.status}")
        return AccountState(False if said.status in (401, 402, 403) else None, words, ahead=ahead)
    billing = await ask(_BILLING, {"expand": "credits"})
    told = billing if isinstance(billing, dict) else {}
    balance, currency = _balance(told.get("credits"))
    return AccountState(True, "", _name(told.get("username"), redact), balance, currency, ahead)


def _balance(given: Any) -> tuple[Decimal | None, str]:
    told: Mapping[str, Any] = given if isinstance(given, dict) else {}
    amount, currency = told.get("current_balance"), told.get("currency")
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not abs(amount) < 1e9:
        return None, ""
    plain = isinstance(currency, str) and currency.isalpha() and currency.isascii() and len(currency) <= 8
    return Decimal(str(amount)), str(currency) if plain else ""


def _words(told: Any) -> str:
    """`{"error": {"message": …}}`, or `{"detail": …}`."""
    error = told.get("error") if isinstance(told, dict) else None
    found = error.get("message") if isinstance(error, dict) else told.get("detail") if isinstance(told, dict) else None
    return found if isinstance(found, str) else ""


def _name(told: Any, redact: Redactor) -> str | None:
    return redact.line(told)[:NAME_LENGTH] or None if isinstance(told, str) else None


def _ahead(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
