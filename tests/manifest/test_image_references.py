"""What a cell refers to, as people write it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.image_references import DataUri, LocalPath, Unusable, WebUrl, bare, parse_reference


def data_uri(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@given(st.text() | st.text().map("data:image/png;base64,".__add__) | st.text().map("https://".__add__))
def test_any_text_is_a_reference_of_one_of_four_kinds(text: str) -> None:
    """Total: no cell whatever raises, and nothing empty or with control characters comes through as usable."""
    found = parse_reference(text)
    match found:
        case Unusable(problem):
            assert problem
        case WebUrl(kept) | DataUri(kept) | LocalPath(kept):
            assert kept
            assert kept in text or text.lower().startswith("file:")
            assert kept.isprintable() or not any(character < " " for character in kept)


@given(st.binary(min_size=1, max_size=200))
def test_a_data_uri_gives_back_its_bytes(data: bytes) -> None:
    """Whatever they are."""
    uri = data_uri(data)
    assert parse_reference(uri) == DataUri(uri, "image/png", data)


@pytest.mark.parametrize(
    "text", ["https://example.com/a.png", "HTTP://example.com/a.png?x=1&y=ü", "https://user@host.example.com:8443/a"]
)
def test_a_web_address_stays_as_it_is(text: str) -> None:
    """Only the spaces around it go."""
    assert parse_reference(f"  {text}\n") == WebUrl(text)


@pytest.mark.parametrize(
    "text",
    [
        "images/s1.jpg",
        "C:\\shots\\y.png",
        "c:/shots/y.png",
        "/abs/ü b.png",
        "~/a.png",
        "\\\\server\\share\\a.png",
        "take:2.png",
    ],
)
def test_a_path_is_a_path(text: str) -> None:
    """Windows drives, shares, spaces, colons and tildes included."""
    assert parse_reference(f"\u202a{text} ") == LocalPath(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \u00a0\t ", "empty"),
        ("file://", "plain path"),
        ("file:///a%00b.png", "plain path"),
        ("file:///a%ff.png", "plain path"),
        ("FTP://host/a.png", "(ftp:) that fal cannot"),
        ("s3://bucket/a.png", "(s3:) that fal cannot"),
        ("blob:https://host/1", "(blob:) that fal cannot"),
        ("https:\\\\example.com\\a.png", "write / for each"),
        ("https://example.com/a.png, https://example.com/b.png", "more than one address"),
        ("https://example.com/a.png;https://example.com/b.png", "more than one address"),
        ("www.example.com/a.png", "write https://www.example.com/a.png if"),
        ("//cdn.example.com/a.png", "write https://cdn.example.com/a.png if"),
        ("http://127.0.0.1:8000/a.png", "out of fal's reach, for 127.0.0.1 is this computer"),
        ("https://nas/a.png", "out of fal's reach, for nas, a name without a dot"),
        ("https://www.dropbox.com/s/a/b.png?dl=0", "write https://www.dropbox.com/s/a/b.png?dl=1"),
        ("“https://localhost/ü.png”", "out of fal's reach, for localhost"),
        ("https://", "no host"),
        ("https:/host/a.png", "no host"),
        ("http://[half/a.png", "no host"),
        ("https://host/a b.png", "%20"),
        ("a\nb.png", "control character"),
        ("a\x00.png", "control character"),
        ("a\ud800.png", "control character"),
        ("data:text/plain;base64,QUJD", "not of an image"),
        ("data:,", "not of an image"),
        ("data:image/png;base64,QUJ", "base64"),
        ("data:image/png;base64,QU*D", "base64"),
        ("data:image/png;base64,", "base64"),
        ("data:image/png;base64", "base64"),
        ("data:image/svg+xml,%3Csvg/%3E", "base64"),
        ("data:image/png;base64,ü", "base64"),
    ],
)
def test_a_cell_that_refers_to_no_image_says_why(text: str, said: str) -> None:
    """One phrase with a remedy."""
    found = parse_reference(text)
    assert isinstance(found, Unusable)
    assert said in found.problem


QUOTED = ['"{}"', "'{}'", "“{}”", "„{}“", "«{}»", "‘{}’", "`{}`", "<{}>", ' \u202a"{}"\u200b\n', "\"'{}'\""]


@pytest.mark.parametrize("around", QUOTED)
@pytest.mark.parametrize("text", ["C:\\shots\\my kite.png", "images/kite.jpg", "https://example.com/a.png"])
def test_quotes_round_a_path_or_an_address_are_none_of_it(around: str, text: str) -> None:
    """Windows' "Copy as path" writes them, and word processors bend them."""
    assert parse_reference(around.format(text)) == parse_reference(text)
    assert not isinstance(parse_reference(text), Unusable)


@pytest.mark.parametrize("text", ["it's.png", '"half.png', 'half.png"', "a 'b' c.png", '5" disk.png'])
def test_quotes_inside_a_name_stay(text: str) -> None:
    """Only a pair round the whole is taken off."""
    assert parse_reference(text) == LocalPath(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:///home/anna/my%20kite.jpg", "/home/anna/my kite.jpg"),
        ("file:/home/anna/k%C3%BCste.jpg", "/home/anna/küste.jpg"),
        ("FILE://localhost/a.png", "/a.png"),
        ("file:///C:/shots/a.png", "C:/shots/a.png"),
        ("file://server/share/a.png", "//server/share/a.png"),
        ("file:images/a.png", "images/a.png"),
        ('"file:///a b.png"', "/a b.png"),
    ],
)
def test_a_file_address_is_the_path_that_it_stands_for(text: str, path: str) -> None:
    """As browsers copy it: percent signs decoded, a drive or a share as Windows writes it."""
    assert parse_reference(text) == LocalPath(path)


@pytest.mark.parametrize("text", ["//server/share/a.png", "/www.example.com/a.png", "wwwa.example.com/a.png"])
def test_a_path_that_looks_like_no_address_is_not_asked_about(text: str) -> None:
    """A share of Windows, a folder: only a name with a dot behind two slashes may be a host of the web."""
    assert parse_reference(text) == LocalPath(text)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "nas.local", "[::1]:80", "server"])
def test_what_this_machine_fetches_may_stand_on_this_machine(host: str) -> None:
    """The sandbox reaches it; fal never will, and only the caller says which of them it is."""
    url = f"http://{host}/a.png"
    assert parse_reference(url, fetched_here=True) == WebUrl(url)
    assert isinstance(parse_reference(url), Unusable)


def test_a_page_is_no_picture_wherever_it_is_fetched() -> None:
    """A rehearsal tells what the night would."""
    assert isinstance(parse_reference("https://www.dropbox.com/s/a/b.png?dl=0", fetched_here=True), Unusable)


@pytest.mark.parametrize("text", ["https://wsrv.nl/?url=https://example.com/a.png&w=640", "https://a.bc/x=1,y=2/a.png"])
def test_an_address_may_hold_another_one(text: str) -> None:
    """Services that scale pictures are told theirs so; commas are no second address."""
    assert parse_reference(text) == WebUrl(text)


@given(st.text(alphabet="\"'“”„«»<> \u202aab/"))
def test_what_was_made_bare_is_bare(text: str) -> None:
    """Cleaning is done once."""
    assert bare(bare(text)) == bare(text)
