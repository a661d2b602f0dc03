"""Imports go one way, from folder to folder; the core is pure, and every library has its one file."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BELOW = {
    "account",
    "core",
    "dispatch",
    "downloads",
    "export",
    "fal",
    "files",
    "ledger",
    "manifest",
    "pacing",
    "reconcile",
    "report_page",
    "reports",
    "results_writer",
    "workers",
}

MAY_IMPORT = {
    "errors": set(),
    "job": set(),
    "core": set(),
    "files": set(),
    "table": {"files"},
    "sandbox": set(),
    "manifest": {"table", "core"},
    "ledger": {"files", "core"},
    "account": {"core"},
    "fal": {"core"},
    "pacing": {"core"},
    "reconcile": {"core"},
    "downloads": {"files", "core"},
    "export": {"files", "core"},
    "dispatch": {"pacing", "reconcile", "core"},
    "results_writer": {"manifest", "ledger", "table", "core"},
    "reports": {"dispatch", "ledger", "core"},
    "workers": {"downloads", "core"},
    "report_page": {"reports", "manifest", "ledger", "table", "files", "core"},
    "commands": {*BELOW, "table", "sandbox"},
    "cli": {"commands", "reports", "core"},
    "api": {"commands", "reports", "core"},
    "__main__": {"cli"},
    "batch": {"api"},
}
"""Folder, or module at the root → the folders it may import, besides itself and `errors` and `job`."""

FREE = {"errors", "job"}
"""What users import too, and every folder may."""

PURE = {
    "account.periods",
    "commands.finding",
    "commands.told_prices",
    "dispatch.settings",
    "dispatch.stopping",
    "dispatch.tally",
    "dispatch.transitions",
    "downloads.file_names",
    "downloads.made_files",
    "fal.hosts",
    "fal.pricing",
    "fal.redact",
    "manifest.boards",
    "manifest.column_report",
    "manifest.columns",
    "manifest.fingerprint",
    "manifest.near_names",
    "manifest.past_results",
    "manifest.model_column",
    "manifest.planner",
    "manifest.result_columns",
    "manifest.spreadsheet_faults",
    "manifest.stray_text",
    "manifest.values",
    "pacing.concurrency",
    "pacing.dip",
    "pacing.estimate",
    "pacing.in_flight",
    "pacing.look",
    "pacing.poll_schedule",
    "pacing.running",
    "pacing.slot_count",
    "pacing.start_deadline",
    "pacing.steady_limit",
    "pacing.trials",
    "reconcile.evidence",
    "reconcile.purchases",
    "reconcile.timeline",
    "report_page.night_curve",
    "report_page.page",
    "report_page.plots",
    "report_page.scales",
    "results_writer.result_cells",
    "table.code_pages",
    "table.column",
    "table.header",
    "table.parquet_footer",
    "table.parquet_merge",
    "table.thrift_compact",
    "table.xlsx_ranges",
    "table.xlsx_references",
    "table.xlsx_text",
    "table.xlsx_values",
    "table.xml_scan",
    "workers.calls",
}
"""Besides all of `core`: the standard library and each other; no clock, no I/O, no chance."""

WORLDLY = {
    *("asyncio", "concurrent", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "signal"),
    *("socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib"),
}

LIBRARIES = {
    "aiohttp": {"downloads.media_client", "fal.wire"},
    "apprise": {"reports.notify"},
    "av": {"report_page.poster_frames", "sandbox.render"},
    "click": {"cli"},
    "dotenv": {"commands.key_sources"},
    "fal_client": {"fal.credentials", "fal.guarded_sdk", "fal.receipts", "fal.transport", "fal.wire"},
    "filelock": {"ledger.file", "ledger.file_system"},
    "httpx": {"fal"},
    "jinja2": {"report_page.rendering"},
    "jsonschema_rs": {"manifest.validation"},
    "numpy": {"sandbox.render"},
    "opentimelineio": {"export.edit_timeline"},
    "pandas": {"manifest.dataframes"},
    "PIL": {
        "manifest.captions",
        "manifest.images",
        "manifest.upload_forms",
        "report_page.thumbnails",
        "sandbox.render",
    },
    "pillow_heif": {"manifest.images"},
    "pyarrow": {
        "table.parquet",
        "table.parquet_cells",
        "table.parquet_chunks",
        "table.parquet_notes",
        "table.starters",
    },
    "ray": {"workers.ray_cluster"},
    "sqlite3": {"account", "commands.account_book", "ledger"},
    "starlette": {"sandbox.service"},
    "tqdm": {"reports.progress"},
    "trustme": {"sandbox.certificates"},
    "uvicorn": {"sandbox.faulty_connection"},
    "xlsxwriter": {"table.starters"},
    "yarl": {"downloads.media_client"},
}
"""Library → the files, or the folder, that may import it; anyio is not among them, see `ASYNCHRONOUS`."""

ASYNCHRONOUS = {
    "api",
    "commands",
    "dispatch",
    "downloads",
    "fal",
    "ledger",
    "pacing",
    "reconcile",
    "reports",
    "results_writer",
    "workers",
}
"""Folders that may await: the others are called from a thread, or from nowhere but a test."""


def name_of(path: Path) -> str:
    """`batch/table/dialect.py` → `table.dialect`, `batch/__init__.py` → `batch`."""
    parts = list(path.relative_to(ROOT / "batch").with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) or "batch"


MODULES = {name_of(path): path for path in sorted((ROOT / "batch").rglob("*.py"))}
PURE |= {name for name in MODULES if name.startswith("core.")}


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


def first_line(path: Path) -> str:
    """The first paragraph of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]


def folder(name: str) -> str:
    """`table.dialect` → `table`; a module at the root is a folder of its own."""
    return name.split(".")[0]


def test_every_module_that_has_a_place_exists() -> None:
    """The tables above speak of what is there."""
    assert {*PURE, *(name for names in LIBRARIES.values() for name in names)} <= set(MODULES)
    assert set(MAY_IMPORT) == {folder(name) for name in MODULES}
    assert set(MAY_IMPORT) >= {other for others in MAY_IMPORT.values() for other in others}


@pytest.mark.parametrize("name", MODULES)
def test_a_folder_imports_only_what_it_may(name: str) -> None:
    """Manifest, ledger, fal, pacing and reconcile do not know each other; what brings them together stands above."""
    here = folder(name)
    allowed = MAY_IMPORT[here] | FREE | {here} if here not in FREE else set()
    for other in INNER[name]:
        assert folder(other) in allowed, f"{name} imports {other}"


def test_imports_make_no_circle() -> None:
    """Neither of files, not even inside functions, nor of folders; the package's own lazy names apart."""
    graph = {name: others - {"batch", name} for name, others in INNER.items() if name != "batch"}
    list(TopologicalSorter(graph).static_order())
    list(TopologicalSorter(MAY_IMPORT).static_order())


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_pure_modules_have_no_clock_no_disk_and_no_library(name: str) -> None:
    """Time, chance and files come in as arguments."""
    found = outer(MODULES[name])
    assert found <= sys.stdlib_module_names
    assert not found & WORLDLY - ({"pathlib"} if name == "core.paths" else set())
    assert INNER[name] <= PURE | FREE | {"core"}


@pytest.mark.parametrize("name", MODULES)
def test_every_library_has_its_one_file(name: str) -> None:
    """Replacing one touches one file; a new one has to be given its place here."""
    found = outer(MODULES[name]) - (sys.stdlib_module_names - {"sqlite3"})
    for library in found - {"anyio"}:
        assert {name, folder(name)} & LIBRARIES[library], f"{name} imports {library}"
    if "anyio" in found:
        assert folder(name) in ASYNCHRONOUS


def test_only_a_command_knows_the_sandbox() -> None:
    """And the sandbox knows nothing of the engine but how errors look: it plays the service, not us."""
    knowing = {name for name, others in INNER.items() if any(folder(other) == "sandbox" for other in others)}
    assert {name for name in knowing if folder(name) != "sandbox"} == {"commands.sandbox"}


def test_jobs_know_the_contract_of_a_job_only() -> None:
    """A model is data: the engine knows none, and a model knows no engine."""
    for path in (ROOT / "jobs").rglob("*.py"):
        inside = {one for one in imports(path) if one.split(".")[0] not in sys.stdlib_module_names}
        assert {one for one in inside if one.split(".")[0] != "jobs"} <= {"batch.errors", "batch.job"}, path
    knowing = {name for name, path in MODULES.items() if any(folder(one) == "jobs" for one in imports(path))}
    assert {folder(name) for name in knowing} <= {"api", "cli"}


def test_sql_stands_in_the_ledger_and_the_accounts_book_only() -> None:
    """Elsewhere nobody knows how it is stored."""
    speaking = re.compile(
        r"\b(SELECT .+ FROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|PRAGMA|CREATE TABLE)\b", re.S
    )
    for name, path in MODULES.items():
        if folder(name) in ("account", "ledger"):
            continue
        texts = (
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant)
        )
        assert not any(isinstance(text, str) and speaking.search(text) for text in texts), name
    assert {path.parent.relative_to(ROOT / "batch").parts[0] for path in (ROOT / "batch").rglob("*.sql")} == {
        *("account", "ledger")
    }


def test_no_two_files_and_no_two_public_classes_have_the_same_name() -> None:
    """A name says where it is; the sandbox, which plays the service, may call a class as the engine does."""
    files = Counter(path.name for path in MODULES.values() if path.name != "__init__.py")
    assert [name for name, times in files.items() if times > 1] == []
    classes = Counter(
        node.name
        for name, path in MODULES.items()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and folder(name) != "sandbox"
    )
    assert [name for name, times in classes.items() if times > 1] == []


def test_nothing_in_the_package_is_named_like_a_public_function() -> None:
    """`batch.check`, `batch.run` and `batch.results` are the functions, whatever was imported before."""
    public = {"check", "run", "results"}
    assert not public & {path.stem for path in (ROOT / "batch").iterdir()}


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_in_one_sentence_what_it_does(name: str) -> None:
    """Whoever has only the list of files and these lines finds the place of a change."""
    first = first_line(MODULES[name])
    assert "\n" not in first
    assert first.endswith(".")
    assert 10 < len(first) <= 100


def test_the_map_lists_what_there_is() -> None:
    """Each folder and file, and beside it the first line that says what it does."""
    text = (ROOT / "batch" / "README.md").read_text(encoding="utf-8")
    block = text.split("## The map")[1].split("```")[1]
    listed: dict[str, str] = {}
    inside = ""
    for line in block.splitlines()[2:]:
        name, _, says = line.strip().partition(" ")
        if name:
            inside = name if name.endswith("/") else "" if line.startswith("  ") and line[2] != " " else inside
            listed[name if name == inside else inside + name] = says.strip()
    there = {str(path.relative_to(ROOT / "batch")): first_line(path) for path in MODULES.values()}
    sql = set((ROOT / "batch").rglob("*.sql"))
    there |= {
        str(path.relative_to(ROOT / "batch")): path.read_text().split("\n")[0].removeprefix("-- ") for path in sql
    }
    folders = {name.removesuffix("__init__.py"): says for name, says in there.items() if name.endswith("/__init__.py")}
    files = {name: says for name, says in there.items() if not name.endswith("/__init__.py")}
    assert listed == files | folders


TESTED_ELSEWHERE = {
    "__main__": "tests/nights, which run it",
    "commands.messages": "nowhere: it is a type",
    "cli.option_groups": "tests/cli/test_help.py: it is data",
    "cli.entry": "tests/commands/test_signals.py, with real processes",
    "ledger.edits": "tests/commands/test_manifest_watch.py, in whole nights",
}
"""Modules without a test of their name, and where they are tested."""


def its_test(name: str) -> Path:
    """`pacing.poller` → `tests/pacing/test_poller.py`."""
    *folders, module = name.split(".")
    return Path(ROOT, "tests", *folders, f"test_{module}.py")


def test_every_module_has_a_test_of_its_name() -> None:
    """In the folder of its name: who changes a module finds its tests."""
    modules = {name for name, path in MODULES.items() if path.name != "__init__.py"} - set(TESTED_ELSEWHERE)
    lacking = {name for name in modules if not its_test(name).exists()}
    assert lacking == set()


def test_no_two_test_files_have_the_same_name() -> None:
    """`pytest -k` and a reader find the one that is meant."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts)
    assert [name for name, times in names.items() if times > 1] == []
