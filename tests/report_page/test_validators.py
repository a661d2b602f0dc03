"""What other people's tools say of the page: a validator of HTML, axe, and linters for its scripts and its style."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch.commands.report import write_report
from tests.support.browsers import chromium, page_in
from tests.support.mornings import HOSTILE, a_morning

HERE = Path(__file__).parent / "node"
ROOT = Path(__file__).parents[2]
PARTS = ROOT / "batch" / "report_page"


def tool(name: str, *arguments: object) -> str:
    """What a tool of npm's says; empty where it finds nothing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed: https://nodejs.org")
    script = HERE / "node_modules" / name
    if not script.exists():
        pytest.skip(f"{name.split('/')[0]} is not installed: npm ci --prefix tests/report_page/node")
    ended = subprocess.run(
        [node, script, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=ROOT, timeout=120
    )
    return (ended.stdout + ended.stderr).strip() if ended.returncode else ""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = a_morning(tmp_path_factory.mktemp("film"), 20, prompts=["a boat", *HOSTILE])
    return write_report(given, lambda _: None).path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


def test_the_page_is_valid_html(page: Path) -> None:
    """As it stands on the disk."""
    assert tool("html-validate/bin/html-validate.mjs", "--config", HERE / "htmlvalidate.json", page) == ""


def test_the_scripts_are_in_order() -> None:
    """No name that is not there, and nothing that makes markup of a text."""
    scripts = sorted(PARTS.glob("*.js"))
    assert len(scripts) == 5
    assert tool("eslint/bin/eslint.js", "-c", HERE / "eslint.config.mjs", "--max-warnings", 0, *scripts) == ""


def test_the_style_is_in_order() -> None:
    """By the standard rules of its linter."""
    assert tool("stylelint/bin/stylelint.mjs", "--config", HERE / "stylelint.config.mjs", PARTS / "page.css") == ""


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1920)])
def test_axe_finds_nothing(browser: Any, page: Path, scheme: str, width: int) -> None:
    """Names, roles, contrast: of the page, with marks, and of the large view."""
    axe = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix tests/report_page/node")
    with page_in(browser, width, color_scheme=scheme, bypass_csp=True) as seen:
        seen.open(page)
        seen.page.add_script_tag(content=axe.read_text(encoding="utf-8"))
        seen.press("ArrowRight", "k", "ArrowRight", "r", "n", "Escape")
        found = seen.page.evaluate("axe.run()")
        assert broken(found) == []
        seen.press("Enter")
        assert broken(seen.page.evaluate("axe.run('#large')")) == []
        assert len(found["passes"]) > 30


def broken(found: dict[str, Any]) -> list[str]:
    return [
        json.dumps([one["id"], one["help"], [node["html"] for node in one["nodes"]][:2]]) for one in found["violations"]
    ]
