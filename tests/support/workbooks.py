"""Excel workbooks, made by hand where their XML matters, and columns of ours to write into them."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from batch.table import Column, ColumnType

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

COLUMNS = [
    Column("status", ColumnType.TEXT),
    Column("video_url", ColumnType.TEXT, link=True),
    Column("attempts", ColumnType.INTEGER),
    Column("cost_usd", ColumnType.MONEY),
    Column("finished_at", ColumnType.TIME),
]
DONE_TEXTS = ("succeeded", "https://v3.fal.media/a.mp4", "1", "0.49", "2026-11-22T18:54:31Z")
FORMATS = {164: "00000", 165: "yyyy-mm-dd", 166: "[h]:mm", 167: "#,##0.00 [$€-407]", 168: 'd" of "mmmm hh:mm'}
STYLES = (0, 14, 22, 21, 164, 165, 166, 167, 168, 9, 49, 45)
"""Number formats of the styles 0, 1, …"""


def styles() -> str:
    """styles.xml with the formats above."""
    codes = "".join(
        f'<numFmt numFmtId="{number}" formatCode="{code.replace(chr(34), "&quot;")}"/>'
        for number, code in FORMATS.items()
    )
    used = "".join(f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0"/>' for number in STYLES)
    fill = '<fill><patternFill patternType="none"/></fill>'
    normal = '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    return (
        f'{HEADER}<styleSheet xmlns="{MAIN}"><numFmts count="{len(FORMATS)}">{codes}</numFmts><fonts count="1"><font/>'
        f'</fonts><fills count="1">{fill}</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/>'
        f'</cellStyleXfs><cellXfs count="{len(STYLES)}">{used}</cellXfs>{normal}</styleSheet>'
    )


def relations(*pairs: tuple[str, str]) -> str:
    """A part of relationships: kind and target, with the ids r1, r2, …"""
    inside = "".join(
        f'<Relationship Id="r{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(pairs, 1)
    )
    return f'{HEADER}<Relationships xmlns="{PACKAGE}">{inside}</Relationships>'


def sheet(rows: str, *, before: str = "", after: str = "", root: str = f'xmlns="{MAIN}" xmlns:r="{OFFICE}"') -> str:
    """A worksheet with these rows."""
    return f"{HEADER}<worksheet {root}>{before}<sheetData>{rows}</sheetData>{after}</worksheet>"


def text(place: str, words: str) -> str:
    """A cell with its text in itself."""
    return f'<c r="{place}" t="inlineStr"><is><t>{words}</t></is></c>'


def parts(
    sheets: Mapping[str, str],
    *,
    strings: Sequence[str] | None = None,
    more: Mapping[str, str] | None = None,
    workbook: str = "",
) -> dict[str, str]:
    """The parts of a workbook.

    Args:
        sheets: name → XML.
        strings: the `<si>` of the texts that cells share; None: the workbook has no such part.
        workbook: what stands behind the list of its sheets.
    """
    kinds = [("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)]
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>' for number, name in enumerate(sheets, 1)
    )
    made = {
        "[Content_Types].xml": f'{HEADER}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/styles.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>'
        + "".join(
            f'<Override PartName="/xl/{target}" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
            for _, target in kinds
        )
        + (
            '<Override PartName="/xl/sharedStrings.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
            if strings is not None
            else ""
        )
        + "</Types>",
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'{HEADER}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets>{workbook}'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            *kinds, ("styles", "styles.xml"), *([] if strings is None else [("sharedStrings", "sharedStrings.xml")])
        ),
        "xl/styles.xml": styles(),
    }
    for (_, target), xml in zip(kinds, sheets.values(), strict=True):
        made[f"xl/{target}"] = xml
    if strings is not None:
        count = len(strings)
        made["xl/sharedStrings.xml"] = (
            f'{HEADER}<sst xmlns="{MAIN}" count="{count}" uniqueCount="{count}">{"".join(strings)}</sst>'
        )
    return made | dict(more or {})


def put(path: Path, contents: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A package with these parts."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def shots(folder: Path, rows: str, **more: object) -> Path:
    """A workbook with one sheet of these rows, which has its texts in itself."""
    return put(folder / "shots.xlsx", parts({"Shots": sheet(rows, **more)}))  # type: ignore[arg-type]


def contents(path: Path) -> dict[str, bytes]:
    """Name → bytes of every part."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
