"""One open book of an account: purchases of all tables, whose each is, and what they may have cost.

Synchronous and of one thread at a time, like the ledger; each transaction of the ledger's is preceded by one here.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from batch.account import witnesses
from batch.account.book_file import BUSY_SECONDS, file_of, standing_file
from batch.account.periods import period_end, period_start
from batch.core.equality import Equality
from batch.core.gateway import Receipt
from batch.core.money import AccountCap
from batch.core.row import InDoubtRow, KnownRequest
from batch.core.states import State, Transition
from batch.core.store import ClaimRefused, Purchase, RequestTaken

AIR_SECONDS = 240.0
"""A POST has its reply, or none, no later than this after its intent: twice the longest wait, and a margin."""
TAKEN = "fal gave it the id of another request of this account, so its own is not known"


class TakenOver(ClaimRefused):
    """Another run has begun with this ledger, or a copy of it, or the book is another: this one buys nothing more."""


class AccountBook:
    """One open book, for one ledger.

    Args:
        equality: when two requests ask for the same, as fal sees it.
        now: seconds since 1970.
        cap: on what all tables spend in a period; decided with each claim.
        local: gives local time for seconds since 1970: periods begin by the clock on the wall.
        others: the same as `equality` for other endpoints that requests of the table go to.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        equality: Equality,
        now: Callable[[], float],
        cap: AccountCap | None = None,
        local: Callable[[float], datetime] = lambda at: datetime.fromtimestamp(at).astimezone(),
        others: Callable[[str], Equality] | None = None,
    ) -> None:
        self.db = connection
        self.equality = equality
        self.now = now
        self.cap = cap
        self.ledger = 0
        """The ledger that this run writes, as the book numbers it."""
        self.token = ""
        """Of this run: with another one in the book it buys nothing."""
        self.taken_over = 0
        """How many rows of the ledger took from the book what they lacked, as the run began."""
        self.begun: Callable[[], None] = lambda: None
        """Called in each transaction as it begins."""
        self._claimed: list[int] = []
        self._used = False
        self._local = local
        self._others = others
        self._takeable: dict[str, tuple[int, int]] = {}
        self._file = standing_file(connection)

    def equality_at(self, endpoint: str) -> Equality:
        """When two requests to an endpoint ask for the same; "" is the table's usual one."""
        if self._others is None or endpoint in ("", self.equality.endpoint):
            return self.equality
        return self._others(endpoint)

    @property
    def trusted_from(self) -> float:
        """Since when it knows all that is bought with the key on this host, in seconds since 1970."""
        return float(self.meta("trusted_from") or 0)

    @property
    def path(self) -> Path:
        """Where it stands."""
        return file_of(self.db)

    # Transactions: begun by the first write, committed before the ledger's own

    @property
    def in_transaction(self) -> bool:
        return self.db.in_transaction

    def begin(self) -> None:
        """Waits for the other runs of the account, as long as the connection allows."""
        if not self.db.in_transaction:
            self.db.execute("BEGIN IMMEDIATE")
            self._claimed.clear()
            self.begun()

    def try_begin(self) -> bool:
        """Whether it is this run's turn; it waits for nobody."""
        self.db.execute("PRAGMA busy_timeout = 0")
        try:
            self.begin()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            self.db.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        return True

    def commit(self) -> None:
        if self.db.in_transaction:
            self.db.execute("COMMIT")

    def undo(self) -> None:
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    def savepoint(self) -> None:
        if self.db.in_transaction:
            self.db.execute("SAVEPOINT entry")

    def undo_to_savepoint(self) -> None:
        """All since then; a transaction that was not begun then is undone whole."""
        try:
            self.db.execute("ROLLBACK TO entry")
        except sqlite3.OperationalError:  # there was none: it began with this entry
            self.undo()

    def close(self) -> None:
        self.undo()
        self.db.close()

    # Claims

    def claim(self, purchase: Purchase) -> bool:
        """Keeps the intent of a POST; False where the account's cap has no room for it.

        Raises:
            TakenOver: this ledger, or a copy of it, is at work elsewhere; or the row has an open purchase already.
        """
        self.begin()
        self._require_own_turn()
        price, at = purchase.price, purchase.intent_at
        if self.cap and (price is None or self.committed(self.cap.period, at) + price > self.cap.most):
            return False
        try:
            self._claimed.append(self._insert(purchase))
        except sqlite3.IntegrityError as error:
            raise TakenOver(
                f"row {purchase.row} of the ledger was bought meanwhile, as the account's book shows: this run stops, "
                "and nothing was paid twice. Run it again: it brings home what is there"
            ) from error
        return True

    def unclaim(self) -> None:
        """What the last transaction claimed was never sent: the ledger could not keep it."""
        claimed = list(self._claimed)
        self.begin()
        self.db.executemany("UPDATE purchase SET state = 'not_sent' WHERE seq = ?", [(seq,) for seq in claimed])
        self.commit()

    def _insert(self, purchase: Purchase, request_id: str | None = None) -> int:
        row, fingerprint, sent, price, intent_at, endpoint = purchase
        equality = self.equality_at(endpoint)
        state = "accepted" if request_id else "open"
        order_of = witnesses.NOBODYS if request_id else None  # when the POST of one that was found left, nobody knows
        values = (self.ledger, row, fingerprint, equality.digest(sent), price, intent_at, state, request_id)
        done = self.db.execute(
            "INSERT INTO purchase (ledger, row, fingerprint, sent, price, intent_at, state, request_id, endpoint, "
            "order_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, equality.endpoint_digest, order_of),
        )
        return int(done.lastrowid or 0)

    def _require_own_turn(self) -> None:
        if self._file != standing_file(self.db):
            raise TakenOver(
                "the account's book was removed, moved or put back under this run: nothing more is submitted here. "
                "Run again: what was submitted is picked up"
            )
        token, path = self.db.execute("SELECT token, table_path FROM ledger WHERE n = ?", (self.ledger,)).fetchone()
        if token != self.token:
            raise TakenOver(
                f"another run took over this ledger ({path}): nothing more is submitted here. Run one of the two only"
            )
        if not self._used:
            self.db.execute("UPDATE ledger SET used = 1 WHERE n = ?", (self.ledger,))
            self._used = True

    def committed(self, period: str, at: float) -> int:
        """What all tables may have spent in the period that holds a time, in millionths of a dollar."""
        began = period_start(period, self._local(at)).timestamp()
        (total,) = self.db.execute(
            "SELECT COALESCE(SUM(committed), 0) FROM spend WHERE quarter >= ?", (int(began / 900),)
        ).fetchone()
        return int(total)

    def period_end(self, period: str, at: float) -> float:
        """When the period that holds a time ends, in seconds since 1970."""
        return period_end(period, at, self._local)

    # What comes of a purchase

    def note(self, row: int, transition: Transition) -> None:
        """Keeps what a transition without a receipt says of the row's purchase."""
        if closed := _closed_by(transition):
            self.begin()
            self.db.execute(
                "UPDATE purchase SET state = IIF(:state = 'ended' AND request_id IS NULL, 'given_up', :state), "
                "cost = :cost, video = :video WHERE ledger = :ledger AND row = :row AND state IN ('open', 'accepted')",
                {**closed._asdict(), "ledger": self.ledger, "row": row},
            )
        elif (transition.old, transition.new) == (State.FAILED, State.SUBMITTED):
            self.begin()
            self.db.execute(
                "UPDATE purchase SET state = 'accepted' WHERE seq = (SELECT MAX(seq) FROM purchase WHERE ledger = ? "
                "AND row = ? AND state = 'ended')",
                (self.ledger, row),
            )

    def accept(self, purchase: Purchase, receipt: Receipt) -> None:
        """The request is the row's.

        Raises:
            RequestTaken: its id is another row's, of this table or of another.
        """
        self.begin()
        owner = self.db.execute(
            "SELECT seq, ledger, row, state FROM purchase WHERE request_id = ?", (receipt.request_id,)
        ).fetchone()
        if owner is None:
            done = self.db.execute(
                "UPDATE purchase SET state = 'accepted', request_id = ? "
                "WHERE ledger = ? AND row = ? AND state = 'open'",
                (receipt.request_id, self.ledger, purchase.row),
            )
            if not done.rowcount:  # it was never claimed here: it was found in fal's records
                self._insert(purchase, receipt.request_id)
        elif owner[:2] == self._takeable.get(receipt.request_id):
            self._take(owner[0], purchase.row)
        elif owner[1:] != (self.ledger, purchase.row, "accepted"):
            raise RequestTaken(TAKEN)

    def _take(self, seq: int, row: int) -> None:
        """A purchase of a ledger that is gone becomes the row's; what it held in its place was none."""
        self.db.execute(
            "UPDATE purchase SET state = 'absent', cost = 0 WHERE ledger = ? AND row = ? AND state = 'open'",
            (self.ledger, row),
        )
        self.db.execute(
            "UPDATE purchase SET ledger = ?, row = ?, state = 'accepted' WHERE seq = ?", (self.ledger, row, seq)
        )

    def may_take(self, request_ids: Mapping[str, tuple[int, int]]) -> None:
        """No living row holds them: a receipt of theirs is no longer another row's, as long as its owner is the same.

        Args:
            request_ids: each with the number of its purchase and of the ledger that had it.
        """
        self._takeable |= request_ids

    # What is asked of it

    def orders(self) -> dict[int, int]:
        """See `PurchaseBook.orders`."""
        return witnesses.orders(self.db, self.ledger)

    def requests(self, request_ids: Iterable[str]) -> dict[str, KnownRequest]:
        """See `PurchaseBook.requests`."""
        return witnesses.requests(self.db, self.ledger, request_ids)

    def requests_around(self, order: int, later: int, endpoint: str) -> dict[str, KnownRequest]:
        """See `PurchaseBook.requests_around`."""
        digest = self.equality_at(endpoint).endpoint_digest
        return witnesses.requests_around(self.db, self.ledger, digest, order, later)

    def has_ledger(self, ledger_id: str) -> bool:
        """Whether the book knows a ledger, and so all that it bought."""
        return bool(self.db.execute("SELECT 1 FROM ledger WHERE id = ?", (ledger_id,)).fetchone())

    def in_doubt_elsewhere(self) -> list[InDoubtRow]:
        """Purchases of other ledgers whose request is not known.

        Where one is so young that its reply may come yet, nothing of its kind can be told.
        """
        found = self.db.execute(
            "SELECT seq, sent, intent_at FROM purchase WHERE state = 'open' AND ledger <> ?", (self.ledger,)
        )
        settled = self.now() - AIR_SECONDS
        return [
            InDoubtRow(-seq, {}, at, seq, open_elsewhere=True, shared=at < settled, digest=sent)
            for seq, sent, at in found
        ]

    def meta(self, name: str) -> str:
        """One of the book's own notes."""
        found = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def set_meta(self, name: str, value: str) -> None:
        self.begin()
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


class _Closed(NamedTuple):
    """How a purchase ended: its state, what it cost in millionths of a dollar, and whether there is a video."""

    state: str
    cost: int = 0
    video: bool = False


def _closed_by(transition: Transition) -> _Closed | None:
    match (transition.old, transition.new):
        case (State.SUBMITTING, State.PENDING | State.FAILED):
            return _Closed("not_sent")
        case (State.IN_DOUBT, State.PENDING) if transition.step < 0:
            return _Closed("absent")
        case (State.IN_DOUBT, State.PENDING | State.FAILED | State.CANCELLED):
            return _Closed("given_up", transition.cost)
        case (State.SUBMITTED, State.PENDING | State.FAILED | State.CANCELLED):
            return _Closed("ended", transition.cost)
        case (State.SUBMITTED, State.SUCCEEDED):
            return _Closed("ended", transition.cost, video=True)
        case _:
            return None
