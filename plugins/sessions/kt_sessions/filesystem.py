"""What kind of file system a session is on: SQLite's WAL needs shared memory, which a network does not give."""

from functools import cache
from pathlib import Path

from kt.errors import ConfigError

NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ncpfs", "afs", "fuse.sshfs", "fuse.s3fs", "glusterfs", "ceph"}
MOUNTS = Path("/proc/self/mountinfo")


def refuse_network(path: Path) -> None:
    """Raise ConfigError for a path on a network file system, where that can be told (Linux)."""
    if (kind := _kind(str(path.parent.absolute()))) in NETWORK:
        raise ConfigError(
            f"a session can't be kept on a network file system ({kind})", where=str(path), hint="give a local --session"
        )


@cache
def _kind(folder: str) -> str:
    """Return the kind of the file system that a folder is on, "" where that can't be told."""
    found, kind = "", ""
    try:
        lines = MOUNTS.read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        mount, _, rest = line.partition(" - ")
        at = mount.split()[4].replace("\\040", " ")
        if len(at) >= len(found) and (folder == at or folder.startswith(at.rstrip("/") + "/")):
            found, kind = at, rest.split()[0]
    return kind
