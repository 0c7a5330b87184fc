"""The way back from the browser: a server on this machine that waits for one answer."""

import asyncio
import errno
import hmac
from collections.abc import Sequence
from typing import Self
from urllib.parse import parse_qs, urlsplit

from kt.errors import ConfigError, KeyRefused

PATH = "/auth/callback"
PORTS = (1455, 1457)
"""The ports that the issuer accepts for this client."""
MAX_HEAD = 16 << 10
HEAD_TIME = 10.0
HERE = "127.0.0.1"
IN_USE = (errno.EADDRINUSE, errno.EACCES)


class Callback:
    """Wait on the first free port for the browser to bring a code: `async with Callback(state) as it: await it.code`.

    Requests with another `state` are refused and change nothing. `code` raises KeyRefused where the user or the
    issuer said no.
    """

    def __init__(self, state: str, ports: Sequence[int] = PORTS) -> None:
        self._state, self._ports = state, ports
        self._open: dict[asyncio.Task[object], asyncio.StreamWriter] = {}
        self.port = 0

    async def __aenter__(self) -> Self:
        self.code: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._server = await self._bind()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.close()
        if self._open:
            await asyncio.wait(self._open)
        if not self.code.cancel() and not self.code.cancelled():
            self.code.exception()  # seen, also where nobody waits any more

    @property
    def address(self) -> str:
        """Return the address that the browser is to come back to."""
        return f"http://localhost:{self.port}{PATH}"

    async def _bind(self) -> asyncio.Server:
        for port in self._ports:
            try:
                return await asyncio.start_server(self._serve, HERE, port, limit=MAX_HEAD)
            except OSError as error:
                if error.errno not in IN_USE:
                    raise
        ports = " and ".join(map(str, self._ports))
        hint = "end the login that runs elsewhere, or use kt login codex --device"
        raise ConfigError(f"the ports {ports} of this machine are in use", hint=hint)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            async with asyncio.timeout(HEAD_TIME):
                head = await reader.readuntil(b"\r\n\r\n")
                status, words, outcome = self._answer(head.decode("latin-1"))
                writer.write(_page(status, words))
                await writer.drain()
            if outcome is not None and not self.code.done():
                _settle(self.code, outcome)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
            pass  # not the browser, or it has gone away
        finally:
            writer.close()
            del self._open[task]

    def _answer(self, head: str) -> tuple[str, str, str | KeyRefused | None]:
        """Return the status, the words for the page, and the code or the refusal that came, if any."""
        method, _, rest = head.partition("\r\n")[0].partition(" ")
        target = rest.partition(" ")[0]
        try:
            parts = urlsplit(target)
        except ValueError:
            return "400 Bad Request", "This is no address.", None
        if method != "GET" or parts.path != PATH:
            return "404 Not Found", "There is nothing here.", None
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if not hmac.compare_digest(given.get("state", "").encode(), self._state.encode()):
            return "400 Bad Request", "This answer belongs to another login; it was not used.", None
        if self.code.done():
            return "400 Bad Request", "This login has had its answer.", None
        if given.get("code"):
            return "200 OK", "You can close this window. The terminal says how the login went on.", given["code"]
        return "200 OK", "The login was refused. You can close this window.", _refused(given)


def _refused(given: dict[str, str]) -> KeyRefused:
    """Return the error for an answer without a code, in the issuer's words as far as these are words."""
    words = [given.get(name, "") for name in ("error", "error_description")]
    said = ": ".join("".join(c for c in text if c.isprintable())[:200] for text in words if text)
    return KeyRefused(f"the login was refused: {said or 'no reason given'}", hint="kt login codex")


def _settle(code: "asyncio.Future[str]", outcome: str | KeyRefused) -> None:
    if isinstance(outcome, KeyRefused):
        code.set_exception(outcome)
    else:
        code.set_result(outcome)


def _page(status: str, words: str) -> bytes:
    text = f"<!doctype html><meta charset=utf-8><title>Terrarium</title><p>{words}</p>\n".encode()
    head = (
        f"HTTP/1.1 {status}",
        "content-type: text/html; charset=utf-8",
        f"content-length: {len(text)}",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "content-security-policy: default-src 'none'",
        "connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + text
