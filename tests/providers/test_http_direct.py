"""What a tool gets as ctx.http: any status, no cookie, nothing but http, and an end at its timeout."""

import asyncio
import gzip
from types import SimpleNamespace
from typing import Any

import pytest
from kt import Host
from kt_http.direct import DirectHttp
from kt_http.errors import HttpError

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def tool_http(host: Host) -> DirectHttp:
    return DirectHttp(SimpleNamespace(host=host))  # type: ignore[arg-type]


async def test_a_tool_gets_status_headers_and_the_decompressed_body(server: Any, host: Host) -> None:
    body = gzip.compress(b"hello")
    head = b"HTTP/1.1 404 X\r\nContent-Type: text/plain\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    server.answers = [head % len(body) + body]
    response = await tool_http(host).request("PUT", server.url + "/p", headers={"x-a": "1"}, body=b"data")
    assert (response.status, response.headers["content-type"], response.body) == (404, "text/plain", b"hello")
    assert (server.requests[0].method, server.requests[0].headers["x-a"], server.requests[0].body) == (
        "PUT",
        "1",
        b"data",
    )


async def test_a_tools_request_keeps_no_cookie(server: Any, host: Host) -> None:
    server.answers = [OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=1\r\n\r\n")]
    http = tool_http(host)
    for _ in range(2):
        await http.request("GET", server.url)
    assert "cookie" not in server.requests[1].headers


async def test_a_tools_request_ends_at_its_timeout_whatever_the_server_does(server: Any, host: Host) -> None:
    async def drip(peer: Any) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b"line\n")
            await asyncio.sleep(0.02)

    server.answers = [drip]
    with pytest.raises(HttpError, match=r"0\.3 s"):
        await tool_http(host).request("GET", server.url, timeout=0.3)


async def test_a_tool_can_ask_for_http_addresses_only(host: Host) -> None:
    with pytest.raises(HttpError, match="no http or https address"):
        await tool_http(host).request("GET", "file:///etc/passwd")
    for url in ("http://[::1", "http://", "http://a:port/", "http://a\nb/"):
        with pytest.raises(HttpError):
            await tool_http(host).request("GET", url)
    with pytest.raises(HttpError, match="can't be made"):
        await tool_http(host).request("GET", "http://127.0.0.1:1", headers={"x": "é€"})


async def test_a_body_over_the_tools_cap_is_an_error(server: Any, host: Host) -> None:
    server.answers = [OK]
    with pytest.raises(HttpError, match="longer than 1 bytes"):
        await tool_http(host).request("GET", server.url, max_bytes=1)
