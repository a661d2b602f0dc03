"""Knows the endpoints that the sandbox offers: their prices, and the inputs that they refuse.

Facts: fal docs, pages of the Kling models; prices are those of the pages, per second of video in US dollars.
"""

from collections.abc import Iterator, Mapping

from batch.sandbox.outcomes import ERROR_PAGE, JSON

PRO = "fal-ai/kling-video/v2.1/pro/image-to-video"
DOLLARS_PER_SECOND: Mapping[str, float] = {
    PRO: 0.098,
    "fal-ai/kling-video/v2.1/standard/image-to-video": 0.056,
    "fal-ai/kling-video/v2.1/master/image-to-video": 0.28,
    "fal-ai/kling-video/v2.5-turbo/pro/image-to-video": 0.07,
    "fal-ai/kling-video/v2.5-turbo/standard/image-to-video": 0.042,
}
LONGEST_TEXT = 2500  # characters; reported, of the model upstream
DURATIONS = ("5", "10")


def app_of(endpoint: str) -> str:
    """`owner/alias`: what the URLs of a request keep of its endpoint."""
    return "/".join(endpoint.split("/")[:2])


def prices(endpoints: list[str]) -> list[JSON]:
    """The items of `GET /v1/models/pricing` for the endpoints among these that are known."""
    return [
        {"endpoint_id": name, "unit_price": DOLLARS_PER_SECOND[name], "unit": "second", "currency": "USD"}
        for name in endpoints
        if name in DOLLARS_PER_SECOND
    ]


def refusals(given: Mapping[str, object]) -> list[JSON]:
    """Every fault of an input, as pydantic details; empty when a runner would take it."""
    return [
        *_text(given, "prompt", required=True),
        *_text(given, "image_url", required=True, longest=None),
        *_text(given, "tail_image_url", longest=None),
        *_text(given, "negative_prompt"),
        *_duration(given),
        *_cfg_scale(given),
    ]


def _text(
    given: Mapping[str, object], key: str, *, required: bool = False, longest: int | None = LONGEST_TEXT
) -> Iterator[JSON]:
    value = given.get(key)
    if key not in given:
        if required:
            yield detail(key, "missing", "Field required", dict(given))
    elif not isinstance(value, str):
        if required or value is not None:
            yield detail(key, "string_type", "Input should be a valid string", value)
    elif longest is not None and len(value) > longest:
        message = f"String should have at most {longest} characters"
        yield detail(key, "string_too_long", message, value, {"max_length": longest})


def _duration(given: Mapping[str, object]) -> Iterator[JSON]:
    value = given.get("duration", "5")
    if value not in DURATIONS:
        yield detail("duration", "literal_error", "Input should be '5' or '10'", value, {"expected": "'5' or '10'"})


def _cfg_scale(given: Mapping[str, object]) -> Iterator[JSON]:
    value = given.get("cfg_scale", 0.5)
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield detail("cfg_scale", "float_type", "Input should be a valid number", value)
    elif value > 1:
        yield detail("cfg_scale", "less_than_equal", "Input should be less than or equal to 1", value, {"le": 1.0})
    elif not value >= 0:
        message = "Input should be greater than or equal to 0"
        yield detail("cfg_scale", "greater_than_equal", message, value, {"ge": 0.0})


def detail(key: str, kind: str, message: str, value: object, ctx: JSON | None = None) -> JSON:
    """One fault of an input, as pydantic tells it."""
    told: JSON = {"loc": ["body", key], "msg": message, "type": kind, "url": ERROR_PAGE + kind, "input": value}
    return told if ctx is None else {**told, "ctx": ctx}
