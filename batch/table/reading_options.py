"""Says how a table is to be read, where a person knows better than its bytes."""

import codecs
from collections.abc import Collection
from dataclasses import dataclass

from batch.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How a CSV file or a workbook is to be read.

    Args:
        encoding: any name of an encoding that Python knows.
        header_row: the row that holds the titles, as the spreadsheet numbers it.
        sheet: the name of a workbook's sheet.
        said_before: the encoding was said of the table as it stood in another night, and not now.
        titles: what columns are called that a header is known by, besides the usual names.

    Raises:
        UsageError: there is no such encoding, or no such row.
    """

    encoding: str | None = None
    header_row: int | None = None
    sheet: str | None = None
    said_before: bool = False
    titles: Collection[str] = ()

    def __post_init__(self) -> None:
        if self.encoding is not None:
            require_encoding(self.encoding)
        if self.header_row is not None and self.header_row < 1:
            raise UsageError(f"--header-row {self.header_row}: rows are numbered from 1, as in the spreadsheet")

    @property
    def said(self) -> list[str]:
        """The options that were given, by their names on the command line."""
        given = {"--encoding": self.encoding, "--header-row": self.header_row, "--sheet": self.sheet}
        return [name for name, value in given.items() if value is not None]

    def require_only(self, *options: str, form: str) -> None:
        """Raise UsageError where an option was given that this form of table does not need."""
        if unfit := [name for name in self.said if name not in options]:
            raise UsageError(f"{' and '.join(unfit)}: {form}, which needs no such option")


def require_encoding(name: str) -> None:
    """Raise UsageError where Python knows no such encoding of texts."""
    try:
        "a".encode(name)
        codecs.getincrementalencoder(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError) as error:  # UnicodeError is a ValueError, and so is a NUL in the name
        raise UsageError(
            f"--encoding {name!r}: there is no such encoding; names are like utf-8, windows-1252, cp1250 (Polish, "
            "Czech), cp1251 (Russian), cp932 (Japanese), gbk, big5, mac_roman"
        ) from error
