"""Which failures are worth another try, how long to wait, and what an ended request costs. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from batch.core.gateway import RequestFailed

WORTH_ANOTHER_TRY = frozenset(
    {
        # Model errors (fal docs: model errors).
        "internal_server_error",
        "generation_timeout",
        "downstream_service_error",
        "downstream_service_unavailable",
        # Request errors (fal docs: request errors).
        "request_timeout",
        "startup_timeout",
        "runner_scheduling_failure",
        "runner_connection_timeout",
        "runner_disconnected",
        "runner_connection_refused",
        "runner_connection_error",
        "runner_incomplete_response",
        "runner_server_error",
        "internal_error",
    }
)

FINAL = frozenset(
    {
        "content_policy_violation",
        "no_media_generated",
        "image_too_small",
        "image_too_large",
        "image_load_error",
        "unsupported_image_format",
        "face_detection_error",
        "feature_not_supported",
        "file_download_error",
        "file_too_large",
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "multiple_of",
        "sequence_too_short",
        "sequence_too_long",
        "one_of",
        "missing",
        "literal_error",
        "client_disconnected",
        "client_cancelled",
        "bad_request",
        "no_video_in_result",
        "unusable_video_url",
    }
)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a row is tried and how long it waits between tries, in seconds."""

    tries: int = 3
    base: float = 5.0
    ceiling: float = 300.0

    def __post_init__(self) -> None:
        if self.tries < 1 or self.base <= 0 or self.ceiling < self.base:
            raise ValueError("tries ≥ 1 and 0 < base ≤ ceiling")


def backoff(policy: Retry, failures: int, rand: Callable[[], float]) -> float:
    """Seconds to wait after the n-th failure in a row (n ≥ 1): doubling to a ceiling, spread over ± 50 %."""
    # 2 ** 40 s is beyond any ceiling; the bound keeps a year of failures from overflowing a float.
    return min(policy.ceiling, policy.base * 2.0 ** min(failures - 1, 40)) * (0.5 + rand())


def worth_another_try(broke: RequestFailed) -> bool:
    """fal's own headers first, then the table by type, then the status (fal docs: retry on ≥ 500)."""
    if broke.retryable is not None:
        return broke.retryable
    if broke.error_type in WORTH_ANOTHER_TRY:
        return True
    return broke.error_type not in FINAL and broke.status >= 500


def cost(broke: RequestFailed, price: int | None) -> int:
    """Millionths of a dollar to count for a request that broke.

    fal docs (billing): nothing for ≥ 500, where that is the request's own end. A 422 may be billed where a runner
    had worked, and a request cancelled in mid-run too: what is unclear counts as spent.
    """
    return 0 if broke.sure and broke.status >= 500 and broke.error_type not in FINAL else price or 0
