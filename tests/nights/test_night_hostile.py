"""Manifests as they come: whatever is wrong with one is said in a line, and costs nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.night import Night, end, night, statuses, table, together, until

IMAGE = "https://example.com/a.png"
HEAD = b"prompt,image\n"
GOOD = f"a good one,{IMAGE}\n".encode()


@pytest.fixture
def now(tmp_path: Path) -> Iterator[Night]:
    with night(tmp_path) as now:
        yield now


UNUSABLE: dict[str, tuple[bytes, tuple[str, ...], tuple[str, ...]]] = {
    # what: (the file, options, what the one line must name)
    "no image column": (b"prompt,note\na,b\n", (), ("no column for image", "'note'", "--map image=COLUMN")),
    "an image column of another name": (b"prompt,picture\na,b\n", (), ("no column for image", "--map image=picture")),
    "a column near an input": (
        b"prompt,image,tail\na,b,c\n",
        (),
        ("`tail`: did you mean `tail_image`", "--ignore tail"),
    ),
    "no column at all": (b"a;b\n1;2\n", (), ("no column for prompt and no column for image",)),
    "two columns for one input": (b"prompt,image,Image_URL\na,b,c\n", (), ("'image'", "'Image_URL'", "--map image=")),
    "empty": (b"", (), ("is empty", "names of the columns")),
    "blank lines only": (b"\n\n\n", (), ("holds no header",)),
    "NUL bytes in the header": (b"\0\0prompt\0,image\n", (), ("NUL bytes", "CSV UTF-8")),
    "an Excel workbook": (b"PK\x03\x04" + bytes(100), (), ("Excel workbook", 'save it as "CSV UTF-8"')),
    "gzip": (b"\x1f\x8b" + bytes(100), (), ("gzip",)),
    "a Parquet file cut short": (b"PAR1" + bytes(50), (), ("Parquet",)),
    "a quote never closed": (HEAD + b'"a,b\nc,d\n', (), ("row 2", "quote")),
    "foreign status": (b"prompt,image,status\na," + IMAGE.encode() + b",mine\n", (), ("row 2", "'mine'", "--prefix")),
    "foreign request id": (
        b"prompt,image,request_id\na," + IMAGE.encode() + b",abc\n",
        (),
        ("row 2, column request_id: 'abc'", "--prefix", "ledger"),
    ),
    "map without a column": (HEAD + GOOD, ("--map", "image"), ("INPUT=COLUMN",)),
    "map of an input unknown": (HEAD + GOOD, ("--map", "sound=image"), ("no input 'sound'", "known are: prompt")),
    "map to a column unknown": (HEAD + GOOD, ("--map", "image=Bild"), ("no column 'Bild'", "'prompt', 'image'")),
    "map to a column of ours": (b"prompt,status\na,b\n", ("--map", "image=status"), ("'status'", "--prefix")),
    "concurrency of nought": (HEAD + GOOD, ("--concurrency", "0"), ("concurrency", "from 1 to 3000")),
    "an option unknown": (HEAD + GOOD, ("--cheap",), ("--cheap",)),
}


def test_a_manifest_that_cannot_be_used_is_refused_in_a_line(now: Night) -> None:
    """Exit 2, the fault named, the remedy given, every byte kept, nothing asked of the service."""
    with together() as children:
        for number, (data, options, _) in enumerate(UNUSABLE.values()):
            shots = now.folder / f"shots {number}.csv"
            shots.write_bytes(data)
            children.append(now.start("run", shots, *options))
        for number, (what, (data, _, named)) in enumerate(UNUSABLE.items()):
            ended = end(children[number])
            assert (ended.code, ended.out) == (2, ""), (what, ended.err)
            assert (now.folder / f"shots {number}.csv").read_bytes() == data, what
            assert ended.err.startswith("kling-batch: ") == (ended.err.count("\n") == 1), (what, ended.err)  # or usage
            assert [part for part in named if part not in ended.err] == [], (what, ended.err)
    assert now.address.fault_injector.requests.total() == 0


INVALID: dict[str, tuple[bytes, str]] = {
    # what: (a row, what stands in its error cell)
    "3,000 characters": (b"x" * 3000 + b"," + IMAGE.encode(), "prompt: has 3,000 characters: shorten it to 2,500"),
    "NUL in a prompt": (b"a\0b," + IMAGE.encode(), "prompt: has a control character (NUL) at position 2: delete it"),
    "a formula": (b"=HYPERLINK(1)," + IMAGE.encode(), "prompt: '=HYPERLINK(1)' is a formula that was not calculated"),
    "no prompt": (b"," + IMAGE.encode(), "prompt: is empty"),
    "no image": (b"a,", "image: is empty: a row needs an image here"),
    "an image that is not there": (b"a,images/none.png", "image: 'images/none.png' does not exist: check the path"),
    "no image but a text": (b"a,/etc/passwd", "image: '/etc/passwd' is a text, and no picture"),
    "a folder for an image": (b"a,/tmp", "image: '/tmp' is a folder: name an image in it"),
    "a device for an image": (b"a,/dev/zero", "image: '/dev/zero' is a pipe, socket or device"),
    "another scheme": (
        b"a,ftp://example.com/a.png",
        "image: 'ftp://example.com/a.png' is an address (ftp:) that fal cannot fetch",
    ),
    "a space in a URL": (
        b"a,https://example.com/a b.png",
        "image: 'https://example.com/a b.png' is a URL with a space in it: write %20",
    ),
    "a data URI of no image": (
        b"a,data:text/html;base64:AAAA",
        "image: 'data:text/html;base64:AAAA' is a data URI, but not of an image",
    ),
    "a JPEG cut to a third": (b"a,third.jpg", "image: 'third.jpg' is a picture (JPEG), but damaged or cut short"),
}


def test_rows_that_cannot_be_sent_are_told_each_and_the_good_ones_run(now: Night) -> None:
    """One good row among the bad ones: it is bought; each bad one says in the table what is wrong and what to do."""
    kite = (Path(__file__).parents[2] / "samples" / "images" / "kite.jpg").read_bytes()
    (now.folder / "third.jpg").write_bytes(kite[: len(kite) // 3])
    bad = INVALID
    shots = now.folder / "shots.csv"
    shots.write_bytes(HEAD + b"".join(row + b"\n" for row, _ in bad.values()) + GOOD)
    before = now.asked("submit")
    checked = now.run("check", shots)
    assert checked.code == 1
    ended = now.run("run", shots)
    assert (ended.code, now.asked("submit")) == (1, before + 1)
    *rows, good = table(shots)
    assert good["status"] == "succeeded"
    for number, (row, (what, (_, said))) in enumerate(zip(rows, bad.items(), strict=True), 2):
        assert (row["status"], row["error_type"]) == ("invalid", "invalid"), what
        assert row["error"].startswith(said), what
        column, _, message = said.partition(": ")
        assert f"row {number}, column {column}: {message}" in checked.out, what
    assert f"{len(bad)} rows cannot be run" in ended.err


HARMLESS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "header only": (HEAD, ()),
    "hostile ids": (
        b'id,prompt,image\n../../etc/x,a,https://example.com/a.png\n=1+1,b,https://example.com/a.png\n"",c,https://example.com/a.png\n',
        (),
    ),
    "ids twice": (
        b"id,prompt,image\nx,a,https://example.com/a.png\nx,a,https://example.com/a.png\nx,b,https://example.com/a.png\n",
        (),
    ),
    "formulas": (
        b"prompt,image,note\n= a boat,https://example.com/a.png,@x\n+1,https://example.com/a.png,-2\n",
        (),
    ),
    "cp1252 and semicolons": (b"Prompt;Image;Notiz\r\ngr\xfc\xdfe;https://example.com/a.png;1,5\r\n", ()),
    "UTF-16": (b"prompt,image\ngr\xfc\xdfe,https://example.com/a.png\n".decode("latin-1").encode("utf-16"), ()),
    "a huge cell of the user's own": (
        b"prompt,image,note\na,https://example.com/a.png," + b"y" * 2_000_000 + b"\n",
        (),
    ),
    "a column mapped": (
        b"Text;Startbild\na;https://example.com/a.png\n",
        ("--map", "prompt=Text", "--map", "image=Startbild"),
    ),
    "foreign results, ours prefixed": (
        b"prompt,image,status,error\na,https://example.com/a.png,mine,my own\n",
        ("--prefix", "kling_"),
    ),
    "an unpaired surrogate's bytes": (b"prompt,image\n\xed\xa0\x80,https://example.com/a.png\n", ()),
    "quotes, newlines, an emoji": ('prompt,image\n"a ""b""\r\nc 🎬",https://example.com/a.png\n'.encode(), ()),
}


def test_odd_manifests_run_and_keep_every_byte(now: Night) -> None:
    """Exit 0; what the user wrote stands at the start of each line as it was, in its own encoding and line ends."""
    with together() as children:
        for what, (data, options) in HARMLESS.items():
            (now.folder / f"{what}.csv").write_bytes(data)
            children.append(now.start("run", now.folder / f"{what}.csv", *options))
        for child, (what, (data, _)) in zip(children, HARMLESS.items(), strict=True):
            ended = end(child)
            assert ended.code == 0, (what, ended.err)
            encoding = "utf-16" if what == "UTF-16" else "latin-1"  # of which the bytes do not matter here
            after = (now.folder / f"{what}.csv").read_bytes().decode(encoding).split("\n")
            given = data.decode(encoding).split("\n")
            for new, old in zip(after, given, strict=True):
                assert new.startswith(old.removesuffix("\r")), what
                assert new.endswith("\r") == old.endswith("\r"), what


def test_what_is_no_ordinary_file_is_refused_without_waiting(now: Night) -> None:
    """A folder, a pipe, nothing, a name no file can have, a broken link: exit 2 and the path named."""
    os.mkfifo(now.folder / "pipe.csv")
    (now.folder / "link.csv").symlink_to("nowhere.csv")
    for name, said in {
        ".": "is a folder",
        "pipe.csv": "is a pipe or device",
        "none.csv": "No such file",
        "link.csv": "No such file",
        "x" * 300 + ".csv": "File name too long",
    }.items():
        ended = now.run("run", now.folder / name)
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert said in ended.err


def test_a_table_changed_while_it_runs_keeps_the_changes_and_the_results(tmp_path: Path) -> None:
    """Rows sorted, edited, deleted and appended in mid-run: each video stands by its own row, the edits are kept."""
    with night(tmp_path, run_seconds=0.6) as now:
        shots = now.manifest(6)
        child = now.start("run", shots)
        until(lambda: now.asked("submit") == 6, child)
        header, *rows = shots.read_text().splitlines()
        rows[1] = rows[1].replace("kept 1", "reviewed")
        rows = [f"new,prompt new,{IMAGE},appended", *reversed(rows[:5])]
        shots.write_text("\n".join([header, *rows, ""]))
        ended = end(child)
        assert ended.code == 0, ended.err
        after = table(shots)
        assert [row["id"] for row in after] == ["new", "r4", "r3", "r2", "r1", "r0"]
        assert (after[0]["note"], after[4]["note"]) == ("appended", "reviewed")
        assert statuses(shots) == {"pending": 1, "succeeded": 5}
        assert all(now.videos[row["request_id"]] == row["prompt"] for row in after[1:])
        assert now.run("run", shots).code == 0
        assert set(now.accepted.values()) == {1}
        assert now.asked("submit") == 7


BREAKS = {
    "gone": lambda shots: shots.unlink(),
    "a value of the user's own in our column": lambda shots: shots.write_text(
        "id,prompt,image,status\nr0,prompt 0,https://example.com/0.png,looks great\n"
    ),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_table_that_breaks_while_it_runs_loses_nothing(tmp_path: Path, how: str) -> None:
    """The run goes on to its end, says where the results are, and the next run writes them into the mended table."""
    with night(tmp_path, run_seconds=0.6) as now:
        shots = now.manifest(3)
        given = shots.read_bytes()
        child = now.start("run", shots)
        until(lambda: now.asked("submit") == 3, child)
        BREAKS[how](shots)
        ended = end(child)
        shots.write_bytes(given)
        assert now.run("run", shots).code == 0
        assert statuses(shots) == {"succeeded": 3}
        assert now.asked("submit") == 3
        assert ended.code == (3 if how == "gone" else 0), ended.err
        assert ("in the ledger" if how == "gone" else "the results are in") in ended.err
        assert "spent $1.47 in this run" in ended.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_table_that_may_not_be_read_or_written_is_said_before_anything_is_spent(now: Night) -> None:
    """Exit 2 where the table cannot be read, or where no ledger can stand beside it; nothing asked of anybody."""
    shots = now.manifest(1)
    shots.chmod(0o000)
    unreadable = now.run("run", shots)
    shots.chmod(0o600)
    now.folder.chmod(0o500)
    locked = now.run("run", shots)
    now.folder.chmod(0o700)
    assert (unreadable.code, locked.code) == (2, 2)
    assert "Permission denied" in unreadable.err
    assert "cannot write beside the table" in locked.err
