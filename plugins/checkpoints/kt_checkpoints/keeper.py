"""Tell an agent's log what files are before a call, and which ones the call changed."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kt import Agent, ToolCall
from kt.events import Advice

from .events import FileKept, FilesChanged
from .files import MISSING, UNKNOWN, Look, Stamp, folders_above, is_folder, look, stamp_of
from .scan import Scan, scan
from .settings import Settings
from .targets import Targets


@dataclass(slots=True)
class Before:
    """What there was before a call: the files it names, and, where it may write any, all of the working folder.

    `lacked` are folders above the files that were not there.
    """

    looks: dict[str, Look] = field(default_factory=dict)
    lacked: list[str] = field(default_factory=list)
    scan: Scan | None = None


class Keeper:
    """Keep files for one agent.

    `left` has the state that the log last told of a path, `held` the states of which it has the content.
    """

    def __init__(self, agent: Agent, settings: Settings, left: Mapping[str, str]) -> None:
        self.agent, self.settings = agent, settings
        self.root = agent.pwd.resolve()
        self.left = dict(left)
        self.held: set[str] = {MISSING}
        self._lock = asyncio.Lock()
        self._turn: int | None = None
        self._kept: set[str] = set()
        self._stamps: dict[str, Stamp] = {}
        self._room = settings.max_total_bytes
        self._told: set[str] = set()

    async def before(self, call: ToolCall, wanted: Targets) -> Before:
        """Keep what a call may change; return what there was."""
        async with self._lock:
            looks = await asyncio.to_thread(self._look_at, wanted.paths)
            self._begin_turn()
            for path, found in looks.items():
                self._keep(call, path, found)
            seen = Before({path: Look(found.state, found.stamp) for path, found in looks.items()})
            seen.lacked = self._lacking(path for path, found in looks.items() if found.state == MISSING)
            if wanted.anywhere:
                seen.scan = await self._scan()
                await self._observe(seen.scan)
            return seen

    async def after(self, call: ToolCall, before: Before) -> None:
        """Record which files differ from what there was."""
        async with self._lock:
            looks = await asyncio.to_thread(self._look_at, before.looks)
            changed = {path: found.state for path, found in looks.items() if _differs(before.looks[path], found)}
            made = {folder for folder in before.lacked if is_folder(self.root / folder)}
            later: dict[str, Look] = {}
            if before.scan is not None:
                after = await self._scan(before.scan)
                suspects = [p for p in _suspects(before.scan, after, self.left) if p not in before.looks]
                found = await asyncio.to_thread(self._look_again, suspects)
                later = self._changed_by_program(before.scan, found)
                changed |= {path: found.state for path, found in later.items()}
                made |= {
                    folder for folder in after.folders if before.scan.lacked_folder(folder) and _shown(folder) == folder
                }
            if changed or made:
                self.left |= changed
                paths = {_shown(path): state for path, state in changed.items()}
                self.agent.record(FilesChanged(call.id, paths, tuple(sorted(made))))
            for path, now in later.items():
                if now.data is not None and now.state not in self.held:
                    self._tell(FileKept(path, now.data, now.mode, "", now.state))

    def _begin_turn(self) -> None:
        turn = self.agent.turn
        if turn is None or turn.id != self._turn:
            self._turn, self._kept = None if turn is None else turn.id, set()

    def _keep(self, call: ToolCall, path: str, found: Look) -> None:
        """Record a file that a call is about to change, unless the log has it of this turn."""
        if found.state == UNKNOWN or (path in self._kept and self.left.get(path) == found.state):
            return
        self._kept.add(path)
        self._tell(FileKept(path, found.data, found.mode, call.id, found.state))

    def _lacking(self, paths: Iterable[str]) -> list[str]:
        """Return the folders above paths that are not there."""
        above = dict.fromkeys(folder for path in paths for folder in folders_above(path))
        return [folder for folder in above if not os.path.lexists(self.root / folder)]

    def _tell(self, kept: FileKept) -> None:
        self.left[kept.path] = kept.state
        self.held.add(kept.state)
        self.agent.log.append(kept)

    def _look_at(self, paths: Iterable[str]) -> dict[str, Look]:
        return {path: self._look(path, self.settings.max_file_bytes) for path in paths}

    def _look(self, path: str, limit: int) -> Look:
        """Return a file; of one outside the working folder, or whose name no text can carry, only its stamp."""
        if not PurePosixPath(path).is_absolute() and _shown(path) == path:
            return look(self.root, path, limit)
        try:
            return Look(UNKNOWN, stamp_of(os.lstat(self.root / path)))
        except OSError:
            return Look(UNKNOWN)

    async def _scan(self, before: Scan | None = None) -> Scan:
        ignored = None if before is None else before.ignored
        skip = self._session_file()
        found = await asyncio.to_thread(scan, self.root, self.settings.max_entries, skip=skip, ignored=ignored)
        if not found.complete:
            limit = f"{self.settings.max_entries:,}"
            self._advise(f"checkpoints looks at {limit} files and folders: what tools change in others goes unnoticed")
        return found

    def _session_file(self) -> str:
        """Return the session's own file where it lies in the working folder; "" elsewhere."""
        file = Path(self.agent.session).resolve() if self.agent.session else self.root
        return file.relative_to(self.root).as_posix() if self.root in file.parents else ""

    def _advise(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.agent.bus.publish(Advice(text))

    async def _observe(self, there: Scan) -> None:
        """Record what the log does not have of the files of the working folder; with keep "writes", of those it has."""
        known = self._stamps
        new = [path for path, stamp in there.files.items() if self._follows(path) and known.get(path) != stamp]
        new += [
            p for p, state in self.left.items() if state != UNKNOWN and state not in self.held and p not in there.files
        ]
        gone = [path for path in known if path not in there.files] if there.complete else []
        looks = await asyncio.to_thread(self._look_again, [*new, *gone])
        self._stamps = {
            path: stamp for path, stamp in there.files.items() if path not in there.recent and self._follows(path)
        }
        for path, found in looks.items():
            if found.state != UNKNOWN and (found.state != self.left.get(path, MISSING) or found.state not in self.held):
                self._tell(FileKept(path, found.data, found.mode, "", found.state))
            elif found.stamp is not None and self._room < found.stamp.size <= self.settings.max_small_bytes:
                limit = f"{self.settings.max_total_bytes / 1e6:,.0f} MB"
                self._advise(f"checkpoints keeps {limit} of files that no call names: what others are is not kept")

    def _follows(self, path: str) -> bool:
        """Tell whether changes of a file that no call names are to be kept."""
        return self.settings.keep == "workspace" or self.left.get(path, UNKNOWN) != UNKNOWN

    def _look_again(self, paths: Iterable[str]) -> dict[str, Look]:
        """Return files that no call names, with their content as long as there is room for it."""
        looks: dict[str, Look] = {}
        small = self.settings.max_small_bytes
        for path in paths:
            if not self._follows(path):
                looks[path] = self._look(path, -1)
                continue
            known = self.left.get(path, UNKNOWN) != UNKNOWN
            found = self._look(path, min(self._room, self.settings.max_file_bytes if known else small))
            if found.data is not None and found.state not in self.held:
                self._room -= len(found.data)
            looks[path] = found
        return looks

    def _changed_by_program(self, before: Scan, looks: dict[str, Look]) -> dict[str, Look]:
        """Return the files that are not as the log has them; tell of the new ones that they were not there."""
        changed: dict[str, Look] = {}
        for path, found in looks.items():
            if self.left.get(path) == found.state != UNKNOWN:
                continue
            changed[path] = found
            if self._is_new(before, path, found):
                self._tell(FileKept(path, None, 0, "", MISSING))
        return changed

    def _is_new(self, before: Scan, path: str, found: Look) -> bool:
        """Tell whether a file is new, which the log does not say yet, and its content is kept.

        One that is not kept may have been moved from where nothing is kept: who removes it would lose it.
        """
        if path in self.left or found.data is None or found.stamp is None:
            return False
        return before.lacked_file(path, found.stamp)


def _differs(before: Look, after: Look) -> bool:
    return before.state != after.state or (after.state == UNKNOWN and before.stamp != after.stamp)


def _suspects(before: Scan, after: Scan, left: dict[str, str]) -> list[str]:
    """Return the files that may differ between two scans."""
    found = [p for p, stamp in after.files.items() if before.files.get(p) != stamp]
    if not before.complete:
        found = [p for p in found if p in before.files]
    if after.complete:
        found += [p for p in before.files if p not in after.files]
    followed = [p for p, state in left.items() if state not in (MISSING, UNKNOWN)]
    # Of these a change may not show: the file came and went in between, is left out of scans, or changed just before.
    hidden = [p for p in followed if p in before.recent or not (p in before.files or p in after.files)]
    return list(dict.fromkeys(found + hidden))


def _shown(path: str) -> str:
    """Return a path as text that every log can carry: bytes that are no UTF-8 become escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
