"""Writes the numbers of rows as a person does: 2–4, 7 and 9."""

from collections.abc import Iterable, Iterator

LISTED = 5
"""Rows, or stretches of rows, that are named before the rest is only counted."""


def row_numbers(numbers: Iterable[int]) -> str:
    """`2–4, 7 and 9`; of many the first ones, and how many more rows there are."""
    stretches = list(_stretches(sorted(set(numbers))))
    shown = [_written(*stretch) for stretch in stretches[:LISTED]]
    left = sum(last - first + 1 for first, last in stretches[LISTED:])
    if left:
        shown.append(f"{left:,} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def _stretches(numbers: list[int]) -> Iterator[tuple[int, int]]:
    start = at = None
    for number in numbers:
        if start is None or at is None or number != at + 1:
            if start is not None and at is not None:
                yield start, at
            start = number
        at = number
    if start is not None and at is not None:
        yield start, at


def _written(first: int, last: int) -> str:
    match last - first:
        case 0:
            return str(first)
        case 1:
            return f"{first}, {last}"
        case _:
            return f"{first}–{last}"
