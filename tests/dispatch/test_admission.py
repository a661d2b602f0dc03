"""Admission to submitting: one careful row first, pauses for all, and closed for good once closed."""

from tests.support.simulated import Service, count, ledger_of, service_queue, shots, simulate


def test_the_first_row_goes_alone() -> None:
    """A wrong key or a dead network is found out with one row."""
    service = Service(service_queue(100, 60.0), locked=lambda _: True)
    ledger = ledger_of(shots(200))
    dispatcher, _ = simulate(ledger, service, concurrency=100)
    assert service.asked["submit"] == 1
    assert dispatcher.stopped
    assert count(ledger, "pending") == 200


def test_a_run_started_without_network_waits_for_it() -> None:
    """One POST at a time is tried until the network is there."""
    service = Service(service_queue(10, 60.0), offline=lambda now: now < 600)
    ledger = ledger_of(shots(20))
    simulate(ledger, service)
    assert count(ledger, "succeeded") == 20
    assert service.asked["submit"] < 20 + 30


def test_uploads_that_fail_without_network_are_not_tried_in_a_frenzy() -> None:
    """Twenty rows with local images and ten minutes offline: each tries about once a pause, not thousands of times."""
    service = Service(service_queue(10, 60.0), offline=lambda now: now < 600, uploads=True)
    ledger = ledger_of(shots(20))
    simulate(ledger, service)
    assert count(ledger, "succeeded") == 20
    assert service.asked["prepare"] < 20 * 30


def test_a_busy_service_is_asked_again_later_and_that_is_no_attempt() -> None:
    """429 is a pause for all."""
    service = Service(service_queue(10, 60.0), on_submit=lambda n: "busy" if n % 3 == 0 else None)
    ledger = ledger_of(shots(20))
    simulate(ledger, service)
    assert count(ledger, "succeeded") == 20
    assert ledger.db.execute("SELECT MAX(attempts) FROM row").fetchone() == (1,)
