"""Plays any job from its schema: what its runner refuses, what its preview shows, what its result is."""

import io
import re
import wave
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from batch.job import Job
from batch.sandbox.media import Fetch
from batch.sandbox.models import detail
from batch.sandbox.outcomes import JSON
from batch.sandbox.render import render, still

SUFFIXES = {"video": ".mp4", "image": ".png", "audio": ".wav", "file": ".bin"}
TYPES = {"video": "video/mp4", "image": "image/png", "audio": "audio/wav", "file": "application/octet-stream"}
LONGEST = 60
"""Seconds of a preview."""
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def refusals_of(job: Job, given: Mapping[str, object]) -> list[JSON]:
    """Every fault of an input that its schema names, as pydantic details; empty when a runner would take it."""
    properties: Mapping[str, Any] = job.schema["properties"]
    missing = [name for name in job.schema.get("required", ()) if name not in given]
    return [
        *(detail(name, "missing", "Field required", dict(given)) for name in missing),
        *(one for name, value in given.items() if name in properties for one in _faults(name, value, properties[name])),
    ]


def _faults(name: str, value: object, rules: Mapping[str, Any]) -> Iterator[JSON]:
    if "enum" in rules:
        if value not in rules["enum"]:
            yield detail(name, "literal_error", f"Input should be one of {rules['enum']}", value)
        return
    kinds = _KINDS.get(str(rules.get("type")), (object,))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
        yield detail(name, f"{rules.get('type')}_type", f"Input should be a valid {rules.get('type')}", value)
        return
    if isinstance(value, int | float):
        if "minimum" in rules and value < rules["minimum"]:
            yield detail(name, "greater_than_equal", "Input is too small", value, {"ge": rules["minimum"]})
        if "maximum" in rules and value > rules["maximum"]:
            yield detail(name, "less_than_equal", "Input is too large", value, {"le": rules["maximum"]})


def preview(job: Job) -> Callable[..., None]:
    """What makes the file of a request of this job; a renderer as `batch.sandbox.media` has it."""

    def make(given: Mapping[str, object], target: Path, *, fetch: Fetch) -> None:
        shown = _as_shot(job, given)
        match job.makes:
            case "video":
                render(shown, target, fetch=fetch, seconds=_seconds(job, given))
            case "image":
                still(shown, target, fetch=fetch)
            case "audio":
                target.write_bytes(_silence())
            case _:
                target.write_bytes(b"SANDBOX PREVIEW\n")

    return make


def result_of(kind: str, file: JSON) -> JSON:
    """The result of a run that made a file of this kind, as fal's models have it."""
    return {"images": [file]} if kind == "image" else {kind: file}


def _as_shot(job: Job, given: Mapping[str, object]) -> dict[str, object]:
    """The pictures and the text of an input, by the names that a preview knows."""
    pictures = [one for name in job.images if (value := given.get(name)) for one in _several(value)]
    text = given.get("prompt") or given.get("text") or next((one for one in given.values() if isinstance(one, str)), "")
    shot: dict[str, object] = {"prompt": text, "image_url": pictures[0] if pictures else ""}
    return shot | ({"tail_image_url": pictures[1]} if len(pictures) > 1 else {})


def _several(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _seconds(job: Job, given: Mapping[str, object]) -> int:
    told = re.search(r"\d+", str(given.get("duration", job.default("duration"))))
    return min(max(int(told[0]), 1), LONGEST) if told else 5


def _silence() -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    return held.getvalue()
