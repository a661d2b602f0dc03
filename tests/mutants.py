"""Puts every small fault that mutmut knows into a module that decides about money, and names those its tests miss.

    python -m tests.mutants batch/core/money.py    one module, or several
    python -m tests.mutants                        all of them

Each module stands against the tests of its name alone, in a copy of the project, in one process. A fault that cannot
make a difference stands in `mutants.md` with its reason. Ends with 1 where a fault was missed, or one on the list was
not. mutmut changes what functions do; it leaves alone constants, tables and properties: their tests say each value.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
ACCEPTED = Path(__file__).parent / "mutants.md"
MODULES = {
    "batch/core/money.py": "*",
    "batch/core/retry.py": "*",
    "batch/core/states.py": "*",
    "batch/core/equality.py": "*",
    "batch/core/fair_share.py": "*",
    "batch/account/book.py": "*",
    "batch/account/learnt.py": "*",
    "batch/account/machines.py": "*other_at_work*",
    "batch/account/periods.py": "*",
    "batch/account/purchase_records.py": "*",
    "batch/account/registry.py": "*",
    "batch/account/statement.py": "*",
    "batch/account/witnesses.py": "*",
    "batch/reconcile/evidence.py": "*",
    "batch/reconcile/purchases.py": "*",
    "batch/reconcile/timeline.py": "*",
    "batch/reconcile/reconciler.py": "*Patience*",
    "batch/manifest/fingerprint.py": "*",
    "batch/dispatch/image_waits.py": "*",
    "batch/files/file_systems.py": "*shared_kind*",
    "batch/ledger/soundness.py": "*",
    "batch/dispatch/transitions.py": "*",
    "batch/dispatch/admission.py": "*",
    "batch/dispatch/stopping.py": "*",
    "batch/fal/hosts.py": "*",
    "batch/fal/pricing.py": "*",
    "batch/fal/receipts.py": "*",
    "batch/fal/redact.py": "*",
    "batch/fal/transport.py": "*never_left* *Guard*",
}
"""Module → the functions in it that decide, as patterns of mutmut's names."""
ALSO_HELD_BY = {
    "batch/reconcile/timeline.py": ["tests/reconcile/test_evidence.py"],
    "batch/account/book.py": ["tests/account/test_witnesses.py"],
}
"""Module → the tests that it has besides those of its name: of what its facts are weighed into."""

Fault = tuple[str, ...]
"""The lines of a fault, those that go (`-`) and those that come (`+`)."""


def namesake(module: str) -> str:
    """`batch/core/money.py` → `tests/core/test_money.py`."""
    path = Path(module)
    return str(Path("tests", *path.parts[1:-1], f"test_{path.name}"))


def accepted(module: str) -> set[Fault]:
    """The faults on the list of those that need no test."""
    _, _, rest = ACCEPTED.read_text(encoding="utf-8").partition(f"\n## {module}\n")
    section = rest.partition("\n## ")[0]
    return {lines_of(block) for block in re.findall(r"```diff\n(.*?)```", section, re.DOTALL)}


def lines_of(diff: str) -> Fault:
    """What changes, without the file's names and the lines around it."""
    lines = (line for line in diff.splitlines() if re.match(r"[-+](?!--|\+\+)", line))
    return tuple(f"{line[0]} {line[1:].strip()}" for line in lines)


def is_only_case(fault: Fault) -> bool:
    """Whether but letters outside SQL's own quotes are large or small instead: SQL takes them for the same."""
    went, came = (
        ["'".join(part if n % 2 else part.casefold() for n, part in enumerate(line[2:].split("'"))) for line in lines]
        for lines in ([one for one in fault if one[0] == "-"], [one for one in fault if one[0] == "+"])
    )
    return went == came


def prepare(module: str, folder: Path) -> None:
    """A copy of the project, told what to mutate and which tests to run."""
    for name in ("batch", "jobs", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    settings = {
        "source_paths": ["batch"],
        "only_mutate": [module],
        "also_copy": ["jobs"],
        "pytest_add_cli_args": ["-n", "0", "-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": [namesake(module), *ALSO_HELD_BY.get(module, [])],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text("\n".join([project, "[tool.mutmut]", *lines, ""]), encoding="utf-8")


def mutmut(folder: Path, *arguments: str) -> str:
    """What it prints; hypothesis goes the same way every time, and without deadlines, where `CI` is set."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"CI": "true"}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"mutmut {' '.join(arguments)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def verdicts(module: str, folder: Path) -> list[tuple[str, str]]:
    """mutmut's name of each fault, and what became of it."""
    mutmut(folder, "run", "--max-children", "1", *MODULES[module].split())
    lines = (line.strip().partition(": ") for line in mutmut(folder, "results", "--all", "true").splitlines())
    return [(name, verdict) for name, _, verdict in lines if verdict and verdict != "not checked"]


def report(module: str) -> bool:
    """Prints what is amiss; whether nothing is. A fault that makes a test run for ever is noticed."""
    known = accepted(module)
    with tempfile.TemporaryDirectory() as folder:
        prepare(module, Path(folder))
        tried = verdicts(module, Path(folder))
        missed = [name for name, verdict in tried if verdict not in ("killed", "timeout")]
        found = {name: lines_of(mutmut(Path(folder), "show", name)) for name in missed}
    new = {name: fault for name, fault in found.items() if fault not in known and not is_only_case(fault)}
    stale = known - set(found.values())
    print(f"{module}: of {len(tried)} faults {namesake(module)} misses {len(new)}, and {len(known)} on the list")
    for title, fault in [*new.items(), *(("on the list for nothing", fault) for fault in sorted(stale))]:
        print("", title, *fault, sep="\n  ", flush=True)
    return not new and not stale


def main(modules: list[str]) -> int:
    unknown = set(modules) - set(MODULES)
    if unknown:
        sys.exit(f"{', '.join(sorted(unknown))}: not among {', '.join(MODULES)}")
    fine = [report(module) for module in modules or MODULES]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
