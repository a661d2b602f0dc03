"""What may become an address: http, https, and files by their place; nothing else, whatever a cell holds."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.report_page.safe_links import file_address, origin_of, shortened, web_address


@pytest.mark.parametrize(
    "text", ["https://v3.fal.media/files/a.mp4", "http://localhost:8080/x?y=1#z", "https://a-b.c/%20"]
)
def test_an_address_on_the_web_stays_as_it_is(text: str) -> None:
    """To the letter."""
    assert web_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://x.y/",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//v3.fal.media/a.mp4",
        "https://",
        "https://user:word@host/a.mp4",
        "https://host:99999999/a",
        "https://ho st/a",
        'https://host/"onerror="x',
        "https://host/<script>",
        "https://host/\u202egpj.exe",
        "https://host/a\nb",
        "https://[::1/a",
        " https://host/a",
        "https://host/" + "a" * 5000,
    ],
)
def test_nothing_else_becomes_a_link(text: str | None) -> None:
    """It is shown as text, or not at all."""
    assert web_address(text) == ""


@given(st.text())
def test_no_text_makes_a_link_that_leaves_its_attribute_or_scheme(text: str) -> None:
    """Nor the rule of a policy."""
    for one in (text, f"https://{text}", f"https://h/{text}"):
        address = web_address(one)
        assert address == "" or (urlsplit(address).scheme in ("http", "https") and not set(address) & set("\"'<> "))
        assert not set(origin_of(one)) & set("; ,'\"\n")


@given(st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]), min_size=1))
def test_a_file_of_any_name_is_named_from_the_page(name: str) -> None:
    """Always below `./`: no name is taken for a scheme, a host, a query or a fragment."""
    if name in (".", ".."):
        return
    address = file_address(f"/film/videos/{name}", "/film")
    assert unquote(address) == f"./videos/{name}"
    assert address.startswith("./")
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")


def test_files_elsewhere_are_named_from_the_page_too() -> None:
    """On Windows only those of the page's own drive."""
    assert file_address("/pictures/a.jpg", "/film/night") == "./../../pictures/a.jpg"
    assert file_address("C:/film/javascript:x.mp4", "C:/film") == "./javascript%3Ax.mp4"
    assert file_address("D:/a.jpg", "C:/film") == ""
    assert file_address("/film/a\0b", "/film") == ""


def test_long_names_keep_their_ends() -> None:
    """Where files differ."""
    assert shortened("a" * 80 + ".jpg") == "…" + "a" * 55 + ".jpg"
    assert shortened("a.jpg") == "a.jpg"
