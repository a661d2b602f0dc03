"""Says how far the caps of a run reach, and what helps where one of them has no room."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch.core.money import Budget, Cap, dollars
from batch.core.run_options import RunOptions
from batch.ledger.ledger import Ledger
from batch.ledger.summary import rows_within
from batch.reports.clock import clock

if TYPE_CHECKING:
    from batch.account.book import AccountBook


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps of one run.

    Args:
        book: the account's; None: no account is capped.
        now: seconds since 1970.
    """

    options: RunOptions
    budget: Budget
    book: "AccountBook | None"
    now: Callable[[], float]

    def reach(self, ledger: Ledger, to_run: int) -> str:
        """`; --max-spend ($5.00) reaches 10 of them`; empty where the caps reach all rows to run."""
        rooms = self.budget.rooms(ledger.money())
        if self.book and (account := self.options.max_spend_account):
            rooms[Cap.ACCOUNT] = account.most - self.book.committed(account.period, self.now())
        if not rooms:
            return ""
        cap = min(rooms, key=lambda one: rooms[one])
        rows = rows_within(ledger, rooms[cap])
        return f"; {cap} ({self._shown(cap)}) reaches {rows} of them" if rows < to_run else ""

    def remedy(self, cap: Cap) -> str:
        """`($5.00) — raise --max-spend to go on`; of an account's cap, also when it has room again by itself."""
        text = f"({self._shown(cap)}) — raise {cap} to go on"
        account = self.options.max_spend_account
        if cap is not Cap.ACCOUNT or not self.book or not account:
            return text
        ends = clock(self.book.period_end(account.period, self.now()), self.now())
        return f"{text}, or run again after {ends}, when the next {account.period} begins"

    def _shown(self, cap: Cap) -> str:
        match cap:
            case Cap.RUN:
                return dollars(self.options.max_spend or 0)
            case Cap.TOTAL:
                return dollars(self.options.max_spend_total or 0)
            case Cap.ACCOUNT:
                return f"{self.options.max_spend_account} over all tables"
