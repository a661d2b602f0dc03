"""Says how far the caps of a run reach, and what helps where one of them has no room."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch.core.jobs import Jobs
from batch.core.money import Budget, Cap, dollars
from batch.core.run_options import RunOptions
from batch.dispatch.stopping import Stop
from batch.ledger.ledger import Ledger
from batch.ledger.summary import (
    LedgerSummary,
    price_of_first,
    prices_of_models,
    rows_within,
    takes_of_first,
    told_prices,
)
from batch.reports.clock import clock
from batch.reports.outcome import counted
from batch.reports.progress import duration

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

    def announced(self, ledger: Ledger, summary: LedgerSummary, jobs: Jobs) -> str:
        """What is to run and what it costs, and how far that goes: `3 of 45 rows, $1.47 (--limit 3)`."""
        limit = self.options.limit
        if limit is not None and limit < summary.to_run:
            price = dollars(price_of_first(ledger, limit))
            made = _videos(takes_of_first(ledger, limit), limit)
            line = f"{limit} of {counted(summary.to_run)},{made} {price} (--limit {limit})"
            return line + self.reach(ledger, limit)
        price = f"{dollars(summary.to_run_price)} {told_prices(prices_of_models(ledger, jobs))}".rstrip()
        made = _videos(summary.to_make, summary.to_run)
        return f"{counted(summary.to_run)} to run{made and f',{made}'} for {price}{self.reach(ledger, summary.to_run)}"

    def short_of_time(self, typical_seconds: float) -> str | None:
        """How long a row takes, where the run is to end before the first one would be home."""
        seconds = self.options.max_seconds
        if seconds is None or seconds >= typical_seconds:
            return None
        return f"a row takes about {duration(typical_seconds)}: {ending(self.options)} is too short for any to be begun"

    def out_of_time(self, typical_seconds: float) -> str:
        """Why nothing more was submitted so near the end."""
        return f"({ending(self.options)}; a row takes about {duration(typical_seconds)})"

    def first(self, stop: Stop | None, typical_seconds: float, *, begun: bool) -> str:
        """What has to be done before the same run again would buy anything; empty where nothing has to.

        Args:
            begun: this one has.
        """
        if stop and stop.cap and (stop.cap is not Cap.RUN or not begun):
            return f"raise {stop.cap} first"
        return "give it more time first" if self.short_of_time(typical_seconds) else ""

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


def _videos(videos: int, rows: int) -> str:
    """How many videos these rows come to, where that is more than one each: ` 9 videos,`."""
    return "" if videos <= rows else f" {videos:,} videos,"


def ending(options: RunOptions) -> str:
    """What ends a run in time, as it was said."""
    return options.ends[0] if options.ends else f"--max-runtime {duration(options.max_seconds or 0)}"
