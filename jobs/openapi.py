"""Makes a job of fal's own OpenAPI document for an endpoint, and of the few facts that it does not hold."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from batch.errors import UsageError
from batch.job import Job

DEEPEST = 40
"""How deep schemas may refer to each other."""
_KEPT = (
    *("type", "enum", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"),
    *("minLength", "maxLength", "minItems", "maxItems", "required", "description", "const"),
)
_PICTURE = re.compile(r"image|frame|mask|picture|photo|reference|style|face|garment|sketch", re.IGNORECASE)
_LINK = re.compile(r"_ur[li]s?$")
_SECONDS = frozenset({"second", "seconds", "sec", "s"})
_IMAGES = frozenset({"image", "images"})
_EACH = frozenset({"video", "videos", "request", "requests", "generation", "generations", "unit", "units", "clip"})
_COUNTED = 50
"""Values of a whole number that prices are worked out for, at most."""
_ENDPOINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MICROS = 1_000_000


def job_of(document: Mapping[str, Any], facts: Mapping[str, Any], name: str) -> Job:
    """The job that an OpenAPI document describes.

    Args:
        document: as `https://fal.ai/api/openapi/queue/openapi.json?endpoint_id=…` gives it.
        facts: what it does not hold, all of it optional: `columns`, `words`, `units`, `limits`, `required`, `refused`,
            `price`, `typical_seconds`, `examples`, `output`, `first`, `column_order`, `length_by`.

    Raises:
        UsageError: it is none, or describes no input.
    """
    endpoint, schema = endpoint_of(document), input_schema(document)
    properties = schema["properties"]
    for limited, rules in facts.get("limits", {}).items():
        if limited in properties:
            properties[limited] = {**properties[limited], **rules}
    schema["required"] = [
        *schema["required"],
        *(one for one in facts.get("required", ()) if one not in schema["required"]),
    ]
    order = [one for one in facts.get("column_order", ()) if one in properties]
    order += [one for one in properties if one not in order]
    images, files = _files(properties)
    by, prices = _prices(facts.get("price", {}), properties)
    return Job(
        name=name,
        endpoint=endpoint,
        schema=schema,
        columns=_columns(order, facts.get("columns", {})),
        words={one: tuple(words) for one, words in facts.get("words", {}).items() if one in properties},
        refused=dict(facts.get("refused", {})),
        images=[one for one in order if one in images],
        files=[one for one in order if one in files],
        units={one: tuple(units) for one, units in facts.get("units", {}).items() if one in properties},
        price_by=by,
        prices=prices,
        output=tuple(facts.get("output", ())),
        makes=makes(document),
        length_by=str(facts.get("length_by", "")),
        typical_seconds=float(facts.get("typical_seconds", 120)),
        first=bool(facts.get("first", False)),
        examples=tuple(facts.get("examples", ())) or _examples(order, properties),
    )


def endpoint_of(document: Mapping[str, Any]) -> str:
    """The endpoint that a document describes. Raises UsageError."""
    told = (
        document.get("info", {}).get("x-fal-metadata", {}).get("endpointId") if isinstance(document, Mapping) else None
    )
    path, _ = _post(document)
    endpoint = str(told or path.strip("/"))
    if not _ENDPOINT.fullmatch(endpoint):
        raise UsageError(f"{endpoint!r} is no endpoint of fal's: they are like fal-ai/veo3/image-to-video")
    return endpoint


def input_schema(document: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of the input, with all that it refers to in it. Raises UsageError."""
    _, operation = _post(document)
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    found = _resolved(content.get("schema", {}), document, 0)
    if not isinstance(found.get("properties"), dict) or not found["properties"]:
        raise UsageError("the OpenAPI document describes no input: take it from the model's page on fal.ai")
    order = found.pop("x-fal-order-properties", None) or []
    named = {one: found["properties"][one] for one in order if one in found["properties"]}
    return {
        "type": "object",
        "required": [one for one in found.get("required", ()) if one in found["properties"]],
        "additionalProperties": False,
        "properties": {**named, **found["properties"]},
    }


def makes(document: Mapping[str, Any]) -> str:
    """What an endpoint makes, by its output: `video`, `image`, `audio`, or `file`."""
    for item in document.get("paths", {}).values():
        responses = item.get("get", {}).get("responses", {}) if isinstance(item, Mapping) else {}
        schema = responses.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        found = _resolved(schema, document, 0).get("properties", {})
        for kind in ("video", "image", "audio"):
            if any(kind in one for one in found):
                return kind
    return "file"


def price_facts(job: Job, amount: Decimal, unit: str) -> dict[str, Any]:
    """What fal's price for a unit means for a request, as `facts["price"]`; nothing where it does not say how."""
    unit = unit.strip().casefold()
    if unit in _EACH:
        return {"usd": str(amount)}
    by = "duration" if unit in _SECONDS else "num_images" if unit in _IMAGES else ""
    if not by:
        return {}
    if by in job.schema["properties"]:
        return {"by": by, "usd_per_unit": str(amount)}
    return {"usd": str(amount)} if by == "num_images" else {}


def _post(document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    paths = document.get("paths", {}) if isinstance(document, Mapping) else {}
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        if isinstance(item, Mapping) and isinstance(item.get("post"), Mapping) and "{" not in path:
            return path, item["post"]
    raise UsageError("this is no OpenAPI document of an endpoint: it has nothing to be posted to")


def _resolved(schema: Any, document: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """A schema without references, and without `null`, which no cell holds."""
    if depth > DEEPEST:
        raise UsageError("the OpenAPI document's schemas refer to themselves: such a model needs a job of your own")
    if not isinstance(schema, Mapping):
        return {}
    if isinstance(reference := schema.get("$ref"), str):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        return {**_resolved(found, document, depth + 1), **_own(schema)}
    choices = [one for name in ("anyOf", "oneOf", "allOf") for one in schema.get(name, ())]
    choices = [one for one in choices if not (isinstance(one, Mapping) and one.get("type") == "null")]
    if len(choices) == 1:
        return {**_resolved(choices[0], document, depth + 1), **_own(schema)}
    made = _own(schema)
    if choices:
        made["anyOf"] = [_resolved(one, document, depth + 1) for one in choices]
    if isinstance(kinds := made.get("type"), list):
        kinds = [one for one in kinds if one != "null"]
        made["type"] = kinds[0] if len(kinds) == 1 else kinds
    if isinstance(inside := schema.get("properties"), Mapping):
        made["properties"] = {name: _resolved(one, document, depth + 1) for name, one in inside.items()}
    if isinstance(schema.get("items"), Mapping):
        made["items"] = _resolved(schema["items"], document, depth + 1)
    if order := schema.get("x-fal-order-properties"):
        made["x-fal-order-properties"] = order
    return made


def _own(schema: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: schema[name] for name in _KEPT if name in schema}
    if kept.get("default", "") is None:
        del kept["default"]
    return kept


def _files(properties: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The inputs that hold pictures, and those that hold other files: by their names, or by being addresses."""
    images: set[str] = set()
    files: set[str] = set()
    for name, rules in properties.items():
        item = rules.get("items", {}) if rules.get("type") == "array" else rules
        linked = _LINK.search(name) or item.get("format") in ("uri", "url")
        if item.get("type") == "string" and linked and "enum" not in item:
            (images if _PICTURE.search(name) else files).add(name)
    return images, files


def _columns(order: Sequence[str], told: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The names of each input's column: those told, else the input's own, and that without `_url`."""
    taken = {title for titles in told.values() for title in titles} | {*order, "id"}
    made = {}
    for name in order:
        short = _LINK.sub("", name)
        if name in told:
            made[name] = tuple(told[name])
        elif short != name and short not in taken:
            taken.add(short)
            made[name] = (short, name)
        else:
            made[name] = (name,)
    return made


def _prices(told: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[str, dict[str, int]]:
    """The input that decides the price, and what is known of it."""
    by = str(told.get("by", ""))
    if by and by not in properties:
        by = ""
    if isinstance(amounts := told.get("usd"), Mapping):
        return by, {str(value): _micros(amount) for value, amount in amounts.items()}
    if amounts is not None:
        return "", {"": _micros(amounts)}
    if by and "usd_per_unit" in told:
        rate = told["usd_per_unit"]
        return by, {value: _micros(rate, count) for value, count in _counts(properties[by])}
    return by, {}


def _counts(rules: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    """Each value of an input that is counted, and how much it is: `"8s"` is 8."""
    values = rules.get("enum")
    if values is None and rules.get("type") == "integer":
        low, high = int(rules.get("minimum", 1)), rules.get("maximum")
        values = range(low, min(int(high), low + _COUNTED) + 1) if high is not None else ()
    for value in values or ():
        if found := _NUMBER.search(str(value)):
            yield str(value), Decimal(found[0])


def _micros(amount: object, count: Decimal = Decimal(1)) -> int:
    try:
        found = Decimal(str(amount))
        micros = int((found * count * _MICROS).to_integral_value()) if found.is_finite() else 0
    except InvalidOperation:
        micros = 0
    if micros <= 0:  # a row for nothing has room in every budget
        raise UsageError(f"{amount!r} is no price in US dollars")
    return micros


def _examples(order: Sequence[str], properties: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    """A row to begin with, where nobody wrote one."""
    row = {"id": "1"}
    if "prompt" in order and properties["prompt"].get("type") == "string":
        row["prompt"] = "What it shall show"
    return (row,)
