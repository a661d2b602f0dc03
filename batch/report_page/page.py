"""What stands on the page of a report, as plain records. Pure.

Times are seconds since 1970, money is in millionths of a dollar. Texts are as they came: whoever renders them escapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from batch.report_page.plots import Bars, NightPlot


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a row.

    Args:
        name: as the cell has it, shortened.
        thumbnail: address of a small copy, from the page; empty: there is none.
        href: where the picture itself is: an address from the page, or on the web; empty: nowhere that can be named.
    """

    name: str
    thumbnail: str = ""
    href: str = ""
    is_online: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTake:
    """A video of a row.

    Args:
        sources: where it is, the first one to be tried first: a file from the page, an address on the web.
        poster: address of a picture of it, from the page; empty: there is none.
        seconds: from its submit to its end.
    """

    number: int
    request_id: str
    sources: Sequence[str]
    poster: str = ""
    cost: int | None = None
    seconds: float | None = None
    finished_at: float | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A row of the table. `takes` are in the order in which they were made."""

    number: int
    n: int | None
    id: str | None
    status: str
    prompt: str = ""
    settings: str = ""
    """What else was asked for: `10 s`."""
    kind: str = ""
    error: str = ""
    log: Sequence[str] = ()
    cost: int = 0
    seconds: float | None = None
    finished_at: float | None = None
    is_new: bool = False
    """Something has happened to it since the report before."""
    first: Picture | None = None
    last: Picture | None = None
    takes: Sequence[ShownTake] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is told on top."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """What to type, and when or why."""

    text: str
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that need something alike: in fal's words what is the matter, and what to do about it.

    Args:
        filter: the status, or the kind of failure, by which the page shows these rows.
        messages: the words, and how many rows they were said of; the more frequent first.
    """

    title: str
    rows: int
    filter_status: str
    filter_kind: str = ""
    messages: Sequence[tuple[str, int]] = ()
    advice: str = ""
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows have one status."""

    status: str
    rows: int


@dataclass(frozen=True, slots=True)
class NightLine:
    """A night in a line of the list of nights."""

    when: str
    lasted: str
    done: int
    failed: int
    spent: int
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All of it.

    Args:
        table: the name of the table.
        marks_name: of the file that the marks are saved as.
        key: under which the browser keeps the marks: one for each ledger.
        media_origins: hosts on the web from which videos may be loaded, and no others.
        picture_origins: the same for pictures.
    """

    table: str
    marks_name: str
    key: str
    made_at: float
    made_on: str
    version: str
    facts: Sequence[Fact]
    counts: Sequence[Counted]
    at_work: str
    """What is said of a run that is at work; empty: none is."""
    sandbox: bool
    news: str
    """What is new since the report before; empty: there was none."""
    to_do: Sequence[Command]
    groups: Sequence[Group]
    with_marks: Sequence[Command]
    """What to type with the file of marks."""
    night: NightPlot | None
    nights: Sequence[NightLine]
    run_times: Bars | None
    rows: Sequence[ShownRow]
    left_out: int = 0
    """Rows of the table that are too many for one page."""
    media_origins: Sequence[str] = ()
    picture_origins: Sequence[str] = ()


def without_files(page: Page) -> Page:
    """The same page for another machine: what stands on this disk only is left out, what is on the web stays."""

    def elsewhere(picture: Picture | None) -> Picture | None:
        return picture and replace(picture, thumbnail="", href=picture.href if picture.is_online else "")

    def take(one: ShownTake) -> ShownTake:
        return replace(one, poster="", sources=[source for source in one.sources if not source.startswith("./")])

    rows = [
        replace(row, first=elsewhere(row.first), last=elsewhere(row.last), takes=[take(one) for one in row.takes])
        for row in page.rows
    ]
    return replace(page, rows=rows)
