"""The contract between the engine and a model: what one row means, as data.

A job names an endpoint, the JSON Schema of its input (as fal's OpenAPI gives it), the columns a
spreadsheet may use for each input, and what a request costs. The engine knows no model; `jobs/` holds one
file per family.
"""

import json
from collections.abc import Callable, Mapping, Sequence
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
    refused: Mapping[str, str] = field(default_factory=dict)
    """Name of a column that other models take and this one does not → what to say of a row that has something there."""
    images: Sequence[str] = ()
    """Inputs that hold an image, or a list of them: a URL, a data URI, or a path relative to the manifest."""
    files: Sequence[str] = ()
    """Inputs that hold any other file, likewise: audio, video."""
    units: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Input → units a person may write behind its number (`5 s`)."""
    price_by: str
    """The input that decides the price; "" where each request costs the same."""
    prices: Mapping[str, int]
    """Value of `price_by` → price of one request, in millionths of a dollar; those that are known."""
    output: Sequence[str]
    """Where the URL of what was made stands in the result; nothing: at the first file in it."""
    makes: str = "video"
    """`video`, `image`, `audio`, or `file` for anything else."""
    length_by: str = ""
    """The input that says how many seconds the video lasts, where there is one."""
    typical_seconds: float
    """How long a request usually runs."""
    first: bool = False
    """Ledgers that do not say of which model they are, are this one's."""
    examples: Sequence[Mapping[str, str]] = ()
    """Rows of a table to begin with: title of a column → text."""

    def default(self, name: str) -> Any:
        """The value fal takes where the row gives none; None where there is no such value."""
        return self.schema["properties"].get(name, {}).get("default")

    @property
    def local(self) -> list[str]:
        """The inputs that may name files of this machine."""
        return [*self.images, *self.files]

    def price_value(self, arguments: Mapping[str, Any]) -> str:
        """What decides the price of a request with these arguments, as `prices` has it; "" where nothing does."""
        value = arguments.get(self.price_by, self.default(self.price_by)) if self.price_by else None
        return "" if value is None else str(value)

    def price(self, arguments: Mapping[str, Any], prices: Mapping[str, int]) -> int | None:
        """Millionths of a dollar for one request with these arguments; None where the price is not known."""
        return prices.get(self.price_value(arguments))

    @property
    def price_values(self) -> list[str]:
        """The values that a price can be told for; none where any value may be."""
        if not self.price_by:
            return [""]
        return [str(one) for one in self.schema["properties"].get(self.price_by, {}).get("enum", ())] or [*self.prices]

    def video_url(self, result: object) -> str | None:
        """The URL in a result of this endpoint, None where there is none."""
        url = _at(result, self.output) if self.output else (_first_file(result) or {}).get("url")
        return url if isinstance(url, str) and url else None

    def video_size(self, result: object) -> int | None:
        """The bytes of the video, where a result of this endpoint says so beside the URL (fal docs: `File`)."""
        file = _at(result, self.output[:-1]) if self.output else _first_file(result)
        size = file.get("file_size") if isinstance(file, dict) else None
        return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None

    def seconds(self, arguments: Mapping[str, Any]) -> float | None:
        """How long the video of these arguments is to last; None where that is not known."""
        if not self.length_by:
            return None
        try:
            return float(arguments.get(self.length_by, self.default(self.length_by)))
        except (TypeError, ValueError):
            return None


def _no_job(_: str) -> Job | None:
    return None


@dataclass(frozen=True, slots=True)
class Models:
    """The models that a row may name, for whoever knows them; by default there are none."""

    names: Sequence[str] = ()
    find: Callable[[str], Job | None] = _no_job
    """The job of a name or of an endpoint; of "" the one that old ledgers are of. None: there is none."""
    stamp: Callable[[], str] = str
    """Gives another text where any of them has changed."""


_MADE = ("video", "videos", "images", "image", "audio", "audio_file", "model_mesh", "file")
"""Where results of fal's models have what was made, the first one first (fal docs: `File`, an object with a `url`)."""


def _at(result: object, path: Sequence[str]) -> object:
    for key in path:
        result = result.get(key) if isinstance(result, dict) else None
    return result


def _first_file(result: object) -> dict[str, Any] | None:
    """The first file in a result, wherever it stands."""
    if isinstance(result, list):
        return next((file for one in result if (file := _first_file(one))), None)
    if not isinstance(result, dict):
        return None
    if isinstance(url := result.get("url"), str) and url:
        return result
    named = [result[name] for name in _MADE if name in result]
    others = [one for name, one in result.items() if name not in _MADE]
    return next((file for one in (*named, *others) if (file := _first_file(one))), None)


canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
"""The one JSON text of a value."""


def encoded(arguments: Mapping[str, Any]) -> str:
    """The one JSON text of arguments. By hand, for they are mostly texts and there may be a million of them."""
    pairs = [
        f"{encode_basestring(name)}:{encode_basestring(value) if type(value) is str else canonical(value)}"
        for name, value in sorted(arguments.items())
    ]
    return f"{{{','.join(pairs)}}}"
