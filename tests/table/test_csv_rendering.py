"""Texts, money and times of ours as CSV cells."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from batch.table import Column, ColumnType
from tests.support.csv_files import STATUS, written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a, b", '"a, b"'),
        ('say "x"', '"say ""x"""'),
        ("two\r\nlines\nmore\rend", "two lines more end"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@sum(a,b)", '"\'@sum(a,b)"'),
        ("\t=1", "'\t=1"),
        ("\r=1", "' =1"),
        ("a\0b", "a b"),
        ("", ""),
        ("\ud800", "\\ud800"),
        ("é🐦", "é🐦"),
    ],
)
def test_text_of_ours_is_one_harmless_cell(text: str, shown: str, tmp_path: Path) -> None:
    """Quoted only where needed, on one line, and no formula."""
    assert written(tmp_path, b"a,b\n1,2\n", [STATUS], [(text,)]) == f"a,b,status\n1,2,{shown}\n".encode()


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.49", "0.49"), ("1", "1.00"), ("1E+2", "100.00"), ("0.5", "0.50"), ("0.4905", "0.4905")]
)
def test_money_has_two_decimals_and_no_exponent(amount: str, shown: str, tmp_path: Path) -> None:
    """However the Decimal was made."""
    columns = [Column("cost_usd", ColumnType.MONEY)]
    assert written(tmp_path, b"a\n1\n", columns, [(Decimal(amount),)]).endswith(f"1,{shown}\n".encode())


def test_times_are_written_in_utc(tmp_path: Path) -> None:
    """A time of another zone is converted, one without a zone is refused."""
    columns = [Column("at", ColumnType.TIME)]
    local = datetime(2026, 11, 22, 20, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    assert written(tmp_path, b"a\n1\n", columns, [(local,)]) == b"a,at\n1,2026-11-22T18:00:01Z\n"
    with pytest.raises(ValueError, match="zone"):
        written(tmp_path, b"a\n1\n", columns, [(local.replace(tzinfo=None),)])
