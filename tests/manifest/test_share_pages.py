"""Addresses of pages that show a picture, in place of the picture's own."""

from urllib.parse import urlsplit

import pytest

from batch.manifest.share_pages import share_page


def told(url: str) -> str | None:
    return share_page(url, urlsplit(url).hostname or "")


DIRECT = {
    # a page: the picture's own address
    "https://www.dropbox.com/s/abc123/kite.jpg?dl=0": "https://www.dropbox.com/s/abc123/kite.jpg?dl=1",
    "https://www.dropbox.com/s/abc123/kite.jpg": "https://www.dropbox.com/s/abc123/kite.jpg?dl=1",
    "https://dropbox.com/scl/fi/x/kite.jpg?rlkey=k%2F1&st=9&dl=0": (
        "https://dropbox.com/scl/fi/x/kite.jpg?rlkey=k%2F1&st=9&dl=1"
    ),
    "https://drive.google.com/file/d/1a-B_c/view?usp=sharing": "https://drive.google.com/uc?export=download&id=1a-B_c",
    "https://drive.google.com/file/u/1/d/1a/edit": "https://drive.google.com/uc?export=download&id=1a",
    "https://drive.google.com/open?id=1a&usp=drive_fs": "https://drive.google.com/uc?export=download&id=1a",
    "https://drive.google.com/file/d/1a/view?resourcekey=0-x": (
        "https://drive.google.com/uc?export=download&id=1a&resourcekey=0-x"
    ),
    "https://studio-my.sharepoint.com/:i:/g/personal/a/Eb?e=4x": (
        "https://studio-my.sharepoint.com/:i:/g/personal/a/Eb?e=4x&download=1"
    ),
    "https://github.com/o/r/blob/main/kite.png": "https://github.com/o/r/raw/main/kite.png",
    "https://gitlab.com/o/r/-/blob/main/kite.png": "https://gitlab.com/o/r/-/raw/main/kite.png",
    "https://huggingface.co/datasets/o/r/blob/main/kite.png": "https://huggingface.co/datasets/o/r/resolve/main/kite.png",
    "https://www.google.com/imgres?imgurl=https%3A%2F%2Fexample.com%2Fa.png&h=1": "https://example.com/a.png",
    "https://commons.wikimedia.org/wiki/File:Kite_1.jpg": (
        "https://commons.wikimedia.org/wiki/Special:FilePath/Kite_1.jpg"
    ),
}
PAGES = [
    "https://www.dropbox.com/sh/abc/def?dl=1",
    "https://www.dropbox.com/scl/fo/x/y?rlkey=z&dl=0",
    "https://www.dropbox.com/home/film?preview=kite.jpg",
    "https://drive.google.com/drive/folders/1abc?usp=sharing",
    "https://drive.google.com/drive/u/0/my-drive",
    "https://docs.google.com/presentation/d/1abc/edit",
    "https://photos.google.com/share/AF1Q/photo/AF1Q",
    "https://photos.app.goo.gl/abc",
    "https://1drv.ms/i/s!Abc",
    "https://onedrive.live.com/?cid=1&id=2",
    "https://studio-my.sharepoint.com/personal/a/_layouts/15/onedrive.aspx?id=1",
    "https://www.icloud.com/iclouddrive/0abc#kite",
    "https://share.icloud.com/photos/0abc",
    "https://app.box.com/s/abc",
    "https://we.tl/t-abc",
    "https://mega.nz/file/abc#key",
    "https://www.figma.com/design/abc/Film",
    "https://unsplash.com/photos/a-red-kite-Ab1_cdEf-Gh",
    "https://imgur.com/gallery/abc",
    "https://ibb.co/abc",
    "https://www.flickr.com/photos/a/123/",
    "https://en.wikipedia.org/wiki/Kite",
]
FILES = [
    "https://www.dropbox.com/s/abc/kite.jpg?dl=1",
    "https://www.dropbox.com/scl/fi/x/kite.jpg?rlkey=k&raw=1",
    "https://dl.dropboxusercontent.com/s/abc/kite.jpg",
    "https://drive.google.com/uc?export=download&id=1a",
    "https://drive.google.com/uc?id=1a&export=view",
    "https://drive.google.com/thumbnail?id=1a&sz=w2000",
    "https://drive.usercontent.google.com/download?id=1a",
    "https://lh3.googleusercontent.com/d/1a",
    "https://studio.sharepoint.com/:i:/g/a?download=1",
    "https://studio.sharepoint.com/_layouts/15/download.aspx?share=x",
    "https://onedrive.live.com/download?resid=1",
    "https://raw.githubusercontent.com/o/r/main/kite.png",
    "https://github.com/o/r/raw/main/kite.png",
    "https://github.com/o/r/blob/main/kite.png?raw=true",
    "https://upload.wikimedia.org/wikipedia/commons/a/a9/Kite.jpg",
    "https://i.imgur.com/abc.png",
    "https://imgur.com/abc.png",
    "https://images.unsplash.com/photo-123?w=1080",
    "https://unsplash.com/photos/Ab1_cdEf-Gh/download?force=true",
    "https://i.ibb.co/abc/kite.png",
    "https://cdn.discordapp.com/attachments/1/2/kite.png?ex=1",
    "https://v3.fal.media/files/a/kite.png",
    "https://example.com/dropbox.com/s/abc?dl=0",
    "https://notdropbox.com/s/abc?dl=0",
    "https://storage.googleapis.com/b/file/d/1",
]


@pytest.mark.parametrize("page", DIRECT)
def test_a_page_is_said_to_be_one_with_the_address_of_its_picture(page: str) -> None:
    """The picture's own address is one that is taken, and keeps the keys that the page's had."""
    found = told(page)
    assert found is not None
    assert found.startswith("is a page of ")
    assert f"write {DIRECT[page]}" in found.split(" (")[0]
    assert told(DIRECT[page]) is None


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_an_address_for_its_picture_has_the_other_remedy(page: str) -> None:
    """A folder, an album, or a service that gives no such address."""
    found = told(page)
    assert found is not None
    assert found.endswith("download the picture and give the path of its file, which is uploaded")


@pytest.mark.parametrize("url", FILES)
def test_the_address_of_a_picture_is_no_page(url: str) -> None:
    """Of the same services, too, and of hosts that only sound like them."""
    assert told(url) is None
