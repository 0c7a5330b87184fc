"""The session files that the agents of a host keep: opened once, however many agents share one."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from .file import SessionFile, Stream
from .writer import Writer

if TYPE_CHECKING:
    from kt import Host


class Sessions:
    """Hold the open `files` of a host, by path. Get it with `Sessions.of(host)`; it is closed with the host."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.files: dict[Path, SessionFile] = {}
        self._opening = asyncio.Lock()

    @classmethod
    def of(cls, host: "Host") -> "Sessions":
        """Return the sessions of a host, made on first use."""
        from kt.errors import MissingPlugin

        try:
            return host.get(cls)
        except MissingPlugin:
            host.provide(made := cls())
            return made

    async def open(self, path: Path) -> SessionFile:
        """Return the file, open for writing. Raises what SessionFile.open raises."""
        async with self._opening:
            return await self._opened(path)

    async def _opened(self, path: Path) -> SessionFile:
        path = path.expanduser().resolve()  # noqa: ASYNC240  one look at the disk, at start
        file = self.files.get(path)
        if file is None:
            file = self.files[path] = SessionFile(path)
            try:
                await self.writer.open(file)
            except BaseException:
                del self.files[path]
                raise
        file.users += 1
        return file

    async def take(self, path: Path, name: str, kind: str, parent: int | None = None) -> tuple[SessionFile, Stream]:
        """Return a file and the stream of a name in it, which nobody else here writes until `leave`.

        Raises SessionLocked where somebody does, and what SessionFile.open raises.
        """
        file = await self.open(path)
        try:
            stream, statement = file.take(name, kind, parent)
        except BaseException:
            await self.release(file)
            raise
        if statement is not None:
            self.writer.append(file, statement)
        return file, stream

    async def leave(self, file: SessionFile, stream: Stream) -> None:
        """Let others write a stream; its file is closed with the last one."""
        file.busy.discard(stream.id)
        await self.release(file)

    async def release(self, file: SessionFile) -> None:
        """Close a file once nobody uses it."""
        file.users -= 1
        if not file.users:
            del self.files[file.path]
            await self.writer.close(file)

    async def aclose(self) -> None:
        """Close what is open, and end the thread."""
        for file in list(self.files.values()):
            file.users = 1
            await self.release(file)
        self.writer.stop()
