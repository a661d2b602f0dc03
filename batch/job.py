"""The contract between the engine and a model: what one row means, as data.

A job names an endpoint, the JSON Schema of its input (as fal's OpenAPI gives it), the columns a
spreadsheet may use for each input, and what a request costs. The engine knows no model; `jobs/` holds one
file per family.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One endpoint, described."""

    name: str
    endpoint: str
    schema: Mapping[str, Any]
    """JSON Schema of the input object. Only what the row gives is sent; `default` documents fal's own."""
    columns: Mapping[str, Sequence[str]]
    """Input → the column names it goes by, the one to show first. Matched without case, space, `-`, `_`."""
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Input → what else people call it, in any language: a column of that title is asked about, never taken for it."""
    images: Sequence[str] = ()
    """Inputs that hold an image: a URL, a data URI, or a path relative to the manifest."""
    units: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Input → units a person may write behind its number (`5 s`)."""
    price_by: str
    """The input that decides the price."""
    prices: Mapping[str, int]
    """Value of `price_by` → price of one request, in millionths of a dollar."""
    output: Sequence[str]
    """Where the video's URL stands in the result."""
    typical_seconds: float
    """How long a request usually runs."""
    examples: Sequence[Mapping[str, str]] = ()
    """Rows of a table to begin with: title of a column → text."""

    def default(self, name: str) -> Any:
        """The value fal takes where the row gives none; None where there is no such value."""
        return self.schema["properties"][name].get("default")

    def price(self, arguments: Mapping[str, Any], prices: Mapping[str, int]) -> int | None:
        """Millionths of a dollar for one request with these arguments; None where the price is not known."""
        return prices.get(str(arguments.get(self.price_by, self.default(self.price_by))))

    def video_url(self, result: object) -> str | None:
        """The URL in a result of this endpoint, None where there is none."""
        for key in self.output:
            result = result.get(key) if isinstance(result, dict) else None
        return result if isinstance(result, str) and result else None


canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
"""The one JSON text of a value."""


def encoded(arguments: Mapping[str, Any]) -> str:
    """The one JSON text of arguments. By hand, for they are mostly texts and there may be a million of them."""
    pairs = [
        f"{encode_basestring(name)}:{encode_basestring(value) if type(value) is str else canonical(value)}"
        for name, value in sorted(arguments.items())
    ]
    return f"{{{','.join(pairs)}}}"
