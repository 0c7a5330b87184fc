"""The input socket: a turn for each line of a connection, on a unix socket or TCP; each answer is a JSON line."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kt import Agent, KTError, Status, TurnResult
from kt.errors import ConfigError, DataError, Vetoed

from .asking import Closed, Desk, open_desk
from .events import InputListening
from .listening import Connections, address_of, send, serving, tcp_socket, unix_socket
from .results import error_data
from .settings import Settings, checked, path_below
from .tokens import Token, chosen_token, is_loopback

WHERE = "input socket"
MAX_LINE = 1024 * 1024
TOKEN_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class SocketSettings(Settings):
    """`path` is that of a unix socket, below the working folder unless absolute; without it, TCP on `host`, `port`.

    Port 0 is a free one. With a token, given or kept in `token_file`, the first line of a connection must be the token.
    """

    path: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    token_file: str | None = None


@asynccontextmanager
async def socket(agent: Agent, **settings: Any) -> AsyncIterator[None]:
    """Serve lines while the agent runs; who asked gets the answer. InputListening tells the address.

    What came over TCP without a token has the origin "socket". Raises ConfigError where the address can't be had, or
    would be open to other machines without a token.
    """
    given = checked(agent, SocketSettings, settings, WHERE)
    token = _token(agent, given)
    with ExitStack() as stack:
        if given.path is not None:
            path = path_below(agent, given.path)
            sock, address = stack.enter_context(unix_socket(path, WHERE)), f"unix:{path}"
        else:
            sock = stack.enter_context(tcp_socket(given.host, given.port, WHERE))
            address = f"tcp://{address_of(sock)}"
        desk = stack.enter_context(open_desk(agent, "socket"))
        lines = LineServer(agent, desk, token, "" if token is not None or given.path is not None else "socket")
        listening = InputListening("socket", address, str(token.file or "") if token else "")
        async with serving(sock, desk, lines.connections, listening, limit=MAX_LINE):
            yield


def _token(agent: Agent, given: SocketSettings) -> Token | None:
    token = chosen_token(agent, given.token, given.token_file, WHERE)
    if given.path is not None and token is not None:
        raise ConfigError("a unix socket needs no token: only its user can connect", where=WHERE)
    if given.path is None and token is None and not is_loopback(given.host, WHERE):
        raise ConfigError(f"{given.host} is open to other machines", where=WHERE, hint="set token_file")
    return token


class LineServer:
    """Ask the agent each line of a connection, the next one when the one before is answered."""

    def __init__(self, agent: Agent, desk: Desk, token: Token | None, origin: str) -> None:
        self._desk, self._token, self._origin = desk, token, origin
        self.connections = Connections(agent, "connection", self._serve, busy=answer_line(_refusal("too many clients")))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._desk.started.wait()
        try:
            if self._token is not None:
                await self._admit(reader, self._token)
            while (line := await _line(reader)) is not None:
                if not line.strip():
                    continue
                with self.connections.answering():
                    asked = self._desk.ask(_text(line), origin=self._origin)
                    await send(writer, answer_line(await asked.answer))
                if asked.lost:
                    break
        except KTError as error:
            await send(writer, answer_line(TurnResult(Status(error.status), error=error)))

    async def _admit(self, reader: asyncio.StreamReader, token: Token) -> None:
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                shown = await _line(reader)
        except TimeoutError:
            shown = None
        if shown is None or not token.fits(shown.decode("utf-8", "replace")):
            raise Vetoed("this is not the token", hint="send the token as the first line")


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next line without its end, None where there is none. Raises DataError for more than 1 MiB."""
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        line = error.partial
    except asyncio.LimitOverrunError:
        raise DataError(f"a line is longer than {MAX_LINE} bytes") from None
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"this line is no UTF-8: {error.reason} at byte {error.start}") from None


def _refusal(why: str) -> TurnResult:
    return TurnResult(Status.failed, error=Closed(why))


def answer_line(result: TurnResult) -> bytes:
    """Return a result as one line of JSON: status, text and error."""
    error = None if result.error is None else error_data(result.error)
    line = json.dumps({"status": result.status.value, "text": result.text, "error": error}, ensure_ascii=False)
    return line.encode("utf-8", "backslashreplace") + b"\n"
