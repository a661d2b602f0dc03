"""Replies of the service, read without trust."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core import retry
from batch.core.gateway import Finished, RequestFailed
from batch.fal.client import FalGateway
from batch.fal.responses import (
    ACCOUNT_REFUSALS,
    REFUSED_SUBMITS,
    detail_of,
    error_types_of,
    is_https_url,
    json_of,
    log_lines,
    retry_after,
    retryable,
    status_of,
    text_of,
)
from batch.fal.transport import ErrorResponse
from tests.support.fal_gateway import RECEIPT, item, result_of
from tests.support.wire_service import Wire, answering

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("headers", "retryable"),
    [
        ({}, None),
        ({"X-Fal-Retryable": "true"}, True),
        ({"x-fal-retryable": " False "}, False),
        ({"X-Fal-Needs-Retry": "1"}, True),
        ({"X-Fal-Needs-Retry": "0"}, False),
        ({"X-Fal-Retryable": "perhaps"}, None),
        ({"X-Fal-Retryable": "false", "X-Fal-Needs-Retry": "1"}, False),
    ],
)
@pytest.mark.parametrize(("kind", "status"), [("content_policy_violation", 422), ("internal_server_error", 500)])
async def test_fals_own_word_on_trying_again_is_passed_on(
    kind: str, status: int, headers: dict[str, str], retryable: bool | None, wire: Wire, service: FalGateway
) -> None:
    """The headers, where they say yes or no, overrule the table."""
    wire.act = answering(status, result_of(item(kind)), headers)
    told = await service.collect(RECEIPT, Finished())
    assert isinstance(told, RequestFailed)
    assert told.retryable is retryable
    assert retry.worth_another_try(told) is (kind in retry.WORTH_ANOTHER_TRY if retryable is None else retryable)


# By itself


def answered(body: bytes, headers: dict[str, str] | None = None, status: int = 422) -> ErrorResponse:
    return ErrorResponse(status, httpx.Headers(headers), body)


def test_no_status_refuses_both_a_request_and_an_account() -> None:
    """One ends a row, the other stops the batch; 408, 409, 429 and 499 do neither."""
    assert not REFUSED_SUBMITS & ACCOUNT_REFUSALS
    assert not {408, 409, 429, 499} & (REFUSED_SUBMITS | ACCOUNT_REFUSALS)
    assert all(400 <= status < 500 for status in REFUSED_SUBMITS | ACCOUNT_REFUSALS)


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://queue.fal.run/x", True),
        ("HTTPS://queue.fal.run", True),
        ("https://127.0.0.1:8443/x?y#z", True),
        ("https://[::1]/x", True),
        ("http://queue.fal.run/x", False),
        ("ftp://queue.fal.run/x", False),
        ("queue.fal.run/x", False),
        ("/x", False),
        ("", False),
        ("https:", False),
        ("https://", False),
        ("https:///x", False),
        ("https://:443/x", False),
        ("https://[::1/x", False),
        ("https://queue.fal.run/ x", False),
    ],
)
def test_only_a_whole_https_url_is_taken_for_a_file(url: str, usable: bool) -> None:
    """A video or an upload: it goes into a table, or into a paid request."""
    assert is_https_url(url) is usable


@given(st.binary() | st.text().map(str.encode) | st.integers(0, 20_000).map(lambda depth: b"[" * depth))
def test_any_body_is_json_or_none(body: bytes) -> None:
    """No reply is an exception, neither as JSON nor as an error."""
    said = json_of(body)
    assert said is None or isinstance(said, str | int | float | list | dict)
    assert isinstance(text_of(answered(body)), str)
    assert len(error_types_of(answered(body))) == 3


@pytest.mark.parametrize(
    ("body", "detail", "text"),
    [
        (b'{"detail": "no"}', "no", "no"),
        (b'{"detail": null}', None, '{"detail": null}'),
        (b'{"detail": ""}', "", ""),
        (b'{"detail": {"a": 1}}', {"a": 1}, "{'a': 1}"),
        (b'["detail"]', None, '["detail"]'),
        (b"<h1>502</h1>", None, "<h1>502</h1>"),
        (b"\xff", None, "\ufffd"),
        (
            b'{"detail": [{"loc": ["body", "a", 0], "msg": "m"}, "n"]}',
            [{"loc": ["body", "a", 0], "msg": "m"}, "n"],
            "a.0: m; n",
        ),
        (b'{"detail": [{"loc": ["body"], "msg": "m"}]}', [{"loc": ["body"], "msg": "m"}], "m"),
    ],
)
def test_the_reason_is_what_stands_under_detail_else_the_whole_body(body: bytes, detail: object, text: str) -> None:
    """A list of faults is told with the place of each."""
    assert detail_of(answered(body)) == detail
    assert text_of(answered(body)) == text


def test_the_type_of_an_error_is_looked_for_where_it_is_surest() -> None:
    """The model's own, then the body's, then the header's."""
    body = b'{"detail": [{"type": "model"}, {"type": "second"}], "error_type": "body"}'
    assert error_types_of(answered(body, {"X-Fal-Error-Type": "header"})) == ("model", "body", "header")
    assert error_types_of(answered(b'{"detail": []}')) == (None, None, None)
    assert error_types_of(answered(b'{"detail": ["text"]}', {"x-fal-error-type": "header"})) == (None, None, "header")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (answered(b"", status=403), 403),
        (httpx.HTTPStatusError("", request=httpx.Request("GET", "https://a"), response=httpx.Response(500)), 500),
        (OSError("no network"), None),
    ],
)
def test_the_status_is_found_in_the_errors_of_every_client(error: Exception, status: int | None) -> None:
    """None where the error is not about a reply."""
    assert status_of(error) == status


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_a_pause_is_never_longer_than_an_hour_nor_shorter_than_nothing(said: str) -> None:
    """Whatever the header holds."""
    seconds = retry_after({"retry-after": said})
    assert seconds is None or 0.0 <= seconds <= 3600.0


@pytest.mark.parametrize("name", ["x-fal-retryable", "x-fal-needs-retry"])
@pytest.mark.parametrize(
    ("said", "verdict"), [("true", True), ("1", True), ("FALSE", False), ("0", False), ("2", None)]
)
def test_fals_own_word_is_yes_or_no_or_none(name: str, said: str, verdict: bool | None) -> None:
    """In either header; a word that is neither leaves it to the other one."""
    assert retryable({name: said}) is verdict
    assert retryable({"x-fal-retryable": "perhaps", "x-fal-needs-retry": said}) is verdict


@pytest.mark.parametrize(
    ("logs", "lines"),
    [
        ([{"message": "a", "level": "INFO", "timestamp": "2026", "source": "RUNNER"}], [("a", "INFO", "2026")]),
        ([{"message": "a"}, {"level": "INFO"}, "b", None, {"message": None}], [("a", "", "")]),
        ([{"message": 7, "level": None}], [("7", "", "")]),
        (None, []),
        ({"message": "a"}, []),
        ("a", []),
    ],
)
def test_what_is_no_line_of_a_log_is_left_out(logs: object, lines: list[tuple[str, str, str]]) -> None:
    """And what is one is a text in all its parts."""
    assert log_lines(logs) == lines
