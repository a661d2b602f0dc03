"""The sandbox behind `--sandbox` and on its own: what it needs, where it leads, where it goes on."""

import importlib.util
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from batch.commands.batch import Batch, open_batch
from batch.commands.sandbox import connect_sandbox, require_extra, serve_alone
from batch.core.gateway import Accepted, Finished, SubmitAnswer, Waiting
from batch.core.paths import sandbox_home
from batch.errors import MissingExtra, UsageError
from batch.sandbox import Queue, serve
from batch.sandbox.faults import KINDS, REQUEST_FAULTS
from batch.sandbox.outcomes import names
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.loopback import SHOT
from tests.support.night import Night, statuses

FOREIGN = {
    "HTTP_PROXY": "http://proxy.example:3128",
    "all_proxy": "http://proxy.example:3128",
    "FAL_KEY": "real-key",
    "FAL_KEY_ID": "real",
    "FAL_QUEUE_RUN_HOST": "queue.example",
    "NO_PROXY": "*",
}


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """An environment that leads to a real service; put back afterwards."""
    before = dict(os.environ)
    os.environ.update(FOREIGN)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def rehearsal(tmp_path: Path) -> Batch:
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,image\na ship,https://example.com/ship.png\n")
    return open_batch(shots, JOB, sandbox=True)


def submitted(batch: Batch) -> SubmitAnswer:
    """One request sent to the sandbox of a batch."""
    return sent(batch)[0]


def sent(batch: Batch) -> tuple[SubmitAnswer, dict[str, str]]:
    """The same, and the environment that it was sent from."""

    async def send() -> tuple[SubmitAnswer, dict[str, str]]:
        async with connect_sandbox(batch) as gateway:
            return await gateway.submit(dict(SHOT)), dict(os.environ)

    return anyio.run(send)


@pytest.mark.usefixtures("elsewhere")
def test_a_rehearsal_that_is_over_leads_nowhere_else(rehearsal: Batch) -> None:
    """A program that rehearses a table and then runs it has its own key and its own way to fal for that."""
    before = dict(os.environ)
    assert isinstance(submitted(rehearsal), Accepted)
    assert dict(os.environ) == before


@pytest.mark.usefixtures("elsewhere")
def test_a_rehearsal_reaches_its_own_service_whatever_the_environment_says(rehearsal: Batch) -> None:
    """No proxy, no host and no key of the real night is left; what it makes stands in its own folder."""
    answer, environment = sent(rehearsal)
    assert isinstance(answer, Accepted)
    assert not {name for name in ("HTTP_PROXY", "all_proxy", "FAL_KEY_ID", "FAL_QUEUE_RUN_HOST") if name in environment}
    assert (environment["FAL_KEY"], environment["NO_PROXY"]) == ("sandbox", "")
    assert environment["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    home = sandbox_home(rehearsal.manifest.path)
    assert (home / "videos").is_dir()
    assert answer.receipt.request_id in (home / "requests.jsonl").read_text()
    assert sorted(path.name for path in home.parent.iterdir()) == ["shots.csv", "shots.csv.sandbox"]


@pytest.mark.usefixtures("elsewhere")
def test_a_rehearsal_goes_on_where_an_earlier_one_ended(rehearsal: Batch) -> None:
    """It knows the requests of the last time, and gives no id a second time."""
    first = submitted(rehearsal)
    assert isinstance(first, Accepted)

    async def again() -> tuple[object, SubmitAnswer]:
        async with connect_sandbox(rehearsal) as gateway:
            return await gateway.poll(first.receipt), await gateway.submit(dict(SHOT))

    known, second = anyio.run(again)
    assert isinstance(known, Waiting | Finished)
    assert isinstance(second, Accepted)
    assert second.receipt.request_id != first.receipt.request_id


@pytest.mark.usefixtures("elsewhere")
def test_a_rehearsal_begun_anew_gives_no_id_of_an_earlier_one(rehearsal: Batch) -> None:
    """The service's own record may be deleted; a ledger may know the ids still."""
    first = submitted(rehearsal)
    (sandbox_home(rehearsal.manifest.path) / "requests.jsonl").unlink()
    second = submitted(rehearsal)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.receipt.request_id != second.receipt.request_id


def test_what_is_not_installed_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it at once, before the first request."""
    require_extra()
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "trustme", None)
    assert importlib.util.find_spec("av") is None
    with pytest.raises(MissingExtra, match=r"needs av, trustme: .* -m pip install 'av>=.*' 'trustme>=.*'$"):
        require_extra()


def test_a_rehearsal_without_the_extra_makes_nothing(rehearsal: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even its folder."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtra, match="uvicorn"):
        submitted(rehearsal)
    assert not sandbox_home(rehearsal.manifest.path).exists()


def test_a_fault_that_cannot_be_meant_is_refused_before_anything_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is pointed to a service that is not there."""
    with pytest.raises(UsageError, match="nonsense"):
        serve_alone(0, 2, 1.0, tmp_path / "kept", ["submit:1=nonsense"], {}, queue_seconds=0.0)
    assert capsys.readouterr().out == ""


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its number."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on port {port}"):
            serve_alone(
                port, 2, 1.0, tmp_path, [], {"lag": 0.0, "lists_queued": False, "refuse": None}, queue_seconds=0.0
            )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", ["check", "run", "status", "cancel"])
def test_the_results_of_a_rehearsal_are_known_for_what_they_are(command: str, tmp_path: Path) -> None:
    """Given as a table they are refused with the table that is meant; a table that only sounds like one is not."""
    now = Night(tmp_path)
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,image\na ship,https://example.com/ship.png\n")
    played = tmp_path / "shots.sandbox.csv"
    played.write_text(shots.read_text())
    assert now.run("check", played).code == 0
    sandbox_home(shots).mkdir()
    refused = now.run(command, played)
    assert refused.code == 2
    assert f"{played} holds the results of a rehearsal of {shots}: name {shots} itself" in refused.err
    assert now.run("check", shots).code == 0


def test_a_rehearsal_can_be_one_of_a_bad_night(tmp_path: Path) -> None:
    """`run --sandbox --fault`: what goes wrong does, and the real night has no such option."""
    now = Night(tmp_path)
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,image\na,https://example.com/a.png\nb,https://example.com/b.png\n")
    refused = now.run("run", shots, "--fault", "submit:1=503")
    assert (refused.code, "give --sandbox, too" in refused.err) == (2, True)
    nonsense = now.run("run", shots, "--sandbox", "--fault", "submit:1=nonsense")
    assert (nonsense.code, "there is no fault 'nonsense'" in nonsense.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == [shots.name]
    bad = ("--fault", "run:1=content_policy_violation", "--fault", "status:1-2=503")
    ended = now.run("run", shots, "--sandbox", *bad, "--concurrency", 1)
    assert ended.code == 1, ended.err
    assert statuses(tmp_path / "shots.sandbox.csv") == {"failed": 1, "succeeded": 1}
    assert "1 failed with content_policy_violation" in ended.err
    assert "--fault" not in ended.err.partition("next:")[2]


def test_the_help_lists_what_can_go_wrong(tmp_path: Path) -> None:
    """Every kind, fault and outcome, within the width of a terminal."""
    told = Night(tmp_path).run("sandbox", "--help-all")
    assert told.code == 0
    assert {*KINDS, *REQUEST_FAULTS, *names(), "accept_then_502_nginx"} <= set(re.findall(r"\w+", told.out))
    assert max(map(len, told.out.splitlines())) < 120


def test_the_environment_names_its_certificate_wherever_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--folder` may be relative, and who reads the environment be somewhere else."""
    monkeypatch.chdir(tmp_path)

    async def told() -> dict[str, str]:
        async with serve(Queue(), folder=Path("kept")) as address:
            return address.environment()

    found = anyio.run(told)
    assert found["SSL_CERT_FILE"] == found["NODE_EXTRA_CA_CERTS"]
    assert Path(found["SSL_CERT_FILE"]).is_relative_to(tmp_path / "kept")
