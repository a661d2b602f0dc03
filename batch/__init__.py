"""kling-batch runs spreadsheets of shots through Kling 2.1 pro on fal.ai, without paying twice.

    import batch

    print(batch.check("shots.csv"))                    # what is wrong, what it will cost; spends nothing
    outcome = batch.run("shots.csv", max_spend=20)     # the night; print(outcome) tells how it ended
    outcome.to_dict()["rows_without_video"]            # which rows failed, and why
    frame = batch.results("shots.csv")                 # the table with its results, as a DataFrame

What cannot be used raises a `batch.errors.BatchError`; a row that fails is data.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batch.api import Completed, InProgress, Queued, check, results, run

__all__ = ["Completed", "InProgress", "Queued", "check", "results", "run"]


def __getattr__(name: str) -> Any:
    """Loaded when first used: the command line starts without pandas, pyarrow and fal-client."""
    if name in __all__:
        from batch import api

        return getattr(api, name)
    raise AttributeError(f"module 'batch' has no attribute {name!r}")


def __dir__() -> list[str]:
    """With the public names, for `help(batch)` and a prompt that completes names."""
    return sorted({*globals(), *__all__})
