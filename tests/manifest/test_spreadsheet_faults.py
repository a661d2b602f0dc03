"""Cells that a spreadsheet left unfinished are not sent as if a person had written them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.spreadsheet_faults import formula, spreadsheet_error
from tests.support.plans import plan, plans, problem

ERRORS = [
    *("#REF!", "#NAME?", "#N/A", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA"),
    *(" #n/a ", "#BEZUG!", "#NV", "#WERT!", "#ZAHL!", "#VALEUR!", "#NOM?", "#¡REF!", "#¿NOMBRE?", "#N/D", "#ERROR!"),
    *("Err:502", "Loading...", "########"),
]
FORMULAS = [
    *(
        "=A2",
        "=$A$2",
        "= A2 & B2",
        '=A2&" drifts slowly"',
        "=CONCAT(A2,B2)",
        "=_xlfn.TEXTJOIN(1,1,A2)",
        "=WENN(A1;1;2)",
    ),
    *("='My sheet'!A1", "=Sheet1!$B$3", '="a boat"&A1', "=5*2", "=10", "=+A2", "=-(A1)", "=R1C1", "=RC[-1]", "={1}"),
    *("=AA100+1", "=prompt_text", "=SUM (A1)".replace(" ", "")),
]
PROSE = [
    *("= a boat drifts slowly", "=> a boat", "== Scene 1 == a boat", "=", "= 5 boats on a canal", "=A4 sheet of paper"),
    *("#1 a boat", "#boat at night", "A #REF! sign", "Loading... please wait", "# a boat", "Error: none", "Lighthouse"),
    *("E", "L", "Long shot", "Evening", "a = b", "-A2", "+5", "#N/A is what the sign says"),
]


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_of_the_spreadsheet_is_no_value(text: str) -> None:
    """In any language, wherever it stands, and it is the only thing that is told of its cell."""
    for name in ("prompt", "negative_prompt", "image", "duration", "cfg_scale"):
        assert problem(**{name: text}) == (
            name,
            f"{text.strip()!r} is an error of the spreadsheet: mend it there, or write what should stand here",
        )


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_that_was_not_calculated_is_no_value(text: str) -> None:
    """It would be sent as a prompt, and paid for."""
    for name in ("prompt", "image", "duration", "cfg_scale"):
        column, message = problem(**{name: text})
        assert column == name
        assert message.startswith(f"{text.strip()!r} is a formula that was not calculated: ")


@pytest.mark.parametrize("text", PROSE)
def test_a_prompt_that_only_looks_like_one_is_sent(text: str) -> None:
    """As it stands."""
    assert (plan(prompt=text).arguments or {})["prompt"] == text


def test_what_is_no_prose_is_a_formula_whenever_it_begins_like_one() -> None:
    """A duration is a number, an image an address or a path."""
    for name in ("image", "duration", "cfg_scale"):
        assert "is a formula" in problem(**{name: "= a boat"})[1]


def test_an_id_that_is_an_error_is_told_too() -> None:
    """A column of them would not tell the rows apart; a formula is as good a name as any."""
    rows = plans(["id", "prompt", "image"], *([name, "a boat", "https://x.y/a.png"] for name in ("#REF!", "=A1")))
    assert [[one.column for one in row.problems] for row in rows] == [["id"], []]


@given(st.text(st.characters(exclude_characters="#=")), st.booleans())
def test_no_text_without_these_signs_is_one_but_for_two(text: str, prose: bool) -> None:
    """LibreOffice's numbers, and Google's word for a wait."""
    assert formula(text, prose=prose) is None
    assert spreadsheet_error(text) is None or text.strip().upper() == "LOADING..." or text.strip().startswith("Err:")
