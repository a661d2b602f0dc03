"""Fetches what fal publishes of a model: its OpenAPI document, which needs no key."""

import json
import re
from typing import Any

import httpx

from batch.errors import UsageError

ADDRESS = "https://fal.ai/api/openapi/queue/openapi.json"
"""fal docs: linked from every model's page; `endpoint_id` names the model."""
MOST_BYTES = 8 << 20
SECONDS = 30.0
_ENDPOINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)+")


def fetch_document(endpoint: str, transport: httpx.BaseTransport | None = None) -> dict[str, Any]:
    """The OpenAPI document of an endpoint.

    Args:
        transport: how it is asked for; the network by default.

    Raises:
        UsageError: it is no endpoint, or there is no such document to be had.
    """
    if not _ENDPOINT.fullmatch(endpoint):
        raise UsageError(f"{endpoint!r} is no endpoint of fal's: they are like fal-ai/veo3/image-to-video")
    try:
        with (
            httpx.Client(transport=transport, timeout=SECONDS, follow_redirects=True) as client,
            client.stream("GET", ADDRESS, params={"endpoint_id": endpoint}) as reply,
        ):
            if reply.status_code != httpx.codes.OK:
                raise UsageError(f"fal gives no description of {endpoint} (HTTP {reply.status_code}); {_OTHERWISE}")
            data = b""
            for block in reply.iter_bytes():
                data += block
                if len(data) > MOST_BYTES:
                    raise UsageError(f"fal's description of {endpoint} is too long to be one; {_OTHERWISE}")
    except httpx.HTTPError as error:
        raise UsageError(f"fal's description of {endpoint} cannot be fetched ({error}); {_OTHERWISE}") from error
    try:
        document = json.loads(data)
    except ValueError as error:
        raise UsageError(f"fal's description of {endpoint} is no JSON; {_OTHERWISE}") from error
    if not isinstance(document, dict):
        raise UsageError(f"fal's description of {endpoint} is no OpenAPI document; {_OTHERWISE}")
    return document


_OTHERWISE = "or save it from the model's page, under API, and name the file with --openapi FILE"
