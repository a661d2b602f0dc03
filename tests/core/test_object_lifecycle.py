"""How long files are kept: as typed, and as fal is told."""

import json

import pytest
from fal_client.client import StorageSettings, _normalize_upload_lifecycle, _object_lifecycle_headers

from batch.core.object_lifecycle import ObjectLifecycle
from batch.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 2_592_000),
        ("12h", 43_200),
        ("2w", 1_209_600),
        ("1y", 31_536_000),
        ("forever", None),
        (" Forever", None),
    ],
)
def test_what_is_typed_is_what_fal_is_told(text: str, seconds: int | None) -> None:
    """With the names that fal's own client uses."""
    kept = ObjectLifecycle.read(text)
    assert kept.seconds == seconds
    assert json.loads(kept.value) == {"expiration_duration_seconds": seconds}
    assert kept.request_headers == {"X-Fal-Object-Lifecycle-Preference": kept.value}


def test_an_upload_is_told_as_fals_own_client_tells_it() -> None:
    """By both headers: its CDN reads the one, its storage the other."""
    headers: dict[str, str] = {}
    _object_lifecycle_headers(headers, _normalize_upload_lifecycle(StorageSettings(expires_in="30d")))
    ours = ObjectLifecycle.read("30d").upload_headers
    assert {name: json.loads(value) for name, value in ours.items()} == {
        name: json.loads(value) for name, value in headers.items()
    }


@pytest.mark.parametrize("text", ["", "0d", "30", "d", "-1d", "1.5d", "30 d", "30m", "never", "99999d", "٣d"])
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError, match="write 12h, 30d"):
        ObjectLifecycle.read(text)
