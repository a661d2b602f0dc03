"""Tells when two requests ask for the same: whole arguments, fal's defaults filled in. Pure."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Equality:
    """When two requests to one endpoint ask for the same.

    Keys that the job does not know are fal's own additions, and tell nothing.

    Args:
        defaults: every input with what fal takes where it is not given; empty: not known.
    """

    defaults: Mapping[str, Any]
    endpoint: str = ""

    def form(self, arguments: Mapping[str, Any]) -> str:
        """The one text of all requests that ask for the same."""
        known = {name: arguments[name] for name in arguments if name in self.defaults} if self.defaults else arguments
        whole = {**self.defaults, **known}
        return json.dumps({name: _normal(value) for name, value in sorted(whole.items()) if value is not None})

    def same(self, one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
        """Whether they ask for the same."""
        return other is not None and self.form(one) == self.form(other)

    @property
    def endpoint_digest(self) -> bytes:
        """8 bytes for the endpoint."""
        return hashlib.blake2b(self.endpoint.encode(), digest_size=8).digest()

    def digest(self, arguments: Mapping[str, Any]) -> bytes:
        """16 bytes that are equal for equal requests to one endpoint."""
        return hashlib.blake2b(f"{self.endpoint} {self.form(arguments)}".encode(), digest_size=16).digest()


def _normal(value: Any) -> Any:
    """Texts in one Unicode form, with one kind of line end; numbers in one form."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value
