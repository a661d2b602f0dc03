"""The rows that wait: in the table's order, each begun once."""

from tests.support.simulated import Service, ledger_of, service_queue, shots, simulate


def test_rows_are_submitted_in_the_order_of_the_table() -> None:
    """A person who looks in the middle of the night finds the top of the sheet done first."""
    queue = service_queue(5, 60.0)
    simulate(ledger_of(shots(30)), Service(queue), concurrency=1)
    assert [request.input["prompt"] for request in queue.requests] == [f"shot {n}" for n in range(30)]
