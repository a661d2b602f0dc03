"""Brings the account's book and a ledger together, at the start of whatever writes into the ledger."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path

import anyio

from batch.account.book import AccountBook
from batch.account.book_file import BookFailed, NoBook, book_path, open_book_file
from batch.account.machines import note_at_work, other_at_work, this_machine
from batch.account.purchase_records import BoughtBefore, import_purchase, last_purchase, let_go, own_purchases
from batch.account.registry import (
    LedgerEntry,
    enter,
    entry_of,
    file_identity,
    note_place,
    other_entries,
    unknown_to,
)
from batch.account.upload_records import UploadRecords
from batch.commands.batch import Batch
from batch.commands.messages import Say
from batch.core import states
from batch.core.equality import Equality
from batch.core.gateway import Gateways
from batch.core.jobs import Jobs
from batch.core.money import AccountCap
from batch.core.states import State
from batch.errors import LedgerError, LedgerLost, MissingKey, UsageError
from batch.files.file_systems import shared_file_system
from batch.job import Job
from batch.ledger.booking import PLACE, booked_row, doubts, ledger_id_at, past_purchases, place_of, request_ids
from batch.ledger.ledger import LEDGER_ID, UNBOOKED, Ledger
from batch.manifest.fingerprint import defaults
from batch.reports.outcome import counted

UNTRUSTED_SECONDS = 600.0
"""So long a book that was made again, or put back, does not know who has a POST on its way."""
_ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
TOKEN, GENERATION, BOOK = "book_token", "book_generation", "book_id"
"""What the ledger keeps of the book: the token and number of its last run, and the book's id."""


@asynccontextmanager
async def account_book(
    batch: Batch,
    ledger: Ledger,
    gateways: Gateways,
    now: Callable[[], float],
    say: Say,
    cap: AccountCap | None = None,
    *,
    own_table: bool = False,
) -> AsyncIterator[AccountBook | None]:
    """The account's book, kept beside the ledger while the block lasts; None where there is none to keep.

    Args:
        cap: on what all tables of the account spend.
        own_table: a copy of a ledger that is in use elsewhere gets an id of its own.

    Raises:
        LedgerError: the ledger is an older copy of one that is in use elsewhere, or the table another name of one
            that has a ledger: it may not buy.
        UsageError: a cap on the account that cannot be kept.
    """
    try:
        book = _opened(batch, now, cap)
    except NoBook as error:
        if cap:
            raise UsageError(f"--max-spend-account cannot be kept: {error}") from error
        say(f"{error}: this run goes by its own ledger and fal's history; other tables should not run now")
        book = None
    if book is None:
        if not batch.sandbox:
            ledger.set_meta(UNBOOKED, "1")
        yield None
        return
    try:
        begin = partial(_begin, batch, ledger, book, gateways, now(), say, own_table=own_table)
        await anyio.to_thread.run_sync(begin)  # it waits for the other runs of the account
        yield book
    except BookFailed as error:
        raise LedgerLost(
            f"the account's book {book.path} cannot be written ({error}): make room on the disk, or mend what keeps it "
            "from being written, and run again. Nothing more was submitted; what was is picked up"
        ) from error
    finally:
        ledger.book = None
        book.close()


def _opened(batch: Batch, now: Callable[[], float], cap: AccountCap | None) -> AccountBook | None:
    secret = None if batch.sandbox else _secret()
    if secret is None:
        if cap:
            raise UsageError("--max-spend-account needs a key of fal's own: neither the sandbox nor a login has a book")
        return None
    job, path = batch.manifest.job, book_path(secret)
    if kind := shared_file_system(path):
        raise NoBook(
            f"the account's book would stand on a network file system ({kind}: {path.parent}), which cannot keep it; "
            "set XDG_STATE_HOME to a folder on a disk of this machine"
        )
    book = AccountBook(
        open_book_file(path), _equality(job), now, cap, others=partial(_equality_at, batch.manifest.jobs)
    )
    machine = this_machine()
    if other_at_work(book, machine, now()):
        book.close()
        raise NoBook(
            f"another machine writes into the account's book {path}; set XDG_STATE_HOME to a folder of its own"
        )
    note_at_work(book, machine)
    return book


def _equality(job: Job) -> Equality:
    return Equality(defaults(job), job.endpoint)


def _equality_at(jobs: Jobs, endpoint: str) -> Equality:
    """Of a model that is not known any more, requests with the same words are the same."""
    try:
        return _equality(jobs.at(endpoint))
    except UsageError:
        return Equality({}, endpoint)


def uploads_in_book() -> AbstractContextManager[UploadRecords | None]:
    """What was uploaded with the key, over all tables; None where no key names a book."""
    secret = _secret()
    return nullcontext() if secret is None else UploadRecords(book_path(secret))


def _secret() -> str | None:
    """The key that names the book; a login's token changes by itself, and names none."""
    from batch.fal.credentials import find_credentials

    try:
        found = find_credentials()
    except MissingKey:
        return None
    return found.token if found.scheme == "Key" else None


# Who the ledger is


async def note_moved(batch: Batch, ledger: Ledger, now: Callable[[], float]) -> None:
    """Tells the book where a ledger stands that was moved with its table, by a run that has nothing else to do.

    Until then it looks as if the table were gone, and another one with the same rows would wait for a word.
    """
    try:
        book = _opened(batch, now, None)
    except NoBook:  # the next run that buys says so
        return
    if book:
        try:
            await anyio.to_thread.run_sync(partial(_note_moved, batch, ledger, book))
        finally:
            book.close()


def _note_moved(batch: Batch, ledger: Ledger, book: AccountBook) -> None:
    known, path = entry_of(book, ledger.meta(LEDGER_ID) or ""), ledger.path or Path()
    itself = known and ledger.meta(BOOK) == book.meta("id") and known.accepts(ledger.meta(TOKEN) or "")
    if known and itself and (Path(known.path) == path or not is_alive(known)):
        note_place(book, known.id, batch.manifest.path.resolve(), path)
        book.commit()
        ledger.set_meta(PLACE, place_of(ledger))


def _begin(
    batch: Batch, ledger: Ledger, book: AccountBook, gateways: Gateways, now: float, say: Say, *, own_table: bool
) -> None:
    """One run at a time decides who it is; what the two lack of each other is taken over, all of it or nothing."""
    ledger.book = book
    with ledger.transaction():
        complete = _enter(batch, ledger, book, now, own_table=own_table)
        if not complete:
            _import(ledger, book)
        book.taken_over = _follow(ledger, book, gateways, now)
    if book.taken_over:
        say(
            f"{counted(book.taken_over)} of this table had been bought already, as the account's book shows: its "
            "ledger was put back, or a run ended in the middle. Taken over; nothing was paid"
        )


def _import(ledger: Ledger, book: AccountBook) -> None:
    """What the ledger bought without this book, or with one that was lost."""
    dead: set[int] | None = None
    for past in past_purchases(ledger):
        if dead is None:  # each of the others is looked at: not for a ledger that has bought nothing
            dead = {one.n for one in other_entries(book) if not is_alive(one)}
        import_purchase(book, past.purchase, past.request_id, past.cost, dead, video=past.video, dated=past.dated)


def _enter(batch: Batch, ledger: Ledger, book: AccountBook, now: float, *, own_table: bool) -> bool:
    """Notes in both that this run begins; whether the book knew all that the ledger has."""
    path, token = ledger.path or Path(), ledger.meta(TOKEN) or ""
    ledger_id = ledger.meta(LEDGER_ID) or ""
    book.begin()
    known = entry_of(book, ledger_id)
    if known and _is_older_copy(book, ledger, known, token):
        if not own_table:
            raise LedgerError(
                f"the ledger {path} is a copy of {known.path}, which was run since: nothing was bought. Run it there; "
                "or, to make this a table of its own, say --own-table: what was unfinished when it was copied is bought"
            )
        known, ledger_id = None, ""
    if known is None and not own_table and (other := _same_file(book, batch.manifest.path.resolve())):
        raise LedgerError(
            f"{batch.manifest.path} is the same file as {other.table}, whose ledger {other.path} knows what was "
            "bought: nothing was bought. Run it there; or, to make this a table of its own, say --own-table: all of it "
            "is bought"
        )
    complete = known and known.accepts(token) and ledger.meta(BOOK) == book.meta("id") and not ledger.meta(UNBOOKED)
    if not _trusted(ledger, book, known):
        book.set_meta("trusted_from", str(now + UNTRUSTED_SECONDS))
    ledger_id, token = ledger_id or secrets.token_hex(16), secrets.token_hex(16)
    generation = enter(book, ledger_id, batch.manifest.path.resolve(), path, token)
    notes = {LEDGER_ID: ledger_id, TOKEN: token, GENERATION: str(generation), BOOK: book.meta("id"), UNBOOKED: ""}
    for name, value in {**notes, PLACE: place_of(ledger)}.items():
        ledger.set_meta(name, value)
    return bool(complete)


def _trusted(ledger: Ledger, book: AccountBook, known: LedgerEntry | None) -> bool:
    """Whether the book knows all that this ledger bought with it, and so all that others bought."""
    its = ledger.meta(BOOK)
    if not its:  # it never had one
        return True
    noted = ledger.meta(GENERATION) or ""
    generation = int(noted) if noted.isdecimal() and len(noted) < 10 else 0
    return its == book.meta("id") and known is not None and generation <= known.generation


def _is_older_copy(book: AccountBook, ledger: Ledger, known: LedgerEntry, token: str) -> bool:
    """Whether the same ledger stands, alive, elsewhere, and has bought what this one does not know."""
    if Path(known.path) == ledger.path or not is_alive(known):
        return False
    return not known.accepts(token) or bool(unknown_to(book, known.n, request_ids(ledger)))


def _same_file(book: AccountBook, table: Path) -> LedgerEntry | None:
    """The living ledger of another name of this table: a hard link, to the file as it is or as it was."""
    identity = file_identity(table)
    for other in other_entries(book):
        same = other.table_file == identity or (Path(other.table).exists() and Path(other.table).samefile(table))
        if same and Path(other.table) != table and is_alive(other):
            return other
    return None


def is_alive(known: LedgerEntry) -> bool:
    """Whether that ledger still stands where it stood, beside its table: then what it bought is its own."""
    return Path(known.table).exists() and ledger_id_at(Path(known.path)) == known.id


# What a kill between two files left, and what a ledger that was put back lacks


def _follow(ledger: Ledger, book: AccountBook, gateways: Gateways, now: float) -> int:
    """The rows take what only the book knows of them; how many did."""
    taken = 0
    for purchase in own_purchases(book):
        row = booked_row(ledger, purchase.row)
        if row is None or row.fingerprint != purchase.fingerprint:
            let_go(book, purchase)
        elif row.state is State.PENDING or (row.state is State.IN_DOUBT and purchase.request_id):
            take_over(ledger, purchase.row, purchase, gateways, now)
            taken += 1
        elif row.state in _ENDED and (not purchase.request_id or ledger.row_of(purchase.request_id) is None):
            ledger.apply(purchase.row, states.again(row.state, now))  # it was being run again
            take_over(ledger, purchase.row, purchase, gateways, now)
            taken += 1
    for doubt, intent_at in doubts(ledger):
        last = last_purchase(book, doubt, intent_at)
        if last and last.state in ("absent", "not_sent"):
            ledger.apply(doubt, states.never_accepted(now))
        elif last and last.request_id and ledger.row_of(last.request_id) is None:  # it has ended since
            book.may_take({last.request_id: (last.seq, last.ledger)})
            take_over(ledger, doubt, last, gateways, now)
            taken += 1
    return taken


def take_over(ledger: Ledger, row: int, purchase: BoughtBefore, gateways: Gateways, now: float) -> None:
    """The row has this purchase: it is followed by its id, or in doubt where it has none. In a transaction."""
    booked = booked_row(ledger, row)
    if booked is None or booked.state is not State.IN_DOUBT:
        ledger.apply(row, states.claimed(purchase.intent_at, None, purchase.price))
        ledger.apply(row, states.reply_lost(now, "the account's book shows that it was being bought before"))
    if purchase.request_id:
        gateway = gateways.at(ledger.endpoint_of(row))
        ledger.apply(row, states.found_at_fal(now, gateway.built_receipt(purchase.request_id)))


def same_table(batch: Batch, one: LedgerEntry) -> bool:
    """Whether that ledger was provably this table's: it stood beside the same path, or the same file."""
    table = batch.manifest.path.resolve()
    return Path(one.table) == table or one.table_file == file_identity(table)
