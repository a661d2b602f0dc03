"""What stands after an option: nothing empty, nothing that is not plainly what is meant; asked of every command."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from batch.cli.main import main
from batch.cli.numbers import number, row_ranges, whole
from batch.cli.times import seconds
from batch.core.money import micros, prices
from batch.core.run_options import RunOptions
from batch.errors import UsageError
from jobs.kling import KLING_2_1_PRO as JOB

SHOTS = "id,prompt,image\ns1,a boat,https://example.com/a.png\n"
ODD = ("1_0", "１０", "1e3", "+5", " 5 ", "5 ", "nan", "inf", "-0", "-1", "0x10", "٣", "²", "1.2.3", "1,5", "5\n", ".")
NUMBERS = {
    *("--max-spend", "--max-spend-total", "--limit", "--row", "--concurrency", "--max-concurrency", "--stop-after"),
    *("--max-runtime", "--until", "--port", "--slots", "--run-seconds", "--history-lag", "--history-refuse"),
}


def options_with_values() -> Iterator[tuple[str, str]]:
    """Every command and each of its options that has a value."""
    for name, command in main.commands.items():
        for option in command.params:
            if isinstance(option, click.Option) and not option.is_flag:
                yield name, option.opts[0]


EVERY = sorted(options_with_values())


def said(command: str, *arguments: str, table: Path | None) -> tuple[int, str]:
    ended = CliRunner().invoke(main, [command, *([str(table)] if table else []), *arguments])
    return ended.exit_code, ended.stderr


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    path = tmp_path / "shots.csv"
    path.write_text(SHOTS)
    return path


@pytest.mark.parametrize(("command", "option"), EVERY)
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_value_is_refused_by_every_option_of_every_command(
    command: str, option: str, value: str, shots: Path
) -> None:
    """`--max-spend "$CAP"` with CAP unset must not become no cap; the option is named, and nothing is begun."""
    code, told = said(command, option, value, table=None if command == "sandbox" else shots)
    assert (code, "empty" in told, option in told) == (2, True, True)
    assert [one.name for one in shots.parent.iterdir()] == [shots.name]


@pytest.mark.parametrize("command", sorted({name for name, _ in EVERY} - {"account", "sandbox"} | {"status"}))
def test_an_empty_table_name_is_refused(command: str) -> None:
    """It would be the folder that one stands in."""
    code, told = said(command, "", table=None)
    assert (code, "empty" in told) == (2, True)


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        (command, option, value)
        for command, option in EVERY
        if option in NUMBERS
        for value in ODD
        if (option, value) != ("--row", "1,5")  # these are two rows
    ],
)
def test_what_is_not_plainly_a_number_is_refused_where_a_number_is_meant(
    command: str, option: str, value: str, shots: Path
) -> None:
    """Python reads many of these as numbers; a person does not mean them."""
    code, told = said(command, option, value, table=None if command == "sandbox" else shots)
    assert (code, option in told) == (2, True), told
    assert [one.name for one in shots.parent.iterdir()] == [shots.name]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(
            ("--price", f"5={value}")
            for value in (*(one for one in ODD if one[-1] not in " \n" or one[0] == " "), "", "0", "0.0000001")
        ),
        *(("--price", text) for text in ("5=0.49,5=0.98", "5", "7=1")),
        *(("--prefix", text) for text in ("a,b", "a;b", "a|b", "a\tb", "a\nb", "\x1b[2Jk", " k", "=k", "\u202ek")),
        *(("--map", text) for text in ("image", "=x", "image=", "image= ")),
        *(("--until", text) for text in ("7", "24:00", "７:00", "07:60", "7:0", " 07:00")),
        *(
            ("--max-runtime", text)
            for text in ("8", "1_0h", "８h", "8h ", "45ſ", "infh", "1e3s", "9" * 400 + "h", "1h1h")
        ),
        *(("--row", text) for text in ("0", "9" * 20, "9" * 5000)),
        ("--max-spend", "1000000001"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_its_option_named(option: str, value: str, shots: Path) -> None:
    """Before anything is read, let alone spent."""
    code, told = said("rerun", option, value, table=shots)
    assert (code, option in told) == (2, True), told
    assert [one.name for one in shots.parent.iterdir()] == [shots.name]


def test_an_input_that_is_given_two_columns_is_refused(shots: Path) -> None:
    """One of them would be passed over in silence."""
    code, told = said("run", "--map", "image=a", "--map", "image=b", table=shots)
    assert (code, "two columns" in told) == (2, True)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("4", [4]),
        ("4-6", [4, 5, 6]),
        ("4–6,12", [4, 5, 6, 12]),
        ("9, 2-3", [9, 2, 3]),
        ("3-3,3", [3]),
        ("2,2-4", [2, 3, 4]),
    ],
)
def test_rows_are_named_as_people_do(text: str, rows: list[int]) -> None:
    """Several at once, each once, in their order."""
    assert row_ranges(text) == rows


@pytest.mark.parametrize(
    "text", ["", "0-3", "4-", "-4", "4--6", "9-4", "1-999999999", "a-b", "4;5", "1,,2", "٤-٦", "1-2-3"]
)
def test_rows_that_cannot_be_meant_are_refused(text: str) -> None:
    """Also more of them than anybody names."""
    with pytest.raises(UsageError):
        row_ranges(text)


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 50)), min_size=1, max_size=6))
def test_ranges_are_all_the_numbers_in_them(spans: list[tuple[int, int]]) -> None:
    """And no others."""
    text = ",".join(f"{begin}-{begin + more}" if more else str(begin) for begin, more in spans)
    meant = [n for begin, more in spans for n in range(begin, begin + more + 1)]
    assert row_ranges(text) == list(dict.fromkeys(meant))


PLAIN = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
LIKE_A_NUMBER = st.text(st.sampled_from("0123456789._,+-eExX$ \t\n٣１²nainf"), max_size=8)


@given(st.text(max_size=8) | LIKE_A_NUMBER)
@example("１０")
@example("1_0")
@example("1\n")
def test_whatever_is_not_plainly_a_number_is_refused(text: str) -> None:
    """By all that reads one; and what is plainly a number is read as it says."""
    plain = bool(PLAIN.fullmatch(text))
    for read, meant in (
        (number, plain),
        (whole, plain and "." not in text),
        (micros, bool(PLAIN.fullmatch(text.removeprefix("$")))),
        (lambda said: prices(f"5={said}", JOB.prices), None),
        (lambda said: seconds(f"{said}h"), None),
    ):
        try:
            found = read(text)
        except UsageError:
            assert not meant
        else:
            assert meant is not False
            assert found is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": -1},
        {"limit": 0},
        {"limit": "2"},
        {"limit": 2.5},
        {"concurrency": 0},
        {"max_spend": -1},
        {"max_spend": float("nan")},
        {"stop_after": -1},
        {"max_seconds": float("nan")},
        {"max_seconds": -1.0},
    ],
)
def test_options_that_cannot_be_meant_are_refused_in_python_too(wrong: dict[str, object]) -> None:
    """A limit that no count of rows ever equals would be no limit."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RunOptions(**wrong)  # type: ignore[arg-type]
