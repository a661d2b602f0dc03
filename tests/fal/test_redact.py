"""No key and no control character in what is shown and kept, whoever echoes them."""

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.gateway import Finished, Refused, Video
from batch.fal import redact
from batch.fal.client import FalGateway
from batch.fal.redact import MESSAGE_LENGTH, SECRET_LENGTH, TYPE_LENGTH, Redactor, secrets_in
from jobs.kling import KLING_2_1_PRO
from tests.support.fal_gateway import NAME, RECEIPT, SECRET, SHOT, check_plain, gateway, result_of
from tests.support.wire_service import KEY, Wire, accepted, answering

pytestmark = pytest.mark.anyio

ECHOES = [
    KEY,
    SECRET,
    NAME,
    f"Key {KEY}",
    f"a\u001b[31m{KEY}",
    f"{'x' * 70}{KEY}",
    f"{'x' * 480}{KEY}",
    f"{'x' * 1980}{KEY}",
]
TROUBLE = "\u0000\u001b[2J\u0007\ud800\u202e\r\n\t\u0085\u2028"


@pytest.mark.parametrize("echo", [*ECHOES, TROUBLE], ids=range(len(ECHOES) + 1))
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422, 429, 500, 503])
async def test_no_answer_holds_the_key_or_a_control_character(
    status: int, echo: str, wire: Wire, service: FalGateway
) -> None:
    """Echoed anywhere in a reply, by the service or a proxy: in messages, types, results, URLs, headers."""
    header = {"X-Fal-Error-Type": "".join(c for c in echo if c.isprintable())}
    bodies = [
        answering(status, {"detail": echo, "error_type": echo}),
        answering(status, {"detail": "oh"}, header),
        answering(status, result_of({"loc": ["body", echo], "msg": echo, "type": echo})),
        answering(status, raw=echo.encode("utf-8", "surrogatepass")),
        answering(status, {"status": echo}),
        answering(status, {"status": "COMPLETED", "error": echo, "error_type": echo}),
        answering(status, {"status": "IN_QUEUE", "queue_position": echo}),
        answering(status, {"video": {"url": f"https://v3.fal.media/{echo}.mp4"}}),
        answering(status, accepted(1) | {"status_url": f"https://a/{echo}"}),
        answering(status, {"request_id": echo}),
    ]
    finished = Finished()
    for act in bodies:
        wire.act = act
        polled = await service.poll(RECEIPT)
        finished = polled if isinstance(polled, Finished) else finished
        for answer in (
            polled,
            await service.submit(SHOT),
            await service.collect(RECEIPT, finished),
            await service.cancel(RECEIPT),
        ):
            check_plain(answer)


async def test_the_result_of_a_sandbox_is_not_taken_for_a_secret(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that serves as key where any key does is not cut out of texts and paths."""
    monkeypatch.setenv("FAL_KEY", "sandbox")
    body = '{"video": {"url": "file:///shots.csv.sandbox/1.mp4"}}'
    wire.act = answering(200, raw=body.encode())
    async with FalGateway(KLING_2_1_PRO, local=lambda cell: None, played=True) as service:
        assert await service.collect(RECEIPT, Finished()) == Video(body, "file:///shots.csv.sandbox/1.mp4")


async def test_a_long_answer_is_cut_and_a_long_address_is_not(wire: Wire, service: FalGateway) -> None:
    """Messages are for a table's cell; the URL of a video is worthless when cut."""
    wire.act = answering(422, {"detail": "x" * 100_000})
    answer = await service.submit(SHOT)
    assert isinstance(answer, Refused)
    assert len(answer.message) == redact.MESSAGE_LENGTH
    url = "https://v3.fal.media/" + "x" * 5000
    wire.act = answering(200, {"video": {"url": url}})
    told = await service.collect(RECEIPT, Finished())
    assert isinstance(told, Video)
    assert told.url == url


async def test_the_key_is_in_no_description_of_anything(wire: Wire, service: FalGateway) -> None:
    """repr() and str() of the gateway, its parts, its answers and its errors."""
    wire.act = answering(401, {"detail": KEY})
    answers = [await service.submit(SHOT), await service.poll(RECEIPT)]
    parts = [service, service._client, service._http, service._http.headers, *answers]
    assert all(SECRET not in repr(part) + str(part) for part in parts)


async def test_fal_clients_own_log_holds_no_key(wire: Wire, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it might warn of goes to the screen: troubles of an upload that echo the key included."""
    wire.act = answering(400, {"detail": KEY})
    (tmp_path / "a.png").write_bytes(b"image")
    with caplog.at_level(logging.DEBUG):
        async with gateway(tmp_path) as service:
            answer = await service.prepare(SHOT | {"image_url": "file:a.png"})
            await service.submit(SHOT)
    check_plain(answer)
    assert SECRET not in caplog.text
    assert json.dumps(KEY) not in repr(answer)


# By itself


REDACTOR = Redactor(secrets_in(KEY))


def test_a_key_is_secret_as_a_whole_and_in_each_half() -> None:
    """Where it is long enough to be anybody's secret."""
    half = "x" * SECRET_LENGTH
    assert secrets_in(KEY) == [KEY, NAME, SECRET]
    assert secrets_in(half) == [half, half]
    assert secrets_in(half[1:]) == []
    assert set(secrets_in("twelve chars")) == {"twelve chars"}
    assert secrets_in("sandbox") == []
    assert secrets_in(f"short:{half}") == [f"short:{half}", half]


@given(st.lists(st.sampled_from([KEY, NAME, SECRET]) | st.text(), max_size=8))
def test_a_line_has_no_secret_and_nothing_that_does_not_print(parts: list[str]) -> None:
    """Whatever stands around it; made twice, it is the same line, and a plain one."""
    line = REDACTOR.line("".join(parts))
    assert line.isprintable()
    assert NAME not in line
    assert SECRET not in line
    assert REDACTOR.line(line) == line
    assert REDACTOR.plain(line) == bool(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a  b\n c\t", "a b c"),
        ("abc\x07def", "abc def"),
        ("\x1b[2Ja\x00\x00b", "[2Ja b"),
        ("héllo\u202eworld\ud800", "héllo world"),
        ("a\x00", "a"),
        ("a", "a"),
        ("\x00", ""),
    ],
)
def test_a_line_keeps_what_prints_and_has_one_space_for_all_that_does_not(text: str, line: str) -> None:
    """Words stay words: nothing else is put in, and nothing that prints is lost."""
    assert REDACTOR.line(text) == line


@given(st.text())
def test_a_text_without_the_key_stays_as_it_is(text: str) -> None:
    """Results are kept word for word, line ends and control characters included."""
    assert REDACTOR.text(text) == text


@pytest.mark.parametrize("text", ["", " a", "a ", "a  b", "a\nb", "a\x00", NAME, "\ud800"])
def test_what_would_have_to_be_changed_is_not_plain(text: str) -> None:
    """Nor is nothing at all."""
    assert not REDACTOR.plain(text)


@pytest.mark.parametrize(
    ("length", "kept"), [(MESSAGE_LENGTH - 1, None), (MESSAGE_LENGTH, None), (MESSAGE_LENGTH + 1, MESSAGE_LENGTH - 1)]
)
def test_a_message_is_cut_where_it_is_too_long_and_shows_it(length: int, kept: int | None) -> None:
    """To the letter."""
    assert REDACTOR.message("x" * length) == ("x" * length if kept is None else "x" * kept + "…")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ((), None),
        ((None, "", 0, [], " \n"), None),
        ((None, "missing", "bad_request"), "missing"),
        (("\x1b", "bad_request"), "bad_request"),
        (({"a": 1}, ["x"], True, 7), None),
        (("x" * TYPE_LENGTH,), "x" * TYPE_LENGTH),
        (("x" * (TYPE_LENGTH + 1),), "x" * TYPE_LENGTH),
        ((KEY,), "***"),
    ],
)
def test_the_type_of_an_error_is_the_first_name_that_is_given(said: tuple[object, ...], name: str | None) -> None:
    """Short, and a text; none where nothing is a name."""
    assert REDACTOR.error_type(*said) == name
