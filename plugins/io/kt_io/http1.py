"""A small part of HTTP/1.1, strictly: one request a connection, a body of known length, an answer as JSON."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from kt import KTError

MAX_HEAD, MAX_HEADERS, MAX_BODY = 32_768, 100, 1024 * 1024
LINE = re.compile(rb"([A-Z]{1,20}) (/[!-~]*) HTTP/1\.([01])")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
ONCE = ("host", "content-length", "content-type", "transfer-encoding", "authorization", "expect")


class HttpError(KTError):
    """Answer a request with an error: `http` is the status code, `headers` are added to the answer's."""

    code = "E-REQUEST"

    def __init__(self, http: int, what: str, *, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(what, hint=hint)
        self.http, self.headers = http, headers or {}


@dataclass(slots=True)
class Head:
    """The head of a request: `headers` by their names in lower case, `query` decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Return the head of the next request, None where none came. Raises HttpError for what is no HTTP/1 request."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise HttpError(400, "the request ends in its head") from None
    except asyncio.LimitOverrunError:
        raise HttpError(431, f"the head is longer than {MAX_HEAD} bytes") from None
    first, *rest = head[:-4].split(b"\r\n")
    line = LINE.fullmatch(first)
    if line is None:
        raise HttpError(400, "this is no HTTP/1.1 request")
    headers = _headers(rest)
    if line[3] == b"1" and "host" not in headers:
        raise HttpError(400, "there is no Host header")
    path, _, query = line[2].decode().partition("?")
    return Head(line[1].decode(), path, _query(query), headers)


def _headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MAX_HEADERS:
        raise HttpError(431, f"there are more than {MAX_HEADERS} headers")
    found: dict[str, str] = {}
    for line in lines:
        match = HEADER.fullmatch(line)
        if match is None:
            raise HttpError(400, "a header is malformed")
        name, value = match[1].decode().lower(), match[2].decode("latin-1")
        if name in found and name in ONCE:
            raise HttpError(400, f"the header {name} is there twice")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=20))
    except ValueError as error:
        raise HttpError(400, f"the query is malformed: {error}") from None


async def read_body(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the body, of at most 1 MiB. Raises HttpError where its length is not told, too much, or not kept."""
    length = head.headers.get("content-length")
    if "transfer-encoding" in head.headers:
        raise HttpError(411 if length is None else 400, "a body comes with Content-Length, not with Transfer-Encoding")
    if length is None:
        raise HttpError(411, "there is no Content-Length")
    if not re.fullmatch(r"[0-9]{1,19}", length):
        raise HttpError(400, "Content-Length is no number")
    if int(length) > MAX_BODY:
        raise HttpError(413, f"the body is longer than {MAX_BODY} bytes")
    if head.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        return await reader.readexactly(int(length))
    except asyncio.IncompleteReadError:
        raise HttpError(400, "the body is shorter than its Content-Length") from None


def text_of(head: Head, body: bytes) -> str:
    """Return what a body says: plain text, or "text" of a JSON object. Raises HttpError for anything else."""
    kind = head.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    if kind not in ("text/plain", "application/json"):
        raise HttpError(415, f"the body is {kind}", hint="send text/plain, or application/json")
    try:
        text = body.decode()
        if kind == "application/json":
            text = _json_text(json.loads(text))
            text.encode()
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"the body can't be read: {error}") from None
    if not text.strip():
        raise HttpError(400, "the body says nothing")
    return text


def _json_text(data: Any) -> str:
    if not isinstance(data, dict) or not isinstance(data.get("text"), str) or len(data) != 1:
        raise HttpError(400, 'the body is not {"text": "..."}')
    return str(data["text"])


def answer(status: int, data: object, headers: Mapping[str, str] | None = None) -> bytes:
    """Return an answer with JSON data, after which the connection is closed."""
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    every = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    return head_of(status, every) + body


def head_of(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the head of an answer that nothing on the way may keep."""
    every = {**headers, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Connection": "close"}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in every.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
