"""The plan of faults as text and as data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.errors import UsageError
from batch.sandbox.faults import KINDS, Act, FaultInjector, Faults, kind_of


def met(text: str, count: int, kind: str = "submit", said: str = "") -> list[int]:
    """Which of so many requests meet a fault."""
    fault_injector = FaultInjector(Faults.parse(text, seed=3))
    return [number for number in range(1, count + 1) if fault_injector.next(kind, said) is not None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("submit=cut_before", [1, 2, 3, 4, 5, 6]),
        ("submit:3=cut_before", [3]),
        ("submit:2-4=cut_before", [2, 3, 4]),
        ("submit:5+=cut_before", [5, 6]),
        ("submit:*2=cut_before", [2, 4, 6]),
        ("submit:1=silent, submit:6=503", [1, 6]),
        ("status=cut_before", []),
        ("", []),
    ],
)
def test_a_fault_meets_the_requests_it_is_aimed_at(text: str, expected: list[int]) -> None:
    """The n-th, a range, from the n-th on, every n-th, all."""
    assert met(text, 6) == expected


def test_a_share_is_seeded() -> None:
    """The same seed hits the same requests; about the share that was asked for."""
    first, second = met("submit:20%=503", 1000), met("submit:20%=503", 1000)
    assert first == second
    assert 150 < len(first) < 250


def test_ordinals_count_among_the_requests_that_hold_the_text() -> None:
    """`~text` aims at requests by what they say."""
    fault_injector = FaultInjector(Faults.parse("submit~ship:2=cut_after"))
    said = ["a cat", "a ship", "a cat", "a ship", "a ship"]
    assert [fault_injector.next("submit", text) is not None for text in said] == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("name", "accepts", "act", "code"),
    [
        ("cut_before", False, Act.CUT, 0),
        ("cut_after", True, Act.CUT, 0),
        ("cut_half", True, Act.HALF, 0),
        ("silent", True, Act.SILENT, 0),
        ("502_nginx", False, Act.ANSWER, 502),
        ("status_503", False, Act.ANSWER, 503),
        ("499", False, Act.ANSWER, 499),
        ("accept_then_502_nginx", True, Act.ANSWER, 502),
        ("accept_then_408", True, Act.ANSWER, 408),
        ("garbage", True, Act.GARBAGE, 0),
    ],
)
def test_every_fault_says_whether_the_service_got_the_request(name: str, accepts: bool, act: Act, code: int) -> None:
    """Before acceptance or after it: that is what money hangs on."""
    (rule,) = Faults.parse(f"submit={name}").rules
    assert rule.fault is not None
    assert (rule.fault.accepts, rule.fault.act, rule.fault.code) == (accepts, act, code)


def test_numbers_in_brackets_are_seconds() -> None:
    """`slow(2.5)` answers late; `429(7)` says Retry-After."""
    slow, refused, run = Faults.parse("status=slow(2.5) submit=429(7);run=slow(9)").rules
    assert slow.fault is not None
    assert refused.fault is not None
    assert run.outcome is not None
    assert (slow.fault.seconds, refused.fault.seconds, run.outcome.seconds) == (2.5, 7.0, 9.0)


def test_a_run_can_end_in_any_outcome() -> None:
    """`run:…=name` aims at runs, not at requests."""
    (rule,) = Faults.parse("run:2=content_policy_violation").rules
    assert rule.fault is None
    assert rule.outcome is not None
    assert rule.outcome.code == 422


@pytest.mark.parametrize(
    "text",
    ["submit", "post:1=503", "submit:x=503", "submit:*0=503", "submit=explode", "submit=999", "run=explode", "=="],
)
def test_what_cannot_be_meant_is_said(text: str) -> None:
    """UsageError names the part, in one line."""
    with pytest.raises(UsageError) as refused:
        Faults.parse(f"status:1=503, {text}")
    assert repr(text) in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Anything is a plan or a UsageError."""
    try:
        Faults.parse(text)
    except UsageError as error:
        assert str(error).startswith("fault")  # noqa: PT017


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/fal-ai/kling-video/v2.1/pro/image-to-video", "submit"),
        ("GET", "/fal-ai/kling-video/requests/1/status", "status"),
        ("GET", "/fal-ai/kling-video/requests/1/status/stream", "stream"),
        ("GET", "/fal-ai/kling-video/requests/1", "result"),
        ("PUT", "/fal-ai/kling-video/requests/1/cancel", "cancel"),
        ("GET", "/v1/models/requests/by-endpoint", "history"),
        ("GET", "/v1/models/pricing", "pricing"),
        ("POST", "/storage/auth/token", "token"),
        ("POST", "/storage/upload/initiate", "initiate"),
        ("PUT", "/storage/upload/1/a.png", "put"),
        ("POST", "/files/upload", "upload"),
        ("GET", "/files/1/a.png", "media"),
    ],
)
def test_every_request_has_a_kind_to_be_aimed_at(method: str, path: str, kind: str) -> None:
    """By method and path alone, and each kind can be written in a plan."""
    assert kind_of(method, path) == kind
    assert kind in KINDS
