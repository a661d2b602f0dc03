"""A whole night whose videos come down: the real command, by the way of a proxy, from fal's own host name."""

import json
from collections.abc import Mapping
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from batch.errors import Exit
from batch.sandbox import Queue, serve
from batch.sandbox.media import Fetch
from tests.support.mp4_files import an_mp4
from tests.support.night import Night, table

SIZE = 400_000


def render(given: Mapping[str, object], target: Path, /, *, fetch: Fetch) -> None:
    """Another video for each prompt, as long as it was bought."""
    prompt = str(given["prompt"])
    target.write_bytes(an_mp4(SIZE, float(str(given.get("duration", "5"))) + 0.04, seed=sum(prompt.encode())))


def test_videos_come_down_beside_the_night_and_any_time_later(tmp_path: Path) -> None:
    """Through the proxy that the environment names; nothing is bought again."""
    serving = serve(Queue(8, 0.05), folder=tmp_path / "service", render=render)
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(serving) as address:
        now = Night(tmp_path, address)
        shots = now.manifest(6)
        ended = now.run("run", shots, "--download", "clips", "--name", "{id}_{row:02}", "--log-file", "log.jsonl")
        assert ended.code == Exit.DONE, ended.err
        names = [f"r{n}_{n + 2:02}.mp4" for n in range(6)]
        assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == names
        assert [row["video_path"] for row in table(shots)] == [f"clips/{name}" for name in names]
        assert {(row["video_size"], row["video_type"]) for row in table(shots)} == {(str(SIZE), "video/mp4")}
        (tmp_path / "clips" / "r3_05.mp4").unlink()
        again = now.run("download", shots, "--verify", "--json")
        assert (again.code, json.loads(again.out)["videos"]["brought"]) == (Exit.DONE, 1)
        assert (tmp_path / "clips" / "r3_05.mp4").exists()
        assert len(now.address.queue.requests) == 6
        told = json.loads(now.run("status", shots, "--json", "--rows").out)
        assert [one["video_path"] for one in told["each_row"]] == [f"clips/{name}" for name in names]
        assert (tmp_path / "log.jsonl").read_text().count('"detail": "clips/') == 6
