"""`model`: says what columns and prices a model has, and what fal has changed in it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from batch.core.gateway import UnitPrice
from batch.core.money import dollars
from batch.errors import MissingKey, UsageError
from batch.job import Job

PRICE_SECONDS = 15.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_SHOWN = 60


def fetched_document(endpoint: str) -> dict[str, Any]:
    """What fal publishes of an endpoint. Raises UsageError."""
    from batch.fal.model_documents import fetch_document  # only where something is fetched

    return fetch_document(endpoint)


def document_in(path: Path) -> dict[str, Any]:
    """The OpenAPI document in a file. Raises UsageError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--openapi {path}: it cannot be read as JSON ({error})") from error
    if not isinstance(found, dict):
        raise UsageError(f"--openapi {path}: it is no OpenAPI document")
    return found


def fetched_price(job: Job) -> UnitPrice | None:
    """fal's price of today; None where there is no key, or it is not to be had."""

    async def ask() -> UnitPrice | None:
        from batch.fal.client import FalGateway

        with anyio.move_on_after(PRICE_SECONDS):
            async with FalGateway(job, local=lambda _: None) as gateway:
                said = await gateway.unit_price()
                return said if isinstance(said, UnitPrice) else None
        return None

    try:
        return anyio.run(ask)
    except MissingKey:
        return None


def usual_name(endpoint: str) -> str:
    """What a model is called where a person gives it no name: its endpoint without its owner."""
    return "-".join(endpoint.split("/")[1:]) or endpoint


def require_name(name: str, taken: Sequence[str]) -> None:
    """Raises UsageError where a model cannot be called so."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: write it in letters, digits, . _ and -")
    if name in taken:
        raise UsageError(f"--name {name}: one of the program's own models is called so: give another name")


def described(job: Job) -> list[str]:
    """A model for a person: its columns with what may stand in them, and its prices."""
    lines = [f"{job.name}: {job.endpoint}, makes {_article(job.makes)}", "columns:"]
    width = max(len(titles[0]) for titles in job.columns.values())
    lines += [f"  {titles[0]:<{width}}  {_rules(job, name)}" for name, titles in job.columns.items()]
    if job.price_by and job.prices:
        parts = [f"{dollars(amount)} for {value}" for value, amount in job.prices.items()]
        lines.append(f"price, by {job.columns[job.price_by][0]}: {', '.join(parts)}")
    elif job.prices:
        lines.append(f"price: {dollars(job.prices[''])} for each row")
    else:
        lines.append(f"price: not known; see https://fal.ai/models/{job.endpoint}, and say it with --price")
    return lines


def _article(kind: str) -> str:
    return {"image": "an image", "audio": "audio"}.get(kind, f"a {kind}")


def _rules(job: Job, name: str) -> str:
    rules = job.schema["properties"][name]
    kind = str(rules.get("type", "JSON"))
    if name in job.local:
        what = "image" if name in job.images else "file"
        kind = f"{what}s, with ; between them" if kind == "array" else what
    elif "enum" in rules:
        kind = " or ".join(map(str, rules["enum"]))
    elif kind in ("array", "object"):
        kind = f"JSON ({kind})"
    elif kind == "string":
        kind = "text"
    if "minimum" in rules and "maximum" in rules:
        kind += f" from {rules['minimum']} to {rules['maximum']}"
    if name in job.schema["required"]:
        return f"{kind}; needed"
    return f"{kind}; {rules['default']!r} where nothing stands" if "default" in rules else kind


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """What is otherwise in another schema, field by field."""
    for name in dict.fromkeys((*ours, *theirs)):
        where = f"{at}.{name}" if at else str(name)
        if name not in theirs:
            yield f"{where}: gone (was {_short(ours[name])})"
        elif name not in ours:
            yield f"{where}: new, {_short(theirs[name])}"
        elif isinstance(ours[name], Mapping) and isinstance(theirs[name], Mapping):
            yield from differences(ours[name], theirs[name], where)
        elif ours[name] != theirs[name]:
            yield f"{where}: {_short(theirs[name])} (was {_short(ours[name])})"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
