"""Renders the page of a report as one HTML file that runs and loads nothing but its own."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from batch.core.money import MICROS, dollars
from batch.core.plain_text import one_line, shown
from batch.report_page.page import Page, Picture, ShownRow, ShownTake
from batch.report_page.plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH

if TYPE_CHECKING:
    from jinja2 import Environment

SCRIPTS = ("csv_text.js", "marks.js", "cards.js", "side_by_side.js", "review.js")
"""In the order in which they are run: each uses those before it."""
GENERATOR = "kling-batch report"
"""What a page of ours is known by."""
_GRAPH = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM}


def render(page: Page) -> str:
    """The whole file.

    Texts of cells and replies are data: they come into the page escaped, or as JSON in which nothing ends a script.
    """
    style, scripts = _part("page.css"), [_part(name) for name in SCRIPTS]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            generator=GENERATOR,
            policy=policy(style, scripts, page.media_origins, page.picture_origins),
            style=style,
            scripts=scripts,
            data=_data(page),
            graph=_GRAPH,
        )
    )


def policy(style: str, scripts: Sequence[str], media: Sequence[str], pictures: Sequence[str]) -> str:
    """The Content-Security-Policy: these scripts, this style, files beside the page, and the hosts that are named."""
    rules = {
        "default-src": ["'none'"],
        "script-src": [_hashed(one) for one in scripts],
        "style-src": [_hashed(style)],
        "img-src": ["'self'", "file:", *pictures],
        "media-src": ["'self'", "file:", *media],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    return "; ".join(" ".join([name, *values]) for name, values in rules.items())


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _part(name: str) -> str:
    """With the line ends that a browser sees, for the hash is of these."""
    return "\n" + (files("batch.report_page") / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("batch.report_page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":"), "sort_keys": False}
    made.filters |= {"dollars": dollars, "plain": one_line, "shown": shown, "counted": "{:,}".format}
    return made


def _data(page: Page) -> dict[str, Any]:
    """What the scripts read."""
    return {
        "key": page.key,
        "marksName": one_line(page.marks_name),
        "rows": [_row(row) for row in page.rows],
    }


def _row(row: ShownRow) -> dict[str, Any]:
    """Short, for there may be ten thousand; what is empty is left out."""
    told = {
        "row": row.number,
        "n": row.n,
        "id": row.id,
        "label": one_line(row.id) if row.id is not None else None,
        "status": row.status,
        "prompt": shown(row.prompt),
        "settings": one_line(row.settings),
        "kind": one_line(row.kind),
        "error": shown(row.error),
        "log": [one_line(line) for line in row.log],
        "cost": row.cost / MICROS,
        "seconds": row.seconds,
        "at": row.finished_at,
        "fresh": row.is_new,
        "first": row.first and _picture(row.first),
        "last": row.last and _picture(row.last),
        "takes": [_take(take) for take in row.takes],
    }
    return {name: value for name, value in told.items() if value not in (None, "", [], False)}


def _picture(picture: Picture) -> dict[str, Any]:
    told = {
        "name": one_line(picture.name),
        "small": picture.thumbnail,
        "href": picture.href,
        "online": picture.is_online,
    }
    return {name: value for name, value in told.items() if value}


def _take(take: ShownTake) -> dict[str, Any]:
    told = {
        "take": take.number,
        "request": take.request_id,
        "sources": list(take.sources),
        "poster": take.poster,
        "cost": None if take.cost is None else take.cost / MICROS,
        "seconds": take.seconds,
        "at": take.finished_at,
        "chosen": take.chosen,
    }
    return {name: value for name, value in told.items() if value not in (None, "", [], False)}
