"""What the user allowed once and for exactly that: in this session, or for always in a file."""

import errno
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from kt.errors import DataError

Scope: TypeAlias = Literal["session", "always"]
FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


def canonical(value: object) -> str:
    """Return JSON that is the same for equal values only: sorted keys, ASCII; 1, 1.0 and true differ.

    Raises DataError for what JSON cannot say.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"no JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Approval:
    """A call that the user approved; `key` is its digest, `wants` what it was asked for, `folder` where it works."""

    key: str
    scope: Scope
    tool: str
    arguments: Mapping[str, Any]
    wants: Sequence[str]
    folder: str


class Approvals:
    """Approvals of single calls: tool, arguments, what it wants and the working folder, all of them equal.

    `file` holds those for always, a JSON object a line with the call in readable form. Several processes may add to it
    at once. Raises DataError for a file that others can write, that is not the user's, or that was changed.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._session: dict[str, dict[str, Any]] = {}

    def remember(
        self, tool: str, arguments: Mapping[str, Any], wants: Sequence[str], folder: Path, *, scope: Scope = "session"
    ) -> None:
        """Approve this call, until this object is gone or for always."""
        call = _readable(tool, arguments, wants, folder)
        if scope == "session":
            self._session[_key(call)] = call
            return
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT, fcntl.LOCK_EX) as fd:
            if _key(call) not in self._calls(fd):
                line = _line_of(_key(call), call)
                if os.write(fd, line) != len(line):
                    raise DataError("an approval is written in part", where=str(self.file), hint="free some space")
                os.fsync(fd)

    def knows(self, tool: str, arguments: Mapping[str, Any], wants: Sequence[str], folder: Path) -> bool:
        """Return whether exactly this call was approved."""
        key = _key(_readable(tool, arguments, wants, folder))
        return key in self._session or key in self._always()

    def listed(self, folder: Path) -> list[Approval]:
        """Return what was approved in a working folder, the oldest first: in this session, then for always."""
        here = str(folder.resolve())
        groups: list[tuple[Scope, dict[str, dict[str, Any]]]] = [("session", self._session), ("always", self._always())]
        return [
            Approval(key, scope, call["tool"], call["arguments"], call["wants"], call["folder"])
            for scope, calls in groups
            for key, call in calls.items()
            if call["folder"] == here
        ]

    def forget(self, approvals: Collection[Approval]) -> None:
        """Take approvals back: what was one of them is asked about again."""
        for approval in approvals:
            if approval.scope == "session":
                self._session.pop(approval.key, None)
        if gone := {approval.key for approval in approvals if approval.scope == "always"}:
            with self._opened(os.O_RDWR, fcntl.LOCK_EX) as fd:
                kept = b"".join(_line_of(key, call) for key, call in self._calls(fd).items() if key not in gone)
                # It only gets shorter; what a crash leaves between these two is refused, never taken for a yes.
                if os.pwrite(fd, kept, 0) != len(kept):
                    raise DataError("the approvals are written in part", where=str(self.file), hint="remove the file")
                os.ftruncate(fd, len(kept))
                os.fsync(fd)

    def _always(self) -> dict[str, dict[str, Any]]:
        try:
            with self._opened(os.O_RDONLY, fcntl.LOCK_SH) as fd:
                return self._calls(fd)
        except FileNotFoundError:
            return {}

    @contextmanager
    def _opened(self, flags: int, lock: int) -> Iterator[int]:
        try:
            fd = os.open(self.file, flags | FLAGS, 0o600)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise DataError("approvals are not read through a link", where=str(self.file)) from error
        try:
            self._check(os.fstat(fd))
            fcntl.flock(fd, lock)
            yield fd
        finally:
            os.close(fd)

    def _check(self, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
            raise DataError("the approvals are no file of yours", where=str(self.file), hint=f"remove {self.file}")
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise DataError("others can write the approvals", where=str(self.file), hint=f"chmod 600 {self.file}")

    def _calls(self, fd: int) -> dict[str, dict[str, Any]]:
        """Return the calls in the file by their keys, each computed from what the user can read there."""
        with os.fdopen(os.dup(fd), "rb") as file:
            file.seek(0)
            return dict(self._line(number, line) for number, line in enumerate(file, 1))

    def _line(self, number: int, line: bytes) -> tuple[str, dict[str, Any]]:
        try:
            call = json.loads(line)
            written = call.pop("key")
            if line.endswith(b"\n") and _key(call) == written:
                return str(written), call
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            pass
        raise DataError("an approval was changed", where=f"{self.file}:{number}", hint="remove the line")


def _readable(tool: str, arguments: Mapping[str, Any], wants: Sequence[str], folder: Path) -> dict[str, Any]:
    return {"tool": tool, "arguments": dict(arguments), "wants": sorted(set(wants)), "folder": str(folder.resolve())}


def _key(call: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(call).encode()).hexdigest()


def _line_of(key: str, call: Mapping[str, Any]) -> bytes:
    return canonical({"key": key, **call}).encode() + b"\n"
