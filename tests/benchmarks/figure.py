"""The plots: rows done over time, against slots that are never idle; and what a table costs by its length."""

import heapq
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.measure import Case, Measured
from tests.benchmarks.report import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tests.benchmarks.size import Sized

FIGURE = Path(__file__).with_name("rows_done.png")
WAITS = Path(__file__).with_name("waits.png")
SCALING = Path(__file__).with_name("scaling.png")
STYLES = ("-", "--", ":")
WIDEST = 2.2
"""How many times the ideal the time axis reaches at most; who takes longer leaves the picture on the right."""


def draw(results: Mapping[Case, Runs], path: Path = FIGURE) -> None:
    """One panel for each case, with the middle run of every client. ImportError without matplotlib."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        1, len(results), figsize=(5.2 * len(results), 4.2), layout="constrained", squeeze=False
    )
    for panel, (case, runs) in zip(panels[0], results.items(), strict=True):
        _panel(panel, case, runs)
    panels[0][0].set_ylabel("rows done")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _panel(panel: "Axes", case: Case, runs: Runs) -> None:
    middles = [_middle(some) for some in runs.values()]
    widest = WIDEST * middles[0].ideal
    _steps(panel, _never_idle(middles[0]), label="no slot ever idle", color="black", linestyle="--", linewidth=1)
    for run in middles:
        done = sorted(at - run.began for at in run.seen["fetched"] if at is not None)
        _steps(panel, done, label=f"{run.client.name}: {run.wall:.0f} s", color=run.client.colour)
    panel.set_title(str(case), fontsize="medium")
    panel.set_xlabel("seconds since the command was started")
    panel.set_xlim(0, min(widest, 1.05 * max(run.wall for run in middles)))
    panel.legend(loc="lower right", fontsize="small")


def _steps(panel: "Axes", done: Sequence[float], **how: Any) -> None:
    panel.step([0, *done], range(len(done) + 1), where="post", **how)


def _never_idle(run: Measured) -> list[float]:
    """When the rows of a run would have ended, had each begun as soon as a slot came free."""
    free, ends = [0.0] * run.case.slots, []
    for start, end in zip(run.seen["starts"], run.seen["ends"], strict=True):
        ends.append(free[0] + end - start)
        heapq.heapreplace(free, ends[-1])
    return sorted(ends)


def _middle(runs: Sequence[Measured]) -> Measured:
    """The run whose makespan is nearest the median."""
    middle = median(run.wall for run in runs)
    return min(runs, key=lambda run: abs(run.wall - middle))


def scaling(sizes: "Sequence[Sized]", path: Path = SCALING) -> None:
    """Seconds of each step by rows, and its peak memory. ImportError without matplotlib."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 5.2), layout="constrained")
    names = list(dict.fromkeys(one.name for one in sizes))
    for name, style in zip(names, STYLES, strict=True):
        some = [one for one in sizes if one.name == name]
        rows = [one.rows for one in some]
        for number, step in enumerate(some[0].seconds):
            how = {"linestyle": style, "color": f"C{number}", "marker": "."}
            left.loglog(rows, [one.seconds[step] for one in some], label=f"{step}, {name}", **how)
            right.loglog(rows, [one.peak[step] for one in some], **how)
    left.set_ylabel("seconds")
    right.set_ylabel("peak memory, MB")
    for panel in (left, right):
        panel.set_xlabel("rows")
    figure.legend(loc="outside lower center", fontsize="small", ncols=len(names))
    figure.savefig(path, dpi=90)
    plt.close(figure)
