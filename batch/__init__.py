"""kling-batch runs spreadsheets of shots through Kling 2.1 pro on fal.ai, without paying twice.

The Python API is `check`, `run` and `results`; see `batch.api`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batch.api import check, results, run

__all__ = ["check", "results", "run"]


def __getattr__(name: str) -> Any:
    """Loaded when first used: the command line starts without pandas, pyarrow and fal-client."""
    if name in __all__:
        from batch import api

        return getattr(api, name)
    raise AttributeError(f"module 'batch' has no attribute {name!r}")
