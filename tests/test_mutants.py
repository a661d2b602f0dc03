"""The list of faults that need no test: each stands where the code does, and has its reason."""

import re
from pathlib import Path

import pytest

from tests.mutants import ACCEPTED, MODULES, Fault, accepted, is_only_case, lines_of, namesake

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_is_tried_has_namesake_its_name(module: str) -> None:
    """A module that was moved is not left out by chance."""
    assert (ROOT / module).exists()
    assert (ROOT / namesake(module)).exists()


@pytest.mark.parametrize("module", MODULES)
def test_a_fault_on_the_list_changes_a_line_that_is_there(module: str) -> None:
    """What no longer stands in the module needs no excuse."""
    lines = {line.strip() for line in (ROOT / module).read_text(encoding="utf-8").splitlines()}
    for fault in accepted(module):
        assert {line[2:] for line in fault if line.startswith("-")} <= lines


def test_every_fault_on_the_list_is_of_a_module_that_is_tried_and_has_a_reason() -> None:
    """Nothing but such sections, diffs and sentences."""
    _, *sections = ACCEPTED.read_text(encoding="utf-8").split("\n## ")
    assert {section.split("\n")[0] for section in sections} <= set(MODULES)
    for section in sections:
        assert re.fullmatch(
            r"\S+\n(\n```diff\n(- ?.*\n)+(\+ ?.*\n)*```\n\n[A-Z][^`\n].*\n)+", section.strip() + "\n"
        ), section


def test_the_lines_of_a_diff_are_those_that_change() -> None:
    """Without the names of the files, mutmut's own comment, and the lines around."""
    diff = "# m: survived\n--- a.py\n+++ a.py\n@@ -1,2 +1,2 @@\n def f():\n-    return -1\n+    return +1\n"
    assert lines_of(diff) == ("- return -1", "+ return +1")


@pytest.mark.parametrize(
    ("fault", "same"),
    [
        (("- a = 'SELECT n'", "+ a = 'SELECT n'"), True),
        (("- \"SELECT n WHERE state = 'open'\"", "+ \"select N where state = 'open'\""), True),
        (("- \"SELECT n WHERE state = 'open'\"", "+ \"SELECT n WHERE state = 'OPEN'\""), False),
        (('- "a < b"', '+ "a <= b"'), False),
        (('- "A"', '- "B"', '+ "a"'), False),
    ],
)
def test_large_letters_are_small_ones_but_in_what_sql_compares(fault: Fault, same: bool) -> None:
    """A state in another case is another state."""
    assert is_only_case(fault) is same
