"""kling-batch beside fal's own clients, on a service of the benchmarks' own.

python -m tests.benchmarks             everything, about 45 minutes; rewrites the results in README.md and the plot
python -m tests.benchmarks --quick     a minute, to see that it works; writes nothing
python -m tests.benchmarks --slots 40  one of the cases; writes nothing
python -m tests.benchmarks waiting     requests that wait though slots are free, about 12 minutes; rewrites its part of
                                       README.md and its plot
python -m tests.benchmarks size        seconds and bytes a row, 1,000 to 1,000,000 rows, about 15 minutes; rewrites
                                       its part of README.md and its plot (or: size 1000 10000; writes nothing)
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.clients import Client, clients
from tests.benchmarks.figure import FIGURE, WAITS, draw
from tests.benchmarks.measure import Case, Measured, measure
from tests.benchmarks.probe import capacity
from tests.benchmarks.report import Runs

CASES = (
    Case(slots=500, rows=2000, seconds=3.0),
    Case(slots=40, rows=200, seconds=30.0),
    Case(slots=10, rows=60, seconds=10.0, spread=0.2),
)
WAITING = (
    Case(slots=20, rows=160, seconds=4.0, wait=0.3),
    Case(slots=20, rows=160, seconds=4.0, wait=1.0),
    Case(slots=20, rows=160, seconds=4.0, wait=0.3, holds=True),
)
QUICK = (Case(slots=100, rows=300, seconds=2.0), Case(slots=10, rows=40, seconds=2.0, spread=0.2))
ROUNDS = 3


def main() -> int:
    """Measures, prints, and writes down."""
    if sys.argv[1:2] == ["size"]:
        return _size()
    if sys.argv[1:2] == ["waiting"]:
        return _waiting()
    asked = _arguments()
    whole = not (asked.quick or asked.slots)
    parts = [report.machine(), f"The service, asked by a client that does nothing else: {capacity()}."]
    print(*parts, sep="\n\n", flush=True)
    results: dict[Case, Runs] = {}
    for case in _cases(asked):
        results[case] = _take_turns(case, 1 if asked.quick else asked.rounds)
        parts.append(report.table(case, results[case]))
        print(f"\n{parts[-1]}", flush=True)
    if whole:
        from tests.benchmarks import paid_twice  # last: it makes this process large, see `measure`

        parts.append(paid_twice.table())
        print(f"\n{parts[-1]}", flush=True)
        _write(parts, results, "results", FIGURE)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small cases, once each")
    parser.add_argument("--slots", type=int, help="only the case with so many slots")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each client has its turn ({ROUNDS})")
    return parser.parse_args()


def _waiting() -> int:
    del sys.argv[1]  # what is left are its own arguments
    rounds, parts = _arguments().rounds, [report.machine()]
    results: dict[Case, Runs] = {}
    for case in WAITING:
        results[case] = _take_turns(case, rounds)
        parts.append(report.table(case, results[case]))
        print(f"\n{parts[-1]}", flush=True)
    _write(parts, results, "waits", WAITS)
    return 0


def _size() -> int:
    from tests.benchmarks import size

    del sys.argv[1]  # what is left are its own arguments
    size.main()
    return 0


def _cases(asked: argparse.Namespace) -> Sequence[Case]:
    cases = QUICK if asked.quick else CASES
    return [case for case in cases if asked.slots in (None, case.slots)]


def _take_turns(case: Case, rounds: int) -> Runs:
    """A B C A B C …, so that a machine that is busy for a while is busy for all of them."""
    here = [client for client in clients() if case.slots >= client.least and _at_hand(client)]
    runs: dict[str, list[Measured]] = {client.name: [] for client in here}
    for _ in range(rounds):
        for client in here:
            if all(run.wall < client.patience for run in runs[client.name]):
                runs[client.name].append(_told(measure(client, case)))
    return runs


def _at_hand(client: Client) -> bool:
    if client.missing:
        print(f"left out: {client.name}: {client.missing}", flush=True)
    return client.missing is None


def _told(run: Measured) -> Measured:
    """One line on stderr as soon as it is there."""
    faults = ", ".join(run.faults())
    line = f"{time.strftime('%H:%M:%S')} {run.client.name}, {run.case}: {run.wall:.1f} s {faults}"
    print(line, *([run.said] if faults else []), sep="\n", file=sys.stderr, flush=True)
    return run


def _write(parts: Sequence[str], results: Mapping[Case, Runs], section: str, figure: Path) -> None:
    try:
        draw(results, figure)
    except ImportError:
        print("no plot was drawn: pip install 'kling-batch[bench]'")
    report.write("\n\n".join([*parts, f"![Rows done over time, against the ideal]({figure.name})"]), section)


if __name__ == "__main__":
    sys.exit(main())
