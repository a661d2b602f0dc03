"""Which file system a path is on: of the mounts that hold it the innermost, and of two at one place the later one."""

from pathlib import Path

import pytest

from batch.files import file_systems
from batch.files.file_systems import shared_file_system, shared_kind

MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:40 / /home rw,relatime shared:7 master:2 - nfs4 server:/home rw,vers=4.2
41 40 0:41 / /home/a/local rw - ext4 /dev/vdb rw
42 27 0:42 / /mnt/two\040words rw - fuse.sshfs me@there:/ rw
43 27 0:43 / /over rw - nfs server:/x rw
44 27 0:44 / /over rw - xfs /dev/vdc rw
45 27 0:45 / /win rw - cifs //server/share rw
46 27 0:46 / /fuse rw - fuse.grpcfuse grpcfuse rw
damaged
47 27 0:47 / /odd rw -
nfs - nfs
48 27 0:48 / /late rw - nfs server:/late rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home", "nfs4"),
        ("/home/a/.local/state/kling-batch/x.book", "nfs4"),
        ("/home/a/local/x.book", ""),
        ("/homes/x", ""),
        ("/mnt/two words/x", "sshfs"),
        ("/over/x", ""),
        ("/win/x", "cifs"),
        ("/fuse/x", ""),
        ("/odd/x", ""),
        ("/late/x", "nfs"),
        ("/", ""),
    ],
)
def test_the_innermost_mount_that_holds_a_path_says_what_it_is_on(path: str, kind: str) -> None:
    assert shared_kind(MOUNTS, path) == kind


def test_a_network_at_the_root_holds_everything_that_nothing_else_does() -> None:
    """As on a machine without a disk."""
    rooted = "1 0 0:1 / / rw - nfs server:/ rw\n2 1 0:2 / /tmp rw - tmpfs tmpfs rw\n"
    assert shared_kind(rooted, "/home/x") == "nfs"
    assert shared_kind(rooted, "/tmp/x") == ""


def test_a_link_leads_to_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what nobody tells of is no network."""
    there = tmp_path / "net"
    there.mkdir()
    (tmp_path / "link").symlink_to(there)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {there} rw - nfs server:/ rw\n")
    monkeypatch.setattr(file_systems, "MOUNTS", mounts)
    assert shared_file_system(tmp_path / "link" / "not there yet" / "x.book") == "nfs"
    assert shared_file_system(tmp_path / "x.book") == ""
    mounts.unlink()
    assert shared_file_system(there) == ""
