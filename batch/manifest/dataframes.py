"""Takes pandas DataFrames as manifests, and gives results as one."""

from pathlib import Path
from typing import TYPE_CHECKING

from batch.errors import UsageError
from batch.table import ReadingOptions, open_table

if TYPE_CHECKING:
    import pandas as pd


_WORKBOOKS = (".xlsx", ".xlsm")


def keep(manifest: "str | Path | pd.DataFrame", path: str | Path | None) -> Path:
    """The file of a manifest; a DataFrame is written to `path`, unless it is there already.

    Raises:
        UsageError: a DataFrame without a path, or another one than the file there holds.
    """
    if isinstance(manifest, str | Path):
        return Path(manifest)
    if path is None:
        raise UsageError(
            "a DataFrame needs a path to be kept at, like run(frame, 'shots.parquet'): the ledger is there"
        )
    file = Path(path)
    if file.suffix.casefold() in _WORKBOOKS:
        raise UsageError(f"{file}: a DataFrame is kept with its types, as Parquet: name it {file.stem}.parquet")
    if not file.exists():
        manifest.to_parquet(file, index=False)
        return file
    import pandas as pd

    there = pd.read_parquet(file)
    if not all(name in there.columns for name in manifest.columns) or not there[list(manifest.columns)].equals(
        manifest.reset_index(drop=True)
    ):
        raise UsageError(f"{file} holds other rows than this DataFrame: give it another path, or run the file itself")
    return file


def load(path: Path, options: ReadingOptions) -> "pd.DataFrame":
    """A table as a DataFrame: CSV cells as text, read with these options, Parquet with its types.

    Raises:
        ManifestError: it cannot be read.
    """
    import pandas as pd

    table = open_table(path, options)
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return pd.read_parquet(path)
    return pd.DataFrame([record.cells for record in table.records()], columns=list(table.columns), dtype="str")
