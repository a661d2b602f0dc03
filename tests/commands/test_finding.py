"""A finding is a line for a person, and plain data for a program."""

from batch.commands.finding import as_json, exit_code, ok, warning, wrong


def test_a_line_says_how_bad_it_is_and_what_to_do() -> None:
    """In one line, whatever stands in it."""
    assert (
        wrong("key", "there\nis none", "set FAL_KEY").line() == "wrong    key          there\\u000ais none: set FAL_KEY"
    )
    assert ok("disk", "fine").line() == "ok       disk         fine"


def test_only_what_is_wrong_makes_the_exit_code() -> None:
    """A warning is none."""
    assert exit_code([ok("a", "b"), warning("c", "d", "e")]) == 0
    assert exit_code([ok("a", "b"), wrong("c", "d", "e")]) == 1
    assert as_json([wrong("c", "d", "e")]) == {
        "exit_code": 1,
        "findings": [{"topic": "c", "level": "wrong", "text": "d", "remedy": "e"}],
    }
