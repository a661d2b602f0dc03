"""Tables of several models: which there are, and rows of each."""

from dataclasses import replace
from typing import Any

from batch.core.row import PendingRow
from batch.job import Job, Models
from jobs.library import built_in

PRO = built_in("kling-2.1-pro")
NEWER = built_in("kling-3.0-pro")
"""Its pictures go by another input, `start_image_url`; it lasts from 3 to 15 s."""
SPOKEN = Job(
    name="spoken",
    endpoint="fal-ai/spoken",
    schema={
        "type": "object",
        "properties": {"text": {"type": "string"}, "speed": {"type": "number", "minimum": 0.5, "default": 1.0}},
        "required": ["text"],
    },
    columns={"text": ("text", "script"), "speed": ("speed",)},
    price_by="",
    prices={"": 20_000},
    output=("audio", "url"),
    makes="audio",
    typical_seconds=20.0,
)
"""It takes no picture and no prompt, and makes no video."""


def models_of(*jobs: Job) -> Models:
    """These, by name and by endpoint."""
    known = {name: job for job in jobs for name in (job.name, job.endpoint)}
    return Models([job.name for job in jobs], known.get, lambda: repr(jobs))


def row_of(endpoint: str, arguments: dict[str, Any]) -> PendingRow:
    """A row to submit with these arguments."""
    return replace(PendingRow(1, 0, 2, {}, None, 0), arguments=arguments, endpoint=endpoint)
