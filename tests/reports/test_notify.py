"""Messages to twelve kinds of targets, all on this machine; none changes how a run ends, and none holds a secret."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.errors import Exit
from batch.reports.notify import TRIES, Notifier
from tests.support.message_services import Received, message_services
from tests.support.night import night

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # a library of apprise's

PASSWORD = "s3cr3t-password"
TARGETS = {
    "mailto": "mailto://me:" + PASSWORD + "@127.0.0.1:{mail}/?from=me@example.com&to=you@example.com&mode=insecure",
    "json": "json://me:" + PASSWORD + "@127.0.0.1:{port}/json",
    "xml": "xml://127.0.0.1:{port}/xml",
    "form": "form://127.0.0.1:{port}/form",
    "ntfy": "ntfy://me:" + PASSWORD + "@127.0.0.1:{port}/topic",
    "gotify": "gotify://127.0.0.1:{port}/A" + "b" * 14,
    "mattermost": "mmost://127.0.0.1:{port}/" + "a1b2c3d4e5f6a1b2c3d4e5f6a1",
    "rocketchat": "rocket://aaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@127.0.0.1:{port}/%23night",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#night",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "teams": "workflows://prod-06.westus.logic.azure.com:443/a1b2c3d4e5f6/Signature-Of-The-Flow",
    "telegram": "tgram://123456789:abcdefg_hijklmnop/12315544",
}
"""Kind → its address, on loopback by itself or by way of the proxy that is every host."""


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    with message_services(tmp_path) as received:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{received.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(received.authority))
        yield received


def address(kind: str, received: Received) -> str:
    return TARGETS[kind].replace("{port}", str(received.port)).replace("{mail}", str(received.mail_port))


def notifier(received: Received, *kinds: str) -> tuple[Notifier, list[str], list[float]]:
    said: list[str] = []
    slept: list[float] = []
    urls = [address(kind, received) for kind in kinds]
    return Notifier(urls, said.append, "shots.csv", sleep=slept.append), said, slept


@pytest.mark.parametrize("kind", TARGETS)
def test_a_message_arrives_whole_wherever_it_is_sent(
    services: Received, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Subject and text; and nothing of the address is written down anywhere."""
    caplog.set_level(logging.DEBUG, "apprise")
    one, said, _ = notifier(services, kind)
    one.end("3 of 4 done, 1 failed", "a letter\nnext: kling-batch rerun shots.csv", {"exit_code": 1})
    assert said == []
    came = (
        services.text().replace("\\/", "/").replace("+", " ").replace("%3A", ":").replace("%2C", ",").replace("=\n", "")
    )
    assert "3 of 4 done" in came or "My4gb2YgNA" in came
    assert "kling-batch rerun" in came
    shown = caplog.text + "".join(capfd.readouterr())
    assert PASSWORD not in shown
    assert address(kind, services) not in shown


@pytest.mark.parametrize("kind", ["mailto", "json", "ntfy", "discord"])
def test_the_report_is_attached_where_files_are_taken(services: Received, kind: str) -> None:
    """As JSON; its temporary file is gone."""
    one, said, _ = notifier(services, kind)
    one.end("done", "a letter", {"exit_code": 0, "rows": 3})
    assert said == []
    assert "report.json" in services.text()


@pytest.mark.parametrize("kind", ["mailto", "json", "discord"])
def test_the_page_goes_with_it_unless_it_is_too_large(
    services: Received, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own name; what is too large is left out, and the message comes all the same."""
    one, said, _ = notifier(services, kind)
    one.end("done", "a letter", {"rows": 3}, ("shots.report.html", "<!doctype html>"))
    assert "shots.report.html" in services.text()
    monkeypatch.setattr("batch.reports.notify.MOST_ATTACHED", 10)
    services.posts.clear()
    services.mails.clear()
    one.end("done", "a letter", {"rows": 3}, ("shots.report.html", "<!doctype html>"))
    assert "report.json" in services.text()
    assert "shots.report.html" not in services.text()
    assert said == []


def test_a_service_that_fails_is_tried_three_times(services: Received) -> None:
    """With a pause between; the third one that goes well is enough."""
    one, said, slept = notifier(services, "json")
    services.refuse = TRIES - 1
    one.end("done", "a letter")
    assert (len(services.posts), said, len(slept)) == (TRIES, [], TRIES - 1)


def test_what_cannot_be_sent_is_said_by_its_kind_and_the_others_are_sent(services: Received) -> None:
    """Nothing more of an address is shown."""
    one, said, _ = notifier(services, "json", "mailto")
    services.refuse = TRIES
    one.end("done", "a letter")
    assert said == [f"the message to json://… could not be sent, in {TRIES} tries"]
    assert len(services.mails) == 1


@pytest.mark.parametrize("url", ["nonsense", "nosuch://me:secret@host/", "json://", ""])
def test_an_address_that_nothing_is_known_of_is_said_at_the_beginning(services: Received, url: str) -> None:
    """Without what may be its password; and the run goes on."""
    said: list[str] = []
    one = Notifier([url], said.append, "shots.csv")
    one.begin()
    one.end("done", "a letter")
    assert len(said) == 1
    assert "address 1" in said[0]
    assert "secret" not in said[0]


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else is different."""
    import sys

    monkeypatch.setitem(sys.modules, "apprise", None)
    said: list[str] = []
    one = Notifier(["json://127.0.0.1"], said.append, "shots.csv")
    one.begin()
    one.end("done", "a letter")
    assert len(said) == 1
    assert "pip install 'kling-batch[notify]'" in said[0]


def test_a_service_whose_code_breaks_ends_no_night(services: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises."""
    import apprise

    def broken(*_: object, **__: object) -> bool:
        raise RuntimeError("of another's making")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    one, said, _ = notifier(services, "json")
    one.end("done", "a letter")
    assert said == [f"the message to json://… could not be sent, in {TRIES} tries"]


def test_a_real_run_tells_after_all_is_on_disk_and_ends_as_it_would(tmp_path: Path, services: Received) -> None:
    """An error that ends the command is told of, too; a target that is gone changes no exit code."""
    key = "sandbox-key-0123456789"
    film = tmp_path / "film"
    film.mkdir()
    with night(film, keys=frozenset({key})) as now:
        shots = now.manifest(2)
        more = {"FAL_KEY": key, "KLING_BATCH_NOTIFY": f"{address('json', services)} json://127.0.0.1:1/"}
        ended = now.run("run", shots, more=more)
        assert ended.code == Exit.DONE
        assert "the message to json://… could not be sent, in 3 tries" in ended.err
        (post,) = services.posts
        told = json.loads(post[2])
        assert told["title"] == "shots.csv: 2 of 2 rows done"
        assert "2 of 2 rows have their video" in told["message"]
        ended = now.run("run", "gone.csv", more={**more, "KLING_BATCH_NOTIFY": address("json", services)})
        assert ended.code == Exit.UNUSABLE
        assert json.loads(services.posts[-1][2])["title"] == "gone.csv: the run could not go on"
        assert key not in services.text()
        assert PASSWORD not in ended.err
