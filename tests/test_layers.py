"""Imports go in one direction, and every library has its one edge."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PURE = {
    *("answers", "breaker", "budget", "consequences", "errors", "job", "places", "plan"),
    *("line", "policy", "polling", "redact", "settle", "states", "told", "window"),
}
"""The standard library and each other; no clock, no I/O, no chance."""

EDGES = {
    "fal": "service",
    "guard": "service",
    "records": "service",
    "replies": "service",
    "table": "table",
    "frames": "table",
    "ledger": "ledger",
    "ledger_file": "ledger",
    "pricing": "ledger",
    "files": "files",
    "schema": "schema",
}
"""Each knows the pure part and its own family."""

TOP = {"batch", "__main__", "api", "cli", "rehearsal"}
"""Whatever is in none of these is shell: it knows the pure part, the edges and the rest of the shell."""

WORLDLY = {
    *("asyncio", "concurrent", "logging", "multiprocessing", "os", "random", "secrets", "shutil", "signal", "socket"),
    *("sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib"),
}

LIBRARIES = {
    "aiohttp": {"guard"},
    "av": {"sandbox.render"},
    "click": {"cli"},
    "fal_client": {"fal", "guard"},
    "filelock": {"ledger_file"},
    "httpx": {"fal", "guard", "replies"},
    "jsonschema_rs": {"schema"},
    "numpy": {"sandbox.render"},
    "pandas": {"frames"},
    "PIL": {"files", "sandbox.render"},
    "pyarrow": {"table.parquet"},
    "sqlite3": {"ledger", "ledger_file", "enrol", "runner", "saver"},  # the last three: a type, and errors
    "starlette": {"sandbox.service"},
    "tqdm": {"progress"},
    "trustme": {"sandbox.certificates"},
    "uvicorn": {"sandbox.wire"},
}
"""Where a library may be imported; anyio, the way of the shell, is not among them."""


def name_of(path: Path) -> str:
    """`batch/table/csv_text.py` → `table.csv_text`, `batch/__init__.py` → `batch`."""
    parts = list(path.relative_to(ROOT / "batch").with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) or "batch"


MODULES = {name_of(path): path for path in sorted((ROOT / "batch").rglob("*.py"))}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions; not what is for the type checker only."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}".removeprefix("batch.")
                yield f"batch.{inner}" if node.module.split(".")[0] == "batch" and inner in MODULES else node.module
        waiting += ast.iter_child_nodes(node)


def inner(path: Path) -> set[str]:
    """The modules of ours that a file imports."""
    found = {one for one in imports(path) if one.split(".")[0] == "batch"}
    return {one.removeprefix("batch.") for one in found}


def outer(path: Path) -> set[str]:
    """The names of the packages that a file imports from elsewhere."""
    return {one.split(".")[0] for one in imports(path)} - {"batch", "jobs", "__future__"}


INNER = {name: inner(path) for name, path in MODULES.items()}


def part(name: str) -> str:
    return name.split(".")[0]


def layer(name: str) -> int:
    if name in PURE:
        return 0
    if part(name) in EDGES:
        return 1
    return 3 if name in TOP else 2


def test_every_module_that_has_a_place_exists() -> None:
    """The tables above speak of files that are there."""
    known = {*PURE, *EDGES, *TOP, *(name for names in LIBRARIES.values() for name in names)}
    assert known <= set(MODULES)
    assert not PURE & set(EDGES)


@pytest.mark.parametrize("name", [name for name in MODULES if part(name) != "sandbox"])
def test_imports_go_downwards_only(name: str) -> None:
    """The pure part knows nobody, an edge its own family, the shell both, the top all."""
    for other in INNER[name]:
        if (name, other) == ("api", "batch"):
            continue  # the package's own name, that its functions are put under
        assert layer(other) <= layer(name), f"{name} imports {other}"
        if layer(name) == layer(other) == 1:
            assert EDGES[part(name)] == EDGES[part(other)], f"{name} imports {other}"


def test_imports_make_no_circle() -> None:
    """Not even inside functions; the package's own lazy names apart."""
    graph = {name: others - {"batch", name} for name, others in INNER.items() if name != "batch"}
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_pure_part_has_no_clock_no_disk_and_no_library(name: str) -> None:
    """Time, chance and files come in as arguments; only `places` knows what a path is."""
    found = outer(MODULES[name])
    assert found <= sys.stdlib_module_names
    assert not found & WORLDLY
    assert "pathlib" not in found or name == "places"
    assert INNER[name] <= PURE


@pytest.mark.parametrize("name", MODULES)
def test_every_library_has_its_one_edge(name: str) -> None:
    """Replacing one touches one file; a new one has to be given its place here."""
    found = outer(MODULES[name]) - (sys.stdlib_module_names - {"sqlite3"})
    for library in found - {"anyio"}:
        assert name in LIBRARIES[library], f"{name} imports {library}"
    if "anyio" in found:
        assert layer(name) >= 2 or name == "fal"


def test_only_the_rehearsal_knows_the_sandbox() -> None:
    """And the sandbox knows nothing of the engine but how errors look: it plays the service, not us."""
    for name, others in INNER.items():
        if part(name) == "sandbox":
            assert {other for other in others if part(other) != "sandbox"} <= {"errors"}, name
        elif name not in {"rehearsal", "cli"}:
            assert not any(part(other) == "sandbox" for other in others), name


def test_jobs_know_the_contract_of_a_job_only() -> None:
    """A model is data: the engine knows none, and a model knows no engine."""
    for path in (ROOT / "jobs").rglob("*.py"):
        assert set(imports(path)) <= {"batch.job"}, path
    knowing = {name for name, path in MODULES.items() if any(part(one) == "jobs" for one in imports(path))}
    assert knowing <= {"api", "cli"}
