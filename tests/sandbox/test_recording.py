"""The calls of a queue, recorded and read back."""

from pathlib import Path

from batch.sandbox.recording import RECORDING, Recording


def test_records_are_read_back_in_their_order(tmp_path: Path) -> None:
    """Also by another process, which goes on behind them; there may be none yet."""
    recording = Recording(tmp_path / "new folder")
    assert list(recording.read()) == []
    recording.write({"do": "slots", "slots": 2})
    again = Recording(tmp_path / "new folder")
    again.write({"do": "cancel", "id": "ü"})
    assert list(recording.read()) == [{"do": "slots", "slots": 2}, {"do": "cancel", "id": "ü"}]


def test_half_a_line_of_a_killed_process_is_dropped(tmp_path: Path) -> None:
    """Its call was never answered; the next record starts a line of its own."""
    Recording(tmp_path).write({"do": "slots", "slots": 2})
    with (tmp_path / RECORDING).open("ab") as file:
        file.write(b'{"do":"subm')
    recording = Recording(tmp_path)
    recording.write({"do": "slots", "slots": 3})
    assert [record["slots"] for record in recording.read()] == [2, 3]
