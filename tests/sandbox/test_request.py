"""The ids of requests."""

from batch.sandbox import request_ids


def test_the_same_seed_gives_the_same_ids() -> None:
    """Deterministic, and told apart by the seed."""
    assert next(request_ids(1)) == next(request_ids(1)) != next(request_ids(2))
