"""Tells which file system a file stands on, where other machines may write to it as well."""

import re
from pathlib import Path

SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs"),
        *("sshfs", "rclone", "s3fs", "gcsfuse", "davfs", "goofys", "juicefs", "mfs"),
    }
)
"""Kinds as Linux names them, those of FUSE without `fuse.`. SQLite keeps part of a log in the memory of one machine."""
MOUNTS = Path("/proc/self/mountinfo")


def shared_file_system(path: Path) -> str:
    """The kind of network file system that a path is on, or will be; empty where it is none, or nobody says."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return shared_kind(mounts, str(path.resolve()))


def shared_kind(mounts: str, path: str) -> str:
    """The same.

    Args:
        mounts: as proc(5) describes `mountinfo`: of two at one place, the later one counts.
        path: absolute, without links in it.
    """
    longest, found = -1, ""
    for line in mounts.splitlines():
        place, _, more = line.partition(" - ")
        fields, kinds = place.split(" "), more.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4])
        holds = path == point or path.startswith(point.rstrip("/") + "/")
        if holds and len(point) >= longest:
            longest, found = len(point), kinds[0]
    kind = found.removeprefix("fuse.")
    return kind if kind in SHARED else ""
