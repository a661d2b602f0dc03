"""One sheet of several models over real sockets: every row at its own endpoint, its file beside it, kills or not."""

import json
import shutil
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from batch.sandbox import Queue
from batch.sandbox.models import DOLLARS_PER_SECOND
from jobs.library import built_in
from tests.jobs.test_openapi import DOCUMENTS
from tests.support.night import Night, kill, ledger, service, statuses, table, until

PRO, STANDARD, TURBO = (
    built_in(name).endpoint for name in ("kling-2.1-pro", "kling-2.1-standard", "kling-2.5-turbo-pro")
)
NAMES = {"": PRO, "kling-2.1-standard": STANDARD, "kling-2.5-turbo-pro": TURBO}


def mixed(folder: Path, shots: int) -> Path:
    """Every shot at each of three models, with the very same cells beside the model's."""
    path = folder / "shots.csv"
    lines = [f"{name},shot {n},https://example.com/{n}.png\n" for n in range(shots) for name in NAMES]
    path.write_text("model,prompt,image\n" + "".join(lines))
    return path


def assert_each_has_its_own(now: Night, path: Path) -> None:
    """By the service's own word of where each request went, and what for."""
    asked = {one.id: (one.endpoint, one.input["prompt"]) for one in now.address.queue.requests}
    assert set(Counter(asked.values()).values()) == {1}
    for row in table(path):
        assert asked[row["request_id"]] == (NAMES[row["model"]], row["prompt"])
        assert row["request_id"] in row["video_url"]


def test_each_row_goes_to_the_endpoint_of_its_model(tmp_path: Path) -> None:
    """At its price, after which fal is asked for each; nothing is bought a second time."""
    with service(Queue(20, 0.05)) as address:
        now = Night(tmp_path, address)
        path = mixed(tmp_path, 4)
        checked = now.run("check", path)
        assert "kling-2.1-standard: 4 for $1.12 (4 of 5 s for $1.12)" in checked.out
        assert "to run: 12 rows for $4.48" in checked.out
        ended = now.run("run", path, "--max-spend", "5")
        assert ended.code == 0, ended.err
        assert_each_has_its_own(now, path)
        assert len(address.queue.requests) == 12
        costs = Counter((row["model"], row["cost_usd"]) for row in table(path))
        assert costs == {("", "0.49"): 4, ("kling-2.1-standard", "0.28"): 4, ("kling-2.5-turbo-pro", "0.35"): 4}
        assert now.run("run", path).code == 0
        assert len(address.queue.requests) == 12


@pytest.mark.parametrize("after", [1, 5, 9])
def test_a_mixed_night_that_is_killed_is_taken_up_where_it_was(tmp_path: Path, after: int) -> None:
    """By SIGKILL in the middle of its submits; what was on its way is looked up in its own endpoint's records."""
    with service(Queue(20, 0.2)) as address:
        now = Night(tmp_path, address)
        path = mixed(tmp_path, 4)
        child = now.start("run", path)
        until(lambda: len(address.queue.requests) >= after, child)
        kill(child)
        ended = now.run("run", path, "--max-runtime", "20s")
        assert ended.code in (0, 3, 4), ended.err
        asked = Counter((one.endpoint, one.input["prompt"]) for one in address.queue.requests)
        assert max(asked.values()) == 1
        found = {one.id: (one.endpoint, one.input["prompt"]) for one in address.queue.requests}
        for row in table(path):
            if row["status"] == "succeeded":
                assert found[row["request_id"]] == (NAMES[row["model"]], row["prompt"])
        assert statuses(path)["succeeded"] >= 10


def test_a_reply_that_is_lost_is_found_in_the_records_of_its_own_model(tmp_path: Path) -> None:
    """Whichever of three equal shots it was."""
    with service(Queue(20, 0.05), "submit:2=cut_after") as address:
        now = Night(tmp_path, address)
        path = mixed(tmp_path, 1)
        assert now.run("run", path, "--concurrency", "1").code == 0
        assert_each_has_its_own(now, path)
        asked = ledger(path, "SELECT COUNT(DISTINCT endpoint_id) FROM row")
        assert asked == [(3,)]


def test_models_that_make_unlike_things_are_rehearsed_side_by_side(tmp_path: Path) -> None:
    """A video, pictures and a voice from one sheet: each as its own document has it, and each file of its kind."""
    now = Night(tmp_path)
    path = tmp_path / "shots.csv"
    path.write_text(
        "model,prompt,image,text,num_images\n"
        "kling-3.0-pro,a boat,https://x.y/a.png,,\nspeech,,,hello,\nflux,a kite,,,2\n,a boat,https://x.y/a.png,,\n"
    )
    for name in ("flux", "speech"):
        endpoint = json.loads((DOCUMENTS / f"{name}-like.json").read_text())["info"]["x-fal-metadata"]["endpointId"]
        added = now.run(
            *("model", "add", endpoint, "--openapi", DOCUMENTS / f"{name}-like.json", "--name", name, "--beside", path)
        )
        assert added.code == 0, added.err
    ended = now.run("run", path, "--sandbox", "--download", tmp_path / "made")
    assert ended.code == 0, ended.err
    rows = table(tmp_path / "shots.sandbox.csv")
    made = [Path(unquote(urlsplit(row["video_url"]).path)).read_bytes()[:12] for row in rows]
    assert [one[4:8] if one[4:8] == b"ftyp" else one[:4] for one in made] == [b"ftyp", b"RIFF", b"\x89PNG", b"ftyp"]
    assert [Path(row["video_path"]).suffix for row in rows] == [".mp4", ".wav", ".png", ".mp4"]
    shutil.rmtree(tmp_path / "shots.csv.sandbox")


def test_a_name_that_is_no_model_is_a_problem_of_its_row_alone(tmp_path: Path) -> None:
    """`check` says which may have been meant; the others run."""
    with service(Queue(20, 0.05)) as address:
        now = Night(tmp_path, address)
        path = mixed(tmp_path, 1)
        path.write_text(path.read_text().replace("kling-2.1-standard", "kling-2.1-standart"))
        checked = now.run("check", path)
        assert checked.code == 1
        assert "is no model: did you mean kling-2.1-standard" in checked.out
        assert now.run("run", path).code == 1
        assert statuses(path) == {"succeeded": 2, "invalid": 1}
        assert len(address.queue.requests) == 2


def test_the_sandbox_tells_the_prices_of_each() -> None:
    """The three that these nights are of."""
    assert {PRO, STANDARD, TURBO} <= DOLLARS_PER_SECOND.keys()
