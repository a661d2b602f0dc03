"""Where what is said goes, and that nobody's control character is obeyed."""

import json

import pytest

from batch.cli.output import print_json, print_text, say


def test_lines_go_to_stderr_and_what_was_asked_for_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """So that `--json` can be read by a program."""
    say("a\x1b[31m\nb")
    print_text("one\ntwo")
    print_text("told", err=True)
    told = capsys.readouterr()
    assert told.out == "one\ntwo\n"
    assert told.err.endswith("told\n")
    assert told.err.count("\n") == 2
    assert "\x1b" not in told.err


def test_json_is_read_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Letters of all alphabets."""
    value = {"ä": ["雪", "\U0001f600"]}
    print_json(value)
    assert json.loads(capsys.readouterr().out) == value
