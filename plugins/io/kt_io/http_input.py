"""The input http: a turn for each POST, with its result as the answer; what happens, as server-sent events."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from kt import Agent
from kt.errors import ConfigError

from .asking import Asked, Closed, Desk, open_desk
from .events import InputListening
from .http1 import MAX_HEAD, Head, HttpError, answer, read_body, read_head, text_of
from .listening import Connections, address_of, send, serving, tcp_socket
from .results import error_data, result_data
from .settings import Settings, checked
from .tokens import Token, chosen_token, default_file, is_loopback, kept_token
from .watching import watch

WHERE = "input http"
KEPT, WATCHERS = 100, 20
DISCARD_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class HttpSettings(Settings):
    """Port 0 is a free one; `timeout` is how many seconds a request may take to come.

    `token` is what clients must show; `token_file` is where it is kept, and made if it is not there.
    """

    port: int = 0
    host: str = "127.0.0.1"
    token: str | None = None
    token_file: str | None = None
    path: str = "/"
    timeout: float = 10.0


@asynccontextmanager
async def http(agent: Agent, **settings: Any) -> AsyncIterator[None]:
    """Serve HTTP while the agent runs. InputListening tells the address, and where the token is.

    Raises ConfigError where the address can't be had, or is open to other machines and no token is given or kept.
    """
    given = checked(agent, HttpSettings, settings, WHERE)
    base = given.path.rstrip("/") + "/"
    if not re.fullmatch(r"(/[\w.~-]+)*/", base, re.ASCII):
        raise ConfigError(f"{given.path!r} is no path", where=WHERE, hint="path: /owl")
    if given.timeout <= 0:
        raise ConfigError("timeout is more than 0 seconds", where=WHERE)
    loopback = is_loopback(given.host, WHERE)
    token = chosen_token(agent, given.token, given.token_file, WHERE)
    if token is None and not loopback:
        raise ConfigError(f"{given.host} is open to other machines", where=WHERE, hint="set token_file")
    if token is None:
        token = kept_token(default_file(agent, WHERE), WHERE)
    with closing(tcp_socket(given.host, given.port, WHERE)) as sock, open_desk(agent, "http") as desk:
        server = HttpServer(agent, desk, token, base, given.timeout)
        listening = InputListening("http", f"http://{address_of(sock)}{base}", str(token.file or ""))
        async with serving(sock, desk, server.connections, listening, limit=MAX_HEAD):
            yield


class HttpServer:
    """Answer requests; the results of the last 100 can be asked for again by their ids."""

    def __init__(self, agent: Agent, desk: Desk, token: Token, base: str, timeout: float) -> None:
        self._agent, self._desk, self._token, self._base, self._timeout = agent, desk, token, base, timeout
        self._asked: dict[str, Asked] = {}
        self._watchers = 0
        busy = answer(503, {"error": error_data(HttpError(503, "too many connections"))})
        self.connections = Connections(agent, "request", self._serve, busy=busy)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._desk.started.wait()
        try:
            await self._handle(reader, writer)
        except HttpError as error:
            await send(writer, answer(error.http, {"error": error_data(error)}, error.headers))
            await _discard(reader, writer)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                head = await read_head(reader)
                if head is None:
                    return
                self._route(head)
                text = text_of(head, await read_body(head, reader, writer)) if head.method == "POST" else ""
        except TimeoutError:
            raise HttpError(408, f"the request did not come within {self._timeout:g} s") from None
        name = head.path.removeprefix(self._base)
        if head.method == "POST":
            await self._post(head, text, writer)
        elif name == "events":
            await self._watch(reader, writer)
        else:
            await self._send_result(writer, name, self._asked[name])

    def _route(self, head: Head) -> None:
        """Raise HttpError for who may not ask, and for what is not there."""
        scheme, _, shown = head.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._token.fits(shown.strip()):
            headers = {"WWW-Authenticate": "Bearer"}
            raise HttpError(401, "the token is missing or wrong", hint="Authorization: Bearer TOKEN", headers=headers)
        name = head.path.removeprefix(self._base) if head.path.startswith(self._base) else None
        if head.path == self._base.rstrip("/"):
            name = ""
        if name is None or (name and name != "events" and name not in self._asked):
            raise HttpError(404, f"nothing is at {head.path}")
        allowed = "GET" if name else "POST"
        if head.method != allowed:
            raise HttpError(405, f"{head.path} takes {allowed}", headers={"Allow": allowed})
        if head.query.get("wait", "1") not in ("0", "1"):
            raise HttpError(400, "wait is 0 or 1")

    async def _post(self, head: Head, text: str, writer: asyncio.StreamWriter) -> None:
        self._make_room()
        id = token_hex(8)
        with self.connections.answering():
            try:
                asked = self._asked[id] = self._desk.ask(text)
            except Closed as error:
                raise HttpError(503, str(error)) from None
            if head.query.get("wait") != "0":
                await asyncio.wait([asked.answer])
            await self._send_result(writer, id, asked)

    def _make_room(self) -> None:
        """Forget the oldest results. Raises HttpError where all that is kept still waits for its turn."""
        for id in [id for id, asked in self._asked.items() if asked.answer.done()]:
            if len(self._asked) < KEPT:
                return
            del self._asked[id]
        if len(self._asked) >= KEPT:
            raise HttpError(503, f"{KEPT} requests wait already", headers={"Retry-After": "10"})

    async def _send_result(self, writer: asyncio.StreamWriter, id: str, asked: Asked) -> None:
        if asked.answer.done():
            data = {"id": id, **result_data(asked.answer.result())}
            await send(writer, answer(503 if asked.lost else 200, data))
        else:
            data = {"id": id, "status": "running" if asked.turn else "queued"}
            await send(writer, answer(202, data, {"Location": self._base + id}))

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._watchers >= WATCHERS:
            raise HttpError(503, f"{WATCHERS} clients watch already")
        self._watchers += 1
        try:
            await watch(self._agent, reader, writer)
        finally:
            self._watchers -= 1


async def _discard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read what a refused client still sends: a connection closed over it would take the answer away."""
    writer.write_eof()
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while await reader.read(MAX_HEAD):
                pass
    except TimeoutError:
        pass
