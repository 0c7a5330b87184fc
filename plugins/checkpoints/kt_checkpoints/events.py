"""What the log is told of files."""

from dataclasses import dataclass

from kt.events import Logged


@dataclass(slots=True)
class FileKept(Logged):
    """A file is as told: `path` relative to the working folder, `data` None where there is none.

    `call_id` names the call that is about to change it, "" for a mere look. `state` (see `files.state_of`) belongs to
    the file as it was read: it does not fit `data` from which a secret was redacted. Not published: no surface wants
    whole files.
    """

    path: str
    data: bytes | None
    mode: int
    call_id: str
    state: str


@dataclass(slots=True)
class FilesChanged(Logged):
    """A call changed files: the state in which it left each path, and the folders that it made.

    A state is "" where there is no file any more and "?" where nothing but the change is known. A path that is absolute
    lies outside of the working folder.
    """

    call_id: str
    paths: dict[str, str]
    folders: tuple[str, ...] = ()
