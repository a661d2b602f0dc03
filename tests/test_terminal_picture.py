"""The picture of a terminal: every frame and line is in it, and it shows what the commands say today."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def recording() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recording", SAMPLES / "recording.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["recording"] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


MODULE = recording()
LINES = st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12), min_size=1, max_size=4)


@given(st.lists(LINES, min_size=1, max_size=5))
def test_a_recording_is_well_formed_whatever_a_terminal_shows(screens: list[list[str]]) -> None:
    """Each frame once, each line where it stands."""
    frames = [MODULE.Frame(float(at), lines) for at, lines in enumerate(screens)]
    root = ElementTree.fromstring(MODULE.svg(frames, len(frames) + 1.0))
    assert len(root.findall("{*}g")) == len(frames)
    texts = {one.get("id"): one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    last = [texts[use.get("href", "")[1:]] for use in root.findall("{*}g")[-1]]
    assert last == [line for line in screens[-1] if line]


@pytest.mark.parametrize("command", MODULE.COMMANDS)
def test_the_committed_one_shows_the_commands(command: str) -> None:
    """And how they ended; it is small enough for a page."""
    text = (SAMPLES / "night.svg").read_text(encoding="utf-8")
    lines = re.findall(r"<text[^>]*>(.*?)</text>", text)
    assert f"$ {command}" in lines
    assert "4 of 4 rows have their video; see quickstart.sandbox.csv" in lines
    assert len(text) < 150_000
