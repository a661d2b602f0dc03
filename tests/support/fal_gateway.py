"""A gateway to the service of a test, what is asked of it, and what an answer of it may hold."""

from pathlib import Path

from batch.core.gateway import Receipt
from batch.fal.client import FalGateway
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import KEY, request_id

SHOT = {"prompt": "a ship", "image_url": "https://example.com/ship.png"}
BASE = "https://queue.fal.run/fal-ai/kling-video/requests"
RECEIPT = Receipt(request_id(1), *(f"{BASE}/{request_id(1)}{end}" for end in ("/status", "", "/cancel")))
NAME, _, SECRET = KEY.partition(":")


def gateway(folder: Path = Path()) -> FalGateway:
    """Cells that start with `file:` are local images in a folder."""
    return FalGateway(KLING_2_1_PRO, local=lambda cell: folder / cell[5:] if cell.startswith("file:") else None)


def result_of(*items: object) -> dict[str, object]:
    return {"detail": list(items)}


def item(kind: str) -> dict[str, object]:
    return {"loc": ["body", "image_url"], "msg": "said", "type": kind, "url": "https://docs.fal.ai/errors"}


def check_plain(answer: object) -> None:
    assert NAME not in repr(answer)
    assert SECRET[-20:] not in repr(answer)
    for name in answer.__dataclass_fields__:  # type: ignore[attr-defined]
        value = getattr(answer, name)
        if name == "receipt":
            check_plain(value)
        elif isinstance(value, str):
            value.encode()
            assert name == "result" or value.isprintable()
