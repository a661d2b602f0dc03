"""Downloads that are struck dead: no half file under a final name, nothing fetched twice, nothing bought."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from batch.commands.batch import Batch
from batch.ledger.ledger import Ledger
from tests.support.media_server import MediaServer, Wrong, serving, write_authority
from tests.support.mp4_files import an_mp4
from tests.support.night import ROOT, until
from tests.support.video_rows import with_videos

CHILD = """
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from batch.api import open_batch
from batch.commands.download import DownloadOptions, download_batch
from batch.downloads.media_client import MediaClient
from batch.fal.transport import certificates

@asynccontextmanager
async def open_media(batch):
    async with MediaClient(certificates(), public_only=False, stall_seconds=20) as client:
        yield client

outcome = download_batch(open_batch(Path(sys.argv[1])), DownloadOptions(), print, open_media=open_media)
sys.exit(int(outcome.exit_code))
"""
ROWS, SIZE = 6, 1_500_000


def start(given: Batch, authority: Path) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"SSL_CERT_FILE": str(authority), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(given.manifest.path)], env=environment, cwd=ROOT)


def whole_files(given: Batch, videos: dict[str, bytes]) -> int:
    """How many stand under their names; each of them is a whole video."""
    folder = given.manifest.path.parent / "shots.csv.videos"
    found = sorted(folder.glob("*.mp4")) if folder.exists() else []
    digests = {hashlib.sha256(video).digest() for video in videos.values()}
    for path in found:
        assert hashlib.sha256(path.read_bytes()).digest() in digests, path
    return len(found)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_kill_leaves_no_half_file_under_a_name_and_loses_little(tmp_path: Path, share: float) -> None:
    """Struck while some are whole and others half: the next one goes on where they were."""
    videos = {f"/r{n}.mp4": an_mp4(SIZE, seed=n) for n in range(1, ROWS + 1)}
    authority = write_authority(tmp_path / "ca.pem")
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(serving(videos)) as server:
        assert isinstance(server, MediaServer)
        given = with_videos(tmp_path, [f"s{n}" for n in range(ROWS)], lambda name: server.url(f"/{name}.mp4"))
        for path in list(videos)[2:]:
            server.wrong[path] = [Wrong(stall=share)]
        child = start(given, authority)
        parts = tmp_path / "shots.csv.videos"
        enough = int(SIZE * share) - 300_000  # what the network holds is not on the disk yet
        until(lambda: len(list(parts.glob("*.mp4"))) == 2, child)
        until(lambda: sum(part.stat().st_size > enough for part in parts.glob("*.part")) >= 4, child)
        child.kill()
        child.wait()
        assert whole_files(given, videos) == 2
        child = start(given, authority)
        assert child.wait(30) == 0
        assert whole_files(given, videos) == ROWS
        assert not list(parts.glob("*.part"))
        assert server.sent <= 1.05 * ROWS * SIZE + 4 * 600_000  # four at work lose what was on its way to the disk
    with Ledger.read(given.ledger) as ledger:
        done = "SELECT COUNT(*), SUM(size) FROM video_file WHERE done_at IS NOT NULL"
        assert ledger.db.execute(done).fetchone() == (ROWS, ROWS * SIZE)
        assert ledger.db.execute("SELECT SUM(attempts), SUM(spent) FROM row").fetchone() == (ROWS, ROWS * 490_000)
