"""Records every call that changed the queue as a line of JSON, and reads the calls back after a kill.

The queue is a function of its calls and of time, so making the calls again restores it exactly.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from batch.sandbox.outcomes import JSON

RECORDING = "requests.jsonl"


class Recording:
    """Append-only lines in `folder/requests.jsonl`. Opened for each line: nothing to close, nothing half-flushed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECORDING
        folder.mkdir(parents=True, exist_ok=True)
        self._drop_half_line()

    def read(self) -> Iterator[JSON]:
        """The records so far, oldest first."""
        if self.path.exists():
            with self.path.open(encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)

    def write(self, record: JSON) -> None:
        """One more record; survives a kill of this process from here on (not a power cut)."""
        with self.path.open("ab") as file:
            file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def _drop_half_line(self) -> None:
        """What a kill in mid-write leaves: its call was never answered."""
        if not self.path.exists():
            return
        whole = self.path.read_bytes()
        kept = whole.rfind(b"\n") + 1
        if kept != len(whole):
            with self.path.open("r+b") as file:
                file.truncate(kept)
