"""What fal publishes of a model is fetched once, bounded, and refused in one line where it is none."""

import httpx
import pytest

from batch.errors import UsageError
from batch.fal import model_documents
from batch.fal.model_documents import fetch_document


def answering(*, status: int = 200, data: bytes = b"{}") -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://fal.ai/api/openapi/queue/openapi.json?endpoint_id=fal-ai%2Fveo3"
        assert "authorization" not in request.headers
        return httpx.Response(status, content=data)

    return httpx.MockTransport(answer)


def test_a_document_is_fetched_without_a_key() -> None:
    """As any page on fal.ai."""
    assert fetch_document("fal-ai/veo3", answering(data=b'{"openapi": "3.0.4"}')) == {"openapi": "3.0.4"}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"status": 404}, "HTTP 404"),
        ({"data": b"<html>"}, "is no JSON"),
        ({"data": b"[]"}, "is no OpenAPI document"),
        ({"data": b" " * 200}, "too long"),
    ],
)
def test_what_is_none_is_refused(how: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way to do without it."""
    monkeypatch.setattr(model_documents, "MOST_BYTES", 100)
    with pytest.raises(UsageError, match=message) as caught:
        fetch_document("fal-ai/veo3", answering(**how))  # type: ignore[arg-type]
    assert "--openapi FILE" in str(caught.value)


@pytest.mark.parametrize("name", ["veo3", "https://fal.ai/models/x", "fal-ai/../x", "fal-ai/x?y", ""])
def test_what_is_no_endpoint_is_not_asked_for(name: str) -> None:
    """Nothing but names and slashes."""
    with pytest.raises(UsageError, match="is no endpoint of fal's"):
        fetch_document(name, answering())


def test_no_network_is_said() -> None:
    """In one line."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    with pytest.raises(UsageError, match="cannot be fetched"):
        fetch_document("fal-ai/veo3", httpx.MockTransport(broken))
