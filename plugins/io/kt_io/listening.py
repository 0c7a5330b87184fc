"""Listen on an address, and serve connections in tasks that end with the agent."""

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from kt import Agent
from kt.errors import ConfigError

from .asking import Desk
from .events import InputListening

MOST = 256
GRACE_SECONDS, SEND_SECONDS = 2.0, 30.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def tcp_socket(host: str, port: int, where: str) -> socket.socket:
    """Return a socket that listens. Raises ConfigError where the address can't be had."""
    if not 0 <= port <= 65_535:
        raise ConfigError(f"can't listen on port {port}: there are 65535", where=where)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(f"can't listen on {host} port {port}: {error}", where=where) from error


@contextmanager
def unix_socket(path: Path, where: str) -> Iterator[socket.socket]:
    """Yield a socket that only its user may connect to; its file is removed at the end.

    What a dead process left is replaced. Raises ConfigError where something else is there, or a live one.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead(path, where)
        # Nobody can connect before it listens, so nobody can between the first two.
        made.bind(str(path))
        path.chmod(0o600)
        made.listen(100)
        mine = path.lstat().st_ino
    except OSError as error:
        made.close()
        raise ConfigError(f"can't listen on {str(path)!r}: {error}", where=where) from error
    except ConfigError:
        made.close()
        raise
    try:
        yield made
    finally:
        made.close()
        if path.exists() and path.lstat().st_ino == mine:
            path.unlink()


def _remove_dead(path: Path, where: str) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"{str(path)!r} is there and no socket", where=where, hint="remove it")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.setblocking(False)
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError(f"another process listens on {str(path)!r}", where=where, hint="stop it, or use another path")


def address_of(sock: socket.socket) -> str:
    """Return HOST:PORT of a TCP socket, as in a URL."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Connections:
    """Serve each connection in a task of its own, at most 256 at once; one too many hears `busy` and is closed."""

    def __init__(self, agent: Agent, name: str, serve: Serve, *, busy: bytes) -> None:
        self.agent, self._name, self._serve, self._busy = agent, name, serve, busy
        self._open: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None] | None] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a new connection."""
        if len(self._open) >= MOST:
            writer.write(self._busy)
            writer.close()
            return
        task = self.agent.spawn(self._served(reader, writer), name=f"{self.agent.name} {self._name}")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Say that the connection of this task owes an answer: at the end it gets two seconds for it."""
        task = asyncio.current_task()
        self._answering.add(task)
        try:
            yield
        finally:
            self._answering.discard(task)

    async def close(self) -> None:
        """End every connection; those that owe an answer may give it."""
        for task in self._open - self._answering:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=GRACE_SECONDS)
        for task in set(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError):
            pass  # the client has gone, or reads nothing
        finally:
            writer.close()
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await writer.wait_closed()
            except (OSError, TimeoutError):
                writer.transport.abort()


@asynccontextmanager
async def serving(
    sock: socket.socket, desk: Desk, connections: Connections, listening: InputListening, *, limit: int
) -> AsyncIterator[None]:
    """Accept connections until left, and tell so once the agent has started; `limit` bounds a line or head, in bytes.

    At the end the desk is closed first, so that who waits for an answer hears why there is none.
    """
    agent = connections.agent

    async def tell() -> None:
        await desk.started.wait()
        agent.bus.publish(listening)

    start = asyncio.start_unix_server if sock.family == socket.AF_UNIX else asyncio.start_server
    server = await start(connections.accept, sock=sock, limit=limit)
    task = agent.spawn(tell(), name=f"{agent.name} {listening.address}")
    try:
        yield
    finally:
        task.cancel()
        server.close()
        desk.close()
        await connections.close()
        await asyncio.wait([task])


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send data. Raises TimeoutError where the client takes none of it for half a minute."""
    writer.write(data)
    async with asyncio.timeout(SEND_SECONDS):
        await writer.drain()
