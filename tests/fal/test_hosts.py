"""Which addresses are fal's own: every other one, however alike it looks, is a stranger's."""

from urllib.parse import urlsplit

import aiohttp.client
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from batch.fal.hosts import LONGEST, NAMES, FalHosts

HOSTS = FalHosts("fal.run", "queue.fal.run", "falcon.corp:8443")

OWN = [
    "https://queue.fal.run/fal-ai/kling-video/requests/1/status?logs=0",
    "https://fal.run",
    "https://rest.fal.ai/storage/auth/token?storage_type=fal-cdn-v3",
    "https://v3.fal.media/files/upload",
    "https://queue.falrun.com:443/x",
    "https://QUEUE.FAL.RUN/x",
    "HTTPS://fal.run#x",
    "https://falcon.corp:8443/x",
]

FOREIGN = [
    "http://queue.fal.run/x",
    "https://fal.run.evil.net/",
    "https://evilfal.run/",
    "https://fal.run@evil.net/",
    "https://fal.run:443@evil.net/",
    "https://user@fal.run/",
    "https://user:word@queue.fal.run/",
    "https://evil.net/https://fal.run/",
    "https://evil.net#@fal.run/",
    "https://evil.net?.fal.run/",
    "https://evil.net\\.fal.run/",
    "https://evil.net\\@fal.run/",
    "https://fal.run\\@evil.net/",
    "https://fal.run\t.evil.net/",
    "https://fal.run\n.evil.net/",
    "https://fal.run%2eevil.net/",
    "https://fal.run%00.evil.net/",
    "https://fal.run./",
    "https://fal..run/",
    "https://.fal.run/",
    "https://fal.run:8443/",
    "https://fal.run:443443/",
    "https://fal.run:/",
    "https://falcon.corp/",
    "https://x.falcon.corp:8443/",
    "https://ｆal.run/",
    "https://fal。run/",
    "https://fal.ruń/",
    "https://xn--fl-zia.run/",
    "https://ſal.run/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/fal.run",
    "https://127.0.0.1/",
    "https://2130706433/",
    "//queue.fal.run/x",
    "queue.fal.run/x",
    "https:queue.fal.run/x",
    "https:///queue.fal.run/x",
    "wss://fal.run/",
    "file:///queue.fal.run",
    "javascript://fal.run/%0aalert(1)",
    " https://fal.run/",
    "https://fal.run/ x",
    "https://fal.run/\x00",
    "https://fal.run/" + "x" * 8000,
    "",
]


@pytest.mark.parametrize("url", OWN)
def test_fals_own_addresses_are_known(url: str) -> None:
    """All of its hosts and their subdomains, in any case, and those that a person set."""
    assert HOSTS.own(url)


@pytest.mark.parametrize("url", FOREIGN)
def test_an_address_that_only_looks_like_fals_is_a_strangers(url: str) -> None:
    """By its end, its beginning, a name of a user, a port, an alphabet, a number, a scheme."""
    assert not HOSTS.own(url)


TRICKS = ["https://", "http://", "//", "/", "\\", "@", ":", ":443", ".", "evil.net", "queue.", "#", "?", "[", "]"]
CODED = ["%2e", "%40", "%00", "\t", "\n", " ", "ｆ", "。"]
OTHERS = ["::1", "xn--", "-", "_", "a", "FAL.RUN", "user:word@", "ß", *NAMES]
PIECES = st.lists(st.sampled_from(TRICKS + CODED + OTHERS), max_size=6).map("".join)


@settings(max_examples=400)
@given(st.builds("https://{}fal.run{}".format, PIECES, PIECES))
def test_what_is_taken_for_fals_is_fals_to_every_reader_of_addresses(url: str) -> None:
    """aiohttp's own reader, httpx's and the standard library's all find one of fal's hosts, https, and no user."""
    if not HOSTS.own(url):
        return
    by_aiohttp, by_httpx, by_python = aiohttp.client.URL(url), httpx.URL(url), urlsplit(url)
    assert {by_aiohttp.scheme, by_httpx.scheme, by_python.scheme} == {"https"}
    hosts = {str(by_aiohttp.host), by_httpx.host, str(by_python.hostname)}
    assert len(hosts) == 1
    assert any(f".{host}".endswith(f".{name}") for host in hosts for name in NAMES)
    assert (by_aiohttp.user, by_httpx.userinfo, by_python.username) == (None, b"", None)
    assert {by_aiohttp.port, by_httpx.port or 443, by_python.port or 443} == {443}


@given(st.text(alphabet="abc.-", max_size=12), st.sampled_from(NAMES), st.text(alphabet="abc.-:@/", max_size=12))
def test_only_the_end_of_the_host_decides(before: str, name: str, after: str) -> None:
    """Whatever stands around fal's name: it is fal's where the host that is connected to ends with it."""
    url = f"https://{before}{name}{after}"
    if HOSTS.own(url):
        assert f".{URL(url).host}".endswith(f".{name}")


TOLD = ("fal.run", "queue.fal.run", "falcon.corp:8443", "")


@pytest.mark.parametrize("url", [*OWN, "https://other.corp/x", "https://rest.FAL.ai/x", "https://v3.fal.media"])
def test_a_persons_own_hosts_are_known_beside_fals(url: str) -> None:
    """Every one of them, and no empty one."""
    hosts = FalHosts(*TOLD, "other.corp")
    assert hosts.own(url)
    assert not FalHosts("", "corp").own("https:///x")
    assert not hosts.own("https://other.corp.net/x")
    assert not hosts.own("https://falxrun/x")
    assert not hosts.own("https://ſal.run/x")


def test_an_address_ends_somewhere() -> None:
    """A longer one is nobody's."""
    url = "https://fal.run/"
    assert FalHosts().own(url + "x" * (LONGEST - len(url)))
    assert not FalHosts().own(url + "x" * (LONGEST - len(url) + 1))


def test_an_address_about_another_request_is_not_about_this_one() -> None:
    """A receipt whose addresses name another request would bring that one's video."""
    assert HOSTS.about("https://queue.fal.run/a/requests/1/status", "1")
    assert HOSTS.about("https://queue.fal.run/v2/x?n=1", "1")
    assert not HOSTS.about("https://queue.fal.run/a/requests/2/status", "1")
    assert not HOSTS.about("https://queue.fal.run/a/requests/11", "1")
    assert not HOSTS.about("https://evil.net/a/requests/1", "1")
