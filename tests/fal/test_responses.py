"""Replies of the service, read without trust."""

import pytest

from batch.core import retry
from batch.core.gateway import Finished, RequestFailed
from batch.fal.client import FalGateway
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
