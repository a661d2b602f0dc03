"""The verdicts on every documented way to fail: fal's own table, written down a second time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core import retry
from batch.core.gateway import RequestFailed
from batch.core.retry import Retry, backoff, cost, worth_another_try
from batch.reports.outcome import ADVICE

PRICE = 490_000

# type, HTTP status, worth another try (fal docs: model errors, request errors)
DOCUMENTED = [
    ("internal_server_error", 500, True),
    ("generation_timeout", 504, True),
    ("downstream_service_error", 400, True),
    ("downstream_service_error", 500, True),
    ("downstream_service_unavailable", 500, True),
    ("content_policy_violation", 422, False),
    ("no_media_generated", 422, False),
    ("image_too_small", 422, False),
    ("image_too_large", 422, False),
    ("image_load_error", 422, False),
    ("unsupported_image_format", 422, False),
    ("face_detection_error", 422, False),
    ("feature_not_supported", 422, False),
    ("file_download_error", 422, False),
    ("file_too_large", 422, False),
    ("greater_than", 422, False),
    ("greater_than_equal", 422, False),
    ("less_than", 422, False),
    ("less_than_equal", 422, False),
    ("multiple_of", 422, False),
    ("sequence_too_short", 422, False),
    ("sequence_too_long", 422, False),
    ("one_of", 422, False),
    ("missing", 422, False),
    ("literal_error", 422, False),
    ("request_timeout", 504, True),
    ("startup_timeout", 504, True),
    ("runner_scheduling_failure", 503, True),
    ("runner_connection_timeout", 503, True),
    ("runner_disconnected", 503, True),
    ("runner_connection_refused", 503, True),
    ("runner_connection_error", 503, True),
    ("runner_incomplete_response", 502, True),
    ("runner_server_error", 500, True),
    ("internal_error", 500, True),
    ("client_disconnected", 499, False),
    ("client_cancelled", 499, False),
    ("bad_request", 400, False),
]
OPEN_ENDED = [("value_error.missing", 422), ("value_error.any_str.max_length", 422), ("string_too_long", 422)]


@pytest.mark.parametrize(("error_type", "status", "again"), DOCUMENTED)
def test_every_documented_type_has_its_documented_verdict(error_type: str, status: int, again: bool) -> None:
    """By type, and listed: nothing documented is left to the rule for unknown types."""
    assert worth_another_try(RequestFailed(error_type, "", status)) is again
    assert error_type in (retry.WORTH_ANOTHER_TRY if again else retry.FINAL)


def test_the_two_lists_hold_nothing_else() -> None:
    """Each type has one verdict; what is not fal's is our own word for a result without a video."""
    documented = {error_type for error_type, _, _ in DOCUMENTED}
    assert not retry.WORTH_ANOTHER_TRY & retry.FINAL
    assert documented | {"no_video_in_result", "unusable_video_url"} == retry.WORTH_ANOTHER_TRY | retry.FINAL
    assert set(ADVICE) <= retry.FINAL


@pytest.mark.parametrize(("error_type", "status"), OPEN_ENDED)
def test_what_the_input_is_to_blame_for_is_final(error_type: str, status: int) -> None:
    """pydantic's types pass through under any name, v1 style too: below 500 none is tried again."""
    assert not worth_another_try(RequestFailed(error_type, "", status))


@given(st.text(), st.integers(400, 599))
def test_an_unknown_type_goes_by_its_status(error_type: str, status: int) -> None:
    """fal docs: retry on 500 and above, else not."""
    if error_type not in retry.WORTH_ANOTHER_TRY | retry.FINAL:
        assert worth_another_try(RequestFailed(error_type, "", status)) is (status >= 500)


@pytest.mark.parametrize(("status", "again"), [(499, False), (500, True), (501, True)])
def test_a_server_error_begins_at_500(status: int, again: bool) -> None:
    """One below is worth no other try and counts as spent; from there on both turn round."""
    broke = RequestFailed("unheard_of", "", status)
    assert worth_another_try(broke) is again
    assert cost(broke, PRICE) == (0 if again else PRICE)


@pytest.mark.parametrize(("error_type", "status", "again"), DOCUMENTED)
@pytest.mark.parametrize("said", [True, False])
def test_fals_own_word_overrules_the_table(error_type: str, status: int, again: bool, said: bool) -> None:
    """X-Fal-Retryable, where present, decides."""
    assert worth_another_try(RequestFailed(error_type, "", status, retryable=said)) is said


@pytest.mark.parametrize(("error_type", "status", "again"), DOCUMENTED)
def test_nothing_is_billed_from_500_on_and_everything_below(error_type: str, status: int, again: bool) -> None:
    """fal docs: nothing for ≥ 500; a 422, a 499, a refusal of a partner may be billed, so they count."""
    assert cost(RequestFailed(error_type, "", status), PRICE) == (0 if status >= 500 else PRICE)


def test_an_unknown_price_counts_as_nothing() -> None:
    """A request whose price nobody knows adds nothing to the sum."""
    assert cost(RequestFailed("content_policy_violation", "", 422), None) == 0


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0.01, 60), st.floats(1, 100))
def test_a_wait_doubles_to_its_ceiling_and_is_spread(failures: int, rand: float, base: float, factor: float) -> None:
    """Never beyond ± 50 % of the ceiling, never less than half of the base, for any number of failures."""
    retry = Retry(base=base, ceiling=base * factor)
    wait = backoff(retry, failures, lambda: rand)
    assert base * 0.5 <= wait <= retry.ceiling * 1.5
    assert wait <= backoff(retry, failures + 1, lambda: rand)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 5.0), (2, 10.0), (3, 20.0), (6, 160.0), (7, 300.0), (8, 300.0), (10**9, 300.0)]
)
def test_the_first_wait_is_the_base_and_each_one_is_twice_the_one_before(failures: int, seconds: float) -> None:
    """Until the ceiling, and there for good; without the spread, which is even around it."""
    policy = Retry(base=5.0, ceiling=300.0)
    assert backoff(policy, failures, lambda: 0.5) == seconds
    assert backoff(policy, failures, lambda: 0.0) == seconds * 0.5
    assert backoff(policy, failures, lambda: 0.9) == pytest.approx(seconds * 1.4)


def test_the_standard_policy_is_three_tries_from_five_seconds_to_five_minutes() -> None:
    """What a night costs where everything fails: a row is bought three times at most."""
    assert (Retry().tries, Retry().base, Retry().ceiling) == (3, 5.0, 300.0)


@pytest.mark.parametrize("wrong", [{"tries": 0}, {"base": 0.0}, {"base": -1.0}, {"base": 10.0, "ceiling": 9.0}])
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, float]) -> None:
    """No try at all, no wait at all, a ceiling below the base."""
    with pytest.raises(ValueError, match=r"^tries ≥ 1 and 0 < base ≤ ceiling$"):
        Retry(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("narrow", [{"tries": 1}, {"base": 0.01}, {"base": 9.0, "ceiling": 9.0}])
def test_the_narrowest_policies_can_be_meant(narrow: dict[str, float]) -> None:
    """A single try, hardly a wait, always the same one."""
    Retry(**narrow)  # type: ignore[arg-type]
