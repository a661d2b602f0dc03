"""What is known of a run's dispatching before anything was dispatched."""

from batch.commands.ended import Ended


def test_a_run_that_had_nothing_to_do_was_neither_stopped_nor_interrupted() -> None:
    ended = Ended()
    assert (ended.tally.ended, ended.tally.spent, ended.interrupted) == (0, 0, False)
    assert ended.stop is ended.stopped is ended.stop_code is None
    assert not ended.candidates
