"""What the tests of the ChatGPT login are written in: an issuer whose refresh tokens work once, a service, tokens."""

import asyncio
import base64
import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kt import Host, Message, Request, Text
from kt.testing import VirtualClock
from kt_codex.login import login
from kt_codex.provider import CodexProvider, codex
from kt_codex.tokens import Tokens

NOW = 1_800_000_000.0
HOUR = 3600.0
ACCOUNT = "acc-0001"
AUTH = "https://api.openai.com/auth"


def jwt(**claims: Any) -> str:
    parts = [{"alg": "none"}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*coded, "s1gnature-s1gnature"])


def access(number: int, expires: float = NOW + HOUR) -> str:
    return jwt(exp=expires, n=number, secret="access-secret")


def tokens(expires: float = NOW + HOUR, *, issuer: str = "", number: int = 0) -> Tokens:
    return Tokens(access(number, expires), f"rt-secret-{number:04}", ACCOUNT, issuer)


def saved(path: Path, login: Tokens) -> Path:
    """Write a login's file by hand."""
    table = {"version": 1, "issuer": login.issuer, "account_id": login.account}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(table | {"access_token": login.access, "refresh_token": login.refresh}))
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def there(path: Path) -> bool:
    return path.exists()


def gone(path: Path) -> None:
    path.unlink()


def put(path: Path, text: str = "", *, link: Path | None = None, folder: bool = False) -> None:
    """Put text, a link or a folder in the place of a file."""
    path.unlink(missing_ok=True)
    if link is not None:
        path.symlink_to(link)
    elif folder:
        path.mkdir(mode=0o700)
    else:
        path.touch(mode=0o600)
        path.write_text(text)


class FastClock(VirtualClock):
    """Time that jumps to where a sleeper wants to be."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def reply(status: int, data: Any = None, **headers: str) -> bytes:
    body = b"" if data is None else json.dumps(data).encode()
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(body)}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + body


class Issuer:
    """Grant tokens as the service does; `server.answers = [issuer]`, `server` being the fixture.

    `spent` holds refresh tokens that were used; `challenge` is what the browser brought; `polls` are the answers to
    the next questions of a device, then its code comes. `gate` holds every refresh back until it is set.
    """

    CODE, USER_CODE, DEVICE = "code-secret-0123456789", "ABCD-12345", "device-secret-0123456789"
    VERIFIER = "verifier-secret-0123456789-0123456789-0123456789"

    def __init__(self, expires: float = NOW + HOUR) -> None:
        self.expires, self.number = expires, 0
        self.challenge, self.redirect, self.interval = "", "", "5"
        self.spent: list[str] = []
        self.valid = "rt-secret-0000"
        self.polls: list[bytes] = []
        self.forms: list[dict[str, str]] = []
        self.revoked: list[str] = []
        self.errors: list[bytes] = []
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def __call__(self, peer: Any) -> None:
        path = urlsplit(peer.path).path
        if path == "/oauth/token":
            await peer.send(await self._token({k: v[0] for k, v in parse_qs(peer.body.decode()).items()}))
        elif path == "/api/accounts/deviceauth/usercode":
            assert set(peer.json) == {"client_id"}
            table = {"device_auth_id": self.DEVICE, "usercode": self.USER_CODE, "interval": self.interval}
            await peer.send(reply(200, table))
        elif path == "/api/accounts/deviceauth/token":
            assert peer.json == {"device_auth_id": self.DEVICE, "user_code": self.USER_CODE}
            done = {"authorization_code": self.CODE, "code_verifier": self.VERIFIER, "code_challenge": "c"}
            await peer.send(self.polls.pop(0) if self.polls else reply(200, done))
        elif path == "/oauth/revoke":
            self.revoked.append(peer.json["token"])
            await peer.send(self.errors.pop(0) if self.errors else reply(200, {}))
        else:
            await peer.send(reply(404))

    async def _token(self, form: dict[str, str]) -> bytes:
        self.forms.append(form)
        self.asked.set()
        await self.gate.wait()
        if self.errors:
            return self.errors.pop(0)
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.valid:
                words = f"Your refresh token {form['refresh_token']} has already been used."
                return reply(401, {"error": {"message": words, "code": "refresh_token_reused"}})
            self.spent.append(self.valid)
        else:
            assert form["code"] == self.CODE
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            assert form["code_verifier"] == self.VERIFIER or made == self.challenge
            self.redirect = form["redirect_uri"]
        return self.grant()

    def grant(self) -> bytes:
        self.number += 1
        self.valid = f"rt-secret-{self.number:04}"
        id_token = jwt(**{AUTH: {"chatgpt_account_id": ACCOUNT}}, secret="id-secret")
        granted = {"access_token": access(self.number, self.expires), "refresh_token": self.valid, "id_token": id_token}
        return reply(200, {**granted, "expires_in": 3600, "token_type": "Bearer"})


def secrets_of(*texts: str) -> list[str]:
    """Return what in texts is a secret of these tests."""
    pieces = [jwt(secret="x").split(".")[2], "rt-secret", Issuer.CODE, Issuer.DEVICE, Issuer.VERIFIER]
    return [piece for piece in pieces if any(piece in text for text in texts)]


async def get(url: str, *, method: str = "GET", raw: bytes | None = None) -> tuple[int, str]:
    """Ask as a browser does and return status and page."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection("127.0.0.1", parts.port)
    writer.write(raw or f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    await writer.drain()
    answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split(" ")[1]) if answer else 0, answer


def start(
    server: Any,
    host: Host,
    path: Path,
    browser: Callable[[str], object] | None = None,
    device: bool = False,
    **more: Any,
) -> "tuple[asyncio.Task[Path], list[str]]":
    said: list[str] = []
    given = {"file": path, "issuer": server.url, "say": said.append, "open_url": browser, "ports": (0,), **more}
    return asyncio.create_task(login(host, device, **given)), said


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
LIMITS = {"plan_type": "plus", "rate_limits": {"primary": {"used_percent": 12, "window_minutes": 300}}}
USED = {"input_tokens": 7, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed=="}


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def answer(*items: dict[str, Any], text: str = "", limits: bool = False) -> bytes:
    """Return an answer as ChatGPT's service gives it: its last event has no output."""
    out = HEAD + event("response.created", response={"id": "r1", "status": "in_progress", "model": "m-1"})
    out += event("codex.rate_limits", **LIMITS) if limits else b""
    if text:
        out += event("response.output_text.delta", output_index=len(items), delta=text)
        content = [{"type": "output_text", "text": text, "annotations": []}]
        items = (*items, {"type": "message", "id": "m", "role": "assistant", "content": content})
    for place, item in enumerate(items):
        out += event("response.output_item.done", output_index=place, item=item)
    return out + event("response.completed", response={"id": "r1", "status": "completed", "output": [], "usage": USED})


HELLO = answer(text="Hello")


def made(server: Any, host: Host, path: Path, expires: float = NOW + HOUR, **options: Any) -> CodexProvider:
    saved(path, tokens(expires, issuer=server.url))
    return codex("m", {"base_url": f"{server.url}/codex", "login": str(path), **options}, host)


class Service:
    """Answer requests for tokens as the issuer, others with the next of `answers`; `calls` are those others."""

    def __init__(self, server: Any, *answers: bytes) -> None:
        self.issuer, self.answers, self.calls = Issuer(), list(answers), list[Any]()
        server.answers = [self]

    async def __call__(self, peer: Any) -> None:
        if not peer.path.startswith("/codex"):
            await self.issuer(peer)
            return
        self.calls.append(peer)
        await peer.send(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


async def ask(provider: CodexProvider, *messages: Message, **fields: Any) -> tuple[list[Any], Message]:
    request = Request(messages or [Message("user", [Text("hi")])], **fields)
    items: list[Any] = [item async for item in provider.stream(request)]
    assert isinstance(items[-1], Message)
    return items[:-1], items[-1]
