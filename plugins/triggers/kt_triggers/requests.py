"""HTTP/1.1 requests, read strictly: what is odd is refused, never guessed at."""

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 64 * 1024
MOST_HEADERS = 64
REASONS = {
    100: "Continue", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 413: "Content Too Large",
    431: "Request Header Fields Too Large", 503: "Service Unavailable",
}  # fmt: skip
_REQUEST = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([ -~\t]*)")
_SINGLE = ("host", "content-length", "authorization", "x-kt-token", "content-type", "expect")
_LENGTH = re.compile(r"[0-9]{1,12}")


class Refusal(Exception):
    """Answer a request with an error: its status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(slots=True)
class Head:
    """The start of a request: `headers` by name in lower case, `length` of the body in bytes."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    length: int = 0

    @property
    def token(self) -> str:
        """Return the token it brings: as bearer, in a header of its own, or in the address."""
        scheme, _, bearer = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return bearer.strip()
        return self.headers.get("x-kt-token") or self.query.get("token", [""])[0]


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Return the head of the next request; None where the connection ends before one. Raises Refusal."""
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise Refusal(431, f"the headers are longer than {HEAD_LIMIT} bytes") from None
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Refusal(400, "the request ends in its headers") from None
        return None
    return parse_head(data)


def parse_head(data: bytes) -> Head:
    """Return the head that ends with an empty line. Raises Refusal for what HTTP does not allow."""
    first, *lines = data[:-4].decode("latin-1").split("\r\n")
    asked = _REQUEST.fullmatch(first)
    if asked is None:
        raise Refusal(400, "the request line is malformed")
    if len(lines) > MOST_HEADERS:
        raise Refusal(431, f"there are more than {MOST_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise Refusal(400, "a header is malformed")
        name = found[1].lower()
        if name in headers and name in _SINGLE:
            raise Refusal(400, f"the header {name} comes twice")
        headers[name] = found[2].strip()
    if asked[3] == "1" and "host" not in headers:
        raise Refusal(400, "the header host is missing")
    if "origin" in headers:
        raise Refusal(403, "requests of web pages are not taken")
    path, _, query = asked[2].partition("?")
    return Head(asked[1], path, parse_qs(query), headers, _length(headers))


def _length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Refusal(400, "send a content-length, not a transfer-encoding")
    said = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(said):
        raise Refusal(400, "the content-length is malformed")
    return int(said)


async def read_body(reader: asyncio.StreamReader, length: int) -> str:
    """Return the body as text. Raises Refusal where it is too long, ends early, or is no UTF-8."""
    if length > BODY_LIMIT:
        raise Refusal(413, f"the body is longer than {BODY_LIMIT} bytes")
    try:
        return (await reader.readexactly(length)).decode()
    except asyncio.IncompleteReadError:
        raise Refusal(400, "the body is shorter than its content-length") from None
    except UnicodeDecodeError:
        raise Refusal(400, "the body is not UTF-8") from None


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """Return a response of JSON, after which the connection is closed."""
    lines = [
        f"HTTP/1.1 {status} {REASONS[status]}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
