"""A zip archive is copied entry by entry as it stands, but for those that change."""

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.table.zip_package import PackageError, ZipPackage

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/\\", categories=("L", "N")), min_size=1, max_size=9)


def written(path: Path, changed: dict[str, bytes]) -> bytes:
    sink = BytesIO()
    ZipPackage(path).write(sink, ((name, [content]) for name, content in changed.items()))
    return sink.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@given(
    entries=st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=5),
    changed=st.dictionaries(NAMES, st.binary(max_size=300), max_size=3),
    compression=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    streamed=st.booleans(),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_entries_that_do_not_change_are_the_same_bytes(
    entries: dict[str, bytes], changed: dict[str, bytes], compression: int, streamed: bool, tmp_path: Path
) -> None:
    """Whatever is changed or added, however it was packed; written again with the same, all is the same."""
    folded = {name.casefold(): name for name in (*entries, *changed)}
    entries = {name: data for name, data in entries.items() if folded[name.casefold()] == name}
    changed = {name: data for name, data in changed.items() if folded[name.casefold()] == name}
    if not entries:
        return
    path = tmp_path / "a.zip"
    with path.open("wb") as file, zipfile.ZipFile(_Pipe(file) if streamed else file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    data = written(path, changed)
    assert read(data) == entries | changed
    other = tmp_path / "b.zip"
    other.write_bytes(data)
    assert ZipPackage(path).differs(ZipPackage(other), changed) is None
    assert written(other, changed) == data


class _Pipe:
    """A file that cannot be searched: what is packed into it says its sizes behind it."""

    def __init__(self, file: object) -> None:
        self.write = file.write  # type: ignore[attr-defined]
        self.flush = file.flush  # type: ignore[attr-defined]


def test_another_entry_is_found(tmp_path: Path) -> None:
    """By its name: one that has other bytes, and one that is not there."""
    for name, content in (("a.zip", b"one"), ("b.zip", b"two")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("same", b"same")
            archive.writestr("part", content)
    one, two = ZipPackage(tmp_path / "a.zip"), ZipPackage(tmp_path / "b.zip")
    assert one.differs(two, ()) == "part"
    assert one.differs(two, ["part"]) is None
    (tmp_path / "c.zip").write_bytes(written(tmp_path / "a.zip", {"more": b"x"}))
    assert one.differs(ZipPackage(tmp_path / "c.zip"), ()) == "more"


def test_an_entry_is_not_read_beyond_what_it_may_have(tmp_path: Path) -> None:
    """It is refused by what it says of itself, before it is unpacked."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("part", bytes(1 << 20))
    assert len(ZipPackage(path).read("part", 1 << 20)) == 1 << 20
    with pytest.raises(PackageError, match="unpacks to 1,048,576 bytes"):
        ZipPackage(path).read("part", (1 << 20) - 1)
    with pytest.raises(PackageError, match="has no part other"):
        ZipPackage(path).read("other", 1)


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    """Two parts of one name, parts over each other, a wrong checksum, a password."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("part", b"one")
        archive.writestr("PART", b"two")
    with pytest.raises(PackageError, match="two of its parts have one name"):
        ZipPackage(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"one")
        archive.writestr("b", b"two")
    whole = path.read_bytes()
    second = whole.rindex(b"PK\1\2")
    path.write_bytes(whole[: second + 42] + bytes(4) + whole[second + 46 :])
    with pytest.raises(PackageError, match="is a damaged zip archive"):
        ZipPackage(path)
    path.write_bytes(whole.replace(b"one", b"eno", 1))
    with pytest.raises(PackageError, match="cannot be unpacked"):
        ZipPackage(path).read("a", 9)
    first = whole.index(b"PK\1\2")
    path.write_bytes(whole[: first + 8] + b"\1" + whole[first + 9 :])
    with pytest.raises(PackageError, match="is encrypted"):
        ZipPackage(path)
