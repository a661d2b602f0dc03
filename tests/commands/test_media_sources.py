"""What videos are fetched from."""

from pathlib import Path

import pytest

from batch.commands.media_sources import media_source
from batch.downloads.media_client import MediaClient
from batch.downloads.media_reply import RefusedAddress
from batch.downloads.played_files import PlayedFiles


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_internet_or_a_sandboxs_own_folder(tmp_path: Path) -> None:
    """This machine's own addresses are the sandbox's only."""
    async with media_source(tmp_path) as played:
        assert isinstance(played, PlayedFiles)
    async with media_source(None) as source:
        assert isinstance(source, MediaClient)
        with pytest.raises(RefusedAddress):
            async with source.get("https://127.0.0.1/v.mp4"):
                raise AssertionError("it was asked")
