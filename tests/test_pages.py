"""The pages for people: their links lead somewhere, and what they tell one to type is understood."""

import re
import shlex
from pathlib import Path

import click
import pytest

from batch.cli.main import main

ROOT = Path(__file__).parent.parent
FOLDERS = ("", "batch", "jobs", ".github", "samples", "tests/benchmarks")
PAGES = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.md"))]
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands() -> list[str]:
    """Every command in a console block of a page, without the comment behind it."""
    blocks = [block for page in PAGES for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)]
    parts = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("#")[0].split("&&")]
    return sorted({part for part in parts if part})


def inline_commands() -> list[str]:
    """Every `kling-batch …` in the running text, its options as they are written there."""
    found = {text for page in PAGES for text in re.findall(r"`(kling-batch [^`]+)`", page.read_text())}
    return sorted(text for text in found if "…" not in text and not text.startswith("kling-batch -"))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Within the project; the addresses of others are theirs."""
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("text", [*inline_commands(), *(one for one in commands() if "kling-batch" in one)])
def test_a_command_of_ours_is_understood(text: str) -> None:
    """Its name, its options and their values."""
    _, name, *rest = shlex.split(text)
    above = click.Context(main, **main.context_settings)  # a command remembers for good by what it is asked for help
    command = main.get_command(above, name)
    assert command is not None, name
    command.make_context(name, rest, parent=above)


@pytest.mark.parametrize("text", [one for one in commands() if "kling-batch" not in one])
def test_the_files_that_a_command_names_are_there(text: str) -> None:
    """Scripts, tests and folders; the modules that `python -m` runs."""
    words = shlex.split(text)
    for word in words[1:]:
        if word.startswith(("tests/", "samples/", ".ci/", "batch/")):
            assert (ROOT / word).exists(), word
        if word.startswith("tests."):
            assert (ROOT / word.replace(".", "/")).exists() or (ROOT / (word.replace(".", "/") + ".py")).exists(), word


def test_the_readme_stays_two_pages() -> None:
    """For a person with a spreadsheet; what goes deeper stands beside what it describes."""
    assert len((ROOT / "README.md").read_text().split()) <= 1_500


def test_there_are_commands_to_check() -> None:
    """A page that was reformatted does not slip through."""
    assert len(commands()) >= 8
    assert len(inline_commands()) >= 8
