"""Reads how a workbook is put together: sheets, Excel tables, formats of cells, shared strings."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from batch.table.xlsx_references import ExcelTable, as_range
from batch.table.xlsx_text import SharedStrings
from batch.table.xlsx_values import NumberFormat, number_format
from batch.table.xml_scan import Element, XmlError, attributes, elements, guarded, root_of
from batch.table.zip_package import PackageError, ZipPackage

MOST_OF_A_PART = 64 << 20
MOST_OF_STRINGS = 256 << 20
MOST_OF_A_SHEET = 1 << 30
"""Bytes of a part, unpacked. A sheet is read as a stream; a million rows have less."""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_OTHER_FORMS = {
    "xl/workbook.bin": 'an Excel binary workbook (.xlsb); save it as "Excel Workbook (.xlsx)"',
    "content.xml": 'an OpenDocument table (.ods); save it as "Excel 2007-365 (.xlsx)" or "CSV UTF-8"',
    "Index/Document.iwa": "a Numbers document; export it to Excel (.xlsx) or CSV",
    "Index.zip": "a Numbers document; export it to Excel (.xlsx) or CSV",
    "word/document.xml": "a Word document; save its table as a workbook (.xlsx)",
}


@dataclass(frozen=True, slots=True)
class Relationship:
    """What a part refers to."""

    id: str
    kind: str
    """The last word of its type."""
    target: str
    """A part's name, or an address where it is external."""
    external: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet."""

    name: str
    part: str
    index: int
    """Among all sheets of the workbook."""
    hidden: bool


@dataclass(frozen=True, slots=True)
class Workbook:
    """A workbook's parts, without what is in its sheets."""

    part: str
    sheets: Sequence[Sheet]
    since_1904: bool
    formats: Sequence[NumberFormat]
    strings_part: str | None


def read_workbook(package: ZipPackage) -> Workbook:
    """How a workbook is put together.

    Raises:
        PackageError: it is none, or of a form that cannot be edited.
    """
    for name, what in _OTHER_FORMS.items():
        if name in package:
            raise PackageError(f"is {what}")
    if "[Content_Types].xml" not in package:
        raise PackageError(
            'is a zip archive and no workbook; save the table as "Excel Workbook (.xlsx)" or "CSV UTF-8"'
        )
    if any(name.startswith("_xmlsignatures/") for name in package.names):
        raise PackageError("is digitally signed, which results in it would break; save a copy without the signature")
    main = next((one.target for one in relationships(package, "") if one.kind == "officeDocument"), "xl/workbook.xml")
    data = part_of(package, main)
    root = root_of(data)
    _require_namespace(root, main)
    parts = relationships(package, main)
    by_id = {one.id: one for one in parts}
    children = {one.local: one for one in elements(data, root.content, root.close)}
    sheets = tuple(_sheets(data, children.get(b"sheets"), by_id))
    told = attributes(children[b"workbookPr"].attributes) if b"workbookPr" in children else {}
    styles = next((one.target for one in parts if one.kind == "styles"), None)
    return Workbook(
        part=main,
        sheets=sheets,
        since_1904=told.get("date1904", "0") in ("1", "true"),
        formats=_formats(package, styles),
        strings_part=next((one.target for one in parts if one.kind == "sharedStrings"), None),
    )


def _require_namespace(root: Element, name: str) -> None:
    names = attributes(root.attributes).values()
    if _STRICT in names:
        raise PackageError('is a "Strict Open XML" workbook; save it as plain "Excel Workbook (.xlsx)"')
    if root.local != b"workbook" or _MAIN not in names:
        raise PackageError(f"is no workbook that can be read: {name} holds something else")


def _sheets(data: bytes, listed: Element | None, parts: dict[str, Relationship]) -> Iterator[Sheet]:
    children = elements(data, listed.content, listed.close) if listed else ()
    for index, child in enumerate(children):
        told = attributes(child.attributes)
        part = next((parts[told[name]] for name in told if name.endswith(":id") and told[name] in parts), None)
        if part and part.kind == "worksheet":
            yield Sheet(told.get("name", ""), part.target, index, told.get("state", "visible") != "visible")


def part_of(package: ZipPackage, name: str, most: int = MOST_OF_A_PART) -> bytes:
    """The whole content of an XML part, proven harmless. Raises PackageError."""
    try:
        return b"".join(guarded(package.stream(name, most)))
    except XmlError as fault:
        raise PackageError(f"cannot be read: {name} {fault}") from fault


def strings_of(package: ZipPackage, workbook: Workbook) -> SharedStrings | None:
    """The texts that cells share; None where the workbook has no such part. Raises PackageError."""
    if workbook.strings_part is None or workbook.strings_part not in package:
        return None
    data = part_of(package, workbook.strings_part, MOST_OF_STRINGS)
    try:
        return SharedStrings(data)
    except XmlError as fault:
        raise PackageError(f"cannot be read: {workbook.strings_part} {fault}") from fault


def relationships_part(part: str) -> str:
    """The name of the part that lists what another refers to; "" is the package itself."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relationships(package: ZipPackage, part: str) -> list[Relationship]:
    """What a part refers to. Raises PackageError."""
    name = relationships_part(part)
    if name not in package:
        return []
    data = part_of(package, name)
    root = root_of(data)
    found = []
    for child in elements(data, root.content, root.close):
        told = attributes(child.attributes)
        external = told.get("TargetMode") == "External"
        target = told.get("Target", "")
        if not external:
            target = posixpath.normpath(posixpath.join("/", posixpath.dirname(part), unquote(target))).lstrip("/")
        found.append(Relationship(told.get("Id", ""), told.get("Type", "").rpartition("/")[2], target, external))
    return found


def _formats(package: ZipPackage, styles: str | None) -> list[NumberFormat]:
    """The number format of each style of cells."""
    if styles is None or styles not in package:
        return []
    data = part_of(package, styles)
    root = root_of(data)
    children = {one.local: one for one in elements(data, root.content, root.close)}

    def inside(name: bytes) -> Iterator[dict[str, str]]:
        if found := children.get(name):
            for child in elements(data, found.content, found.close):
                yield attributes(child.attributes)

    codes = {told["numFmtId"]: told.get("formatCode", "") for told in inside(b"numFmts") if "numFmtId" in told}
    numbers = [told.get("numFmtId", "0") for told in inside(b"cellXfs")]
    return [number_format(int(number) if number.isdecimal() else 0, codes.get(number)) for number in numbers]


def excel_tables(package: ZipPackage, sheet: Sheet) -> list[ExcelTable]:
    """The tables of a sheet. Raises PackageError."""
    parts = [one.target for one in relationships(package, sheet.part) if one.kind == "table"]
    return [_excel_table(package, part) for part in parts]


def _excel_table(package: ZipPackage, part: str) -> ExcelTable:
    data = part_of(package, part)
    root = root_of(data)
    told = attributes(root.attributes)
    children = {one.local: one for one in elements(data, root.content, root.close)}
    columns = children.get(b"tableColumns")
    titles = [attributes(one.attributes) for one in elements(data, columns.content, columns.close)] if columns else []
    found = as_range(told.get("ref", ""))
    if found is None:
        raise PackageError(f"cannot be read: {part} does not say where its table stands")
    return ExcelTable(
        part=part,
        range=found,
        titles=tuple(one.get("name", "") for one in titles),
        has_titles=told.get("headerRowCount", "1") != "0",
        totals=int(told.get("totalsRowCount", "0")) if told.get("totalsRowCount", "0").isdecimal() else 0,
        growable=told.get("tableType", "worksheet") == "worksheet",
    )
