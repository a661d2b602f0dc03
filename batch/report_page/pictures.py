"""Finds the pictures that a row names: files of this machine, web addresses, data inside of cells."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch.job import Job
from batch.manifest.image_files import ImageFinder
from batch.manifest.image_references import DataUri, LocalPath, WebUrl, parse_reference
from batch.report_page.page import Picture
from batch.report_page.safe_links import file_address, shortened, web_address
from batch.report_page.thumbnails import Thumbnails, shrunk_file


@dataclass(frozen=True, slots=True)
class Found:
    """A picture before its small copy is made. `key` is what the copy is asked by; None: there is to be none."""

    name: str
    key: Path | str | None = None
    href: str = ""
    is_online: bool = False

    def shown(self, thumbnails: Thumbnails) -> Picture:
        """As it stands on the page, once the copies are made."""
        name = thumbnails.name(self.key) if self.key is not None else ""
        address = f"./{_quoted(thumbnails.folder.name)}/{name}" if name else ""
        return Picture(name=self.name, thumbnail=address, href=self.href, is_online=self.is_online)


@dataclass(slots=True)
class PictureFinder:
    """Finds the pictures of rows, and asks for their small copies.

    Args:
        table_folder: from which paths in cells count.
        page_folder: from which the page names files.
    """

    table_folder: Path
    page_folder: Path
    thumbnails: Thumbnails
    _finder: ImageFinder = field(default_factory=ImageFinder)

    def ends(self, job: Job, arguments: Mapping[str, Any]) -> tuple[Found | None, Found | None]:
        """The first and the last picture of a row; one picture is the first."""
        cells = list(_cells(job.images, arguments))
        first = self._found(cells[0]) if cells else None
        return first, self._found(cells[-1]) if len(cells) > 1 else None

    def _found(self, text: str) -> Found:
        match parse_reference(text, fetched_here=True):
            case WebUrl(url):
                return Found(shortened(url), href=web_address(url), is_online=True)
            case DataUri(_, media_type, data):
                key = f"data:{hashlib.sha256(data).hexdigest()}"
                self.thumbnails.ask_bytes(key, data)
                return Found(f"{media_type} in the cell", key)
            case LocalPath(path):
                file = self._finder.find(path, self.table_folder).path
                self.thumbnails.ask(file, shrunk_file)
                return Found(shortened(path), file, self._href(file))
            case _:
                return Found(shortened(text))

    def _href(self, file: Path) -> str:
        try:
            there = file.is_file()
        except (OSError, ValueError):  # no file has such a name
            there = False
        return file_address(file.absolute().as_posix(), self.page_folder.as_posix()) if there else ""


def _cells(images: Sequence[str], arguments: Mapping[str, Any]) -> Iterator[str]:
    for name in images:
        value = arguments.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one:
                yield one


def _quoted(name: str) -> str:
    return file_address(f"/{name}", "/").removeprefix("./")
