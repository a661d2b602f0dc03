"""Tells when two rows ask for the same: the fingerprint of endpoint and arguments. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any

from batch.job import Job, canonical, encoded


def defaults(job: Job) -> dict[str, Any]:
    """Every input with the value that fal takes where none is given."""
    return {name: job.default(name) for name in job.schema["properties"]}


def fingerprint(job: Job, identity: Mapping[str, Any], full: Mapping[str, Any] | None = None) -> bytes:
    """16 bytes that are equal for equal requests: endpoint and arguments, fal's defaults filled in.

    Args:
        identity: the arguments, a local image by the digest of its bytes.
        full: the job's `defaults`, where the caller has them at hand.
    """
    full = defaults(job) if full is None else full
    given = {name: _one_line_end(value) for name, value in identity.items()}
    text = f"[{canonical(job.endpoint)},{encoded({**full, **given})}]"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _one_line_end(value: Any) -> Any:
    """Editors and version control rewrite the line ends of a whole file: that edits no prompt."""
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) and "\r" in value else value
