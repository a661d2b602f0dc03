"""Tells what a workbook's stored numbers show: counts, ids with leading zeros, dates, times. Pure."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple


class ShownAs(Enum):
    """As what a number format shows a number."""

    NUMBER = auto()
    DATE = auto()
    TIME = auto()
    DATE_AND_TIME = auto()
    ELAPSED = auto()  # hours that go on after 24


class NumberFormat(NamedTuple):
    """What matters of a cell's number format."""

    shown: ShownAs = ShownAs.NUMBER
    zeros: int = 0
    """A format of zeros only shows as many digits: `00000`, the id that the user sees."""
    plain: bool = True
    """General, or text: a number of ours in it looks like itself."""


_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17), "d"),
    **dict.fromkeys((18, 19, 20, 21), "h"),
    22: "d h",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 59)), "d"),  # East Asian dates
    **dict.fromkeys((32, 33, 34, 35), "h"),
    **dict.fromkeys((45, 47), "m:s"),
    46: "[h]",
}
"""ECMA-376 part 1, 18.8.30: the formats that have no code in the file; those of numbers need none."""
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[\$[^\]]*\]|\[(?!h+\]|m+\]|s+\])[^\]]*\]')
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]")
_DIGITS = 15  # what Excel keeps, and shows at most


def number_format(number: int, code: str | None) -> NumberFormat:
    """The format of this number, whose code is given where the file has one."""
    if code is None:
        code = _BUILT_IN.get(number, "")
        if not code:
            return NumberFormat(plain=number in (0, 49))
    section = _QUOTED.sub("", code.split(";")[0]).casefold()
    if section in ("general", "@"):
        return NumberFormat()
    if section and not section.strip("0"):
        return NumberFormat(zeros=len(section), plain=False)
    if _ELAPSED.search(section):
        return NumberFormat(ShownAs.ELAPSED, plain=False)
    letters = set(re.sub(r"general|am/pm|a/p|e[+-]", "", section))
    day, hour = letters & set("dy"), letters & set("hs")
    month = "m" in letters and not hour
    if (day or month) and hour:
        return NumberFormat(ShownAs.DATE_AND_TIME, plain=False)
    if day or month:
        return NumberFormat(ShownAs.DATE, plain=False)
    return NumberFormat(ShownAs.TIME if hour else ShownAs.NUMBER, plain=False)


def number_text(raw: str, cell_format: NumberFormat, *, since_1904: bool) -> str:
    """A stored number as the person sees it, without its money signs and the like; dates in ISO 8601."""
    try:
        value = float(raw)
    except ValueError:
        return raw
    if cell_format.shown is not ShownAs.NUMBER and (moment := _moment(value, cell_format.shown, since_1904)):
        return moment
    text = _plain(value)
    if cell_format.zeros and text.isdigit():
        return text.zfill(cell_format.zeros)
    return text


def _plain(value: float) -> str:
    text = f"{value:.{_DIGITS}g}"
    if "e" not in text:
        return "0" if text == "-0" else text
    number = Decimal(text)
    return f"{number:f}" if -10 < number.adjusted() <= 20 else text


def _moment(value: float, shown: ShownAs, since_1904: bool) -> str | None:
    """None: it is none that such a format shows."""
    if not 0 <= value < 2_958_466:  # the year 10000
        return None
    seconds = round(value * 86_400)
    days, left = divmod(seconds, 86_400)
    clock = f"{left // 3600:02}:{left // 60 % 60:02}:{left % 60:02}"
    match shown:
        case ShownAs.ELAPSED:
            return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case ShownAs.TIME:
            return clock
        case ShownAs.DATE:
            return _day(days, since_1904)
        case _:
            return f"{_day(days, since_1904)}T{clock}"


def _day(days: int, since_1904: bool) -> str:
    if since_1904:
        return (datetime(1904, 1, 1) + timedelta(days)).date().isoformat()  # noqa: DTZ001 - a day on the calendar
    if days == 60:  # 29 February 1900, which only spreadsheets know
        return "1900-02-29"
    if not days:
        return "1900-01-00"
    return (datetime(1899, 12, 31 if days < 60 else 30) + timedelta(days)).date().isoformat()  # noqa: DTZ001
