"""Opens what videos are fetched from: the internet, or the service that is played on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from batch.downloads.downloader import MediaSource


@asynccontextmanager
async def media_source(played: Path | None) -> AsyncIterator[MediaSource]:
    """The internet; or the folder of a sandbox, and this machine.

    Raises:
        UsageError: the environment names certificates that cannot be used.
    """
    from batch.downloads.media_client import MediaClient  # aiohttp: only where something is fetched
    from batch.downloads.played_files import PlayedFiles
    from batch.fal.transport import certificates

    async with MediaClient(certificates(), public_only=played is None) as client:
        yield PlayedFiles(played, client) if played else client
