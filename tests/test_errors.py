"""What ends a command, and the tree of it that the module draws."""

import importlib
import re
from pathlib import Path

import pytest

from batch import errors
from batch.errors import BatchError, Exit

ROOT = Path(errors.__file__).parents[1]
LINE = re.compile(r"(?P<depth> {4}[ │]*)(?P<branch>[├└]── )?(?P<name>[A-Z]\w+) +(?P<code>\d+)? *(?P<what>\S.*)")
HERE = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, BatchError)]


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """Each class in the docstring's tree: what it hangs from, and its exit code."""
    found: dict[str, tuple[str | None, int | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := LINE.fullmatch(line):
            depth = 0 if match["branch"] is None else len(match["depth"]) // 4
            above[depth:] = [match["name"]]
            found[match["name"]] = (above[depth - 1] if depth else None, match["code"] and int(match["code"]))
    return found


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    """Every class stands in it once, under its parent, with its exit code."""
    real = {one.__name__: (one.__base__.__name__, int(one.exit_code)) for one in HERE if one is not BatchError}
    assert drawn() == {"BatchError": (None, None), **real}
    assert len(real) == 7


def test_every_error_of_the_package_is_one_of_the_tree() -> None:
    """Wherever it is raised: a class of its own elsewhere ends a command as its parent here does."""
    for path in (ROOT / "batch").rglob("*.py"):
        if path.stem != "__main__":
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    every, waiting = set(HERE), [BatchError]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        every |= set(below)
    for one in every - set(HERE):
        assert {BatchError} != set(one.__bases__), one
        assert one.exit_code is one.__bases__[0].exit_code


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (Exit.DONE, 0),
        (Exit.ROWS_FAILED, 1),
        (Exit.UNUSABLE, 2),
        (Exit.STOPPED_EARLY, 3),
        (Exit.IN_DOUBT, 4),
        (Exit.BUSY, 75),
        (Exit.INTERRUPTED, 130),
    ],
)
def test_the_numbers_of_the_exit_codes_are_kept(code: Exit, number: int) -> None:
    """Scripts and cron jobs go by them."""
    assert code == number
    assert len(Exit) == 7


def test_an_error_is_the_one_line_that_it_was_given() -> None:
    """`str()` is what the user reads."""
    for one in HERE:
        assert str(one("shots.csv: what to do")) == "shots.csv: what to do"
