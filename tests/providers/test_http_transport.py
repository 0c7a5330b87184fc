"""The transport against a server that misbehaves: every fault is a typed error in bounded time and memory."""

import asyncio
import gzip
import subprocess
import sys
from typing import Any

import pytest
from kt import Agent, Host
from kt_http.errors import HttpError
from kt_http.transport import Clocks, Transport, transport_of

pytestmark = pytest.mark.anyio

QUICK = Clocks(connect=2.0, first_byte=0.2, between=0.2)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
OPEN = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


def to(where: str, status: int = 307) -> bytes:
    return f"HTTP/1.1 {status} X\r\nlocation: {where}\r\ncontent-length: 0\r\n\r\n".encode()


async def fetch(host: Host, url: str, *, method: str = "POST", body: bytes = b"{}", clocks: Clocks = QUICK) -> bytes:
    async with transport_of(host).open(method, url, headers={}, body=body, clocks=clocks) as response:
        return b"".join([block async for block in response.blocks()])


async def test_one_connection_serves_many_requests_of_a_host(server: Any, host: Host) -> None:
    server.answers = [OK]
    assert [await fetch(host, server.url + "/a") for _ in range(3)] == [b"ok"] * 3
    assert transport_of(host) is transport_of(host)
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_a_hosts_end_closes_its_connections(server: Any) -> None:
    async with Host() as host:
        gone = asyncio.Event()

        async def serve(peer: Any) -> None:
            await peer.send(OK)
            await peer.gone()
            gone.set()

        server.answers = [serve]
        async with await Agent.build({"name": "a"}, llm={"base_url": server.url, "model": "m"}, host=host) as agent:
            assert await fetch(agent.host, server.url) == b"ok"
            assert not gone.is_set()
    await gone.wait()


async def test_cancelling_closes_the_socket(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, OPEN, b"data: 1\n\n")]
    started = asyncio.Event()

    async def read() -> None:
        async with transport_of(host).open("POST", server.url, headers={}) as response:
            async for _ in response.blocks():
                started.set()

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.left.wait()


async def test_leaving_early_closes_the_socket(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, OPEN, b"data: 1\n\n")]
    async with transport_of(host).open("POST", server.url, headers={}) as response:
        assert await anext(response.blocks()) == b"data: 1\n\n"
    await server.left.wait()


async def test_no_answer_is_a_typed_error(server: Any, host: Host) -> None:
    server.answers = [server.stall]
    with pytest.raises(HttpError, match="sent nothing") as caught:
        await fetch(host, server.url, clocks=Clocks(0.1, 0.1, 0.1))
    assert caught.value.passing
    await server.left.wait()


async def test_headers_that_drip_are_stopped(server: Any, host: Host) -> None:
    async def drip(peer: Any) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await peer.send(b"x: y\r\n")
            await asyncio.sleep(0.02)

    server.answers = [drip]
    with pytest.raises(HttpError, match="sent nothing"):
        await fetch(host, server.url, clocks=Clocks(0.1, 0.1, 5.0))


async def test_a_body_that_stalls_before_its_first_byte_is_stopped(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, OPEN)]
    with pytest.raises(HttpError, match=r"sent nothing for 0\.2 s"):
        await fetch(host, server.url, clocks=Clocks(2.0, 0.2, 60.0))
    await server.left.wait()


async def test_a_body_that_stalls_between_bytes_is_stopped(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, OPEN, b"data: 1\n\n")]
    with pytest.raises(HttpError, match=r"sent nothing for 0\.2 s"):
        await fetch(host, server.url, clocks=Clocks(2.0, 60.0, 0.2))
    await server.left.wait()


async def test_a_body_that_drips_without_ending_a_line_is_stopped(server: Any, host: Host) -> None:
    async def drip(peer: Any) -> None:
        await peer.send(OPEN + b"data: 1\n\n")
        while True:
            await peer.send(b"x")
            await asyncio.sleep(0.02)

    server.answers = [drip]
    with pytest.raises(HttpError, match="sent nothing"):
        await fetch(host, server.url)


async def test_a_slow_stream_of_lines_is_not_stopped(server: Any, host: Host) -> None:
    async def slow(peer: Any) -> None:
        await peer.send(OPEN)
        for _ in range(6):
            await peer.send(b": alive\n\n")
            await asyncio.sleep(0.25)

    server.answers = [slow]
    assert await fetch(host, server.url, clocks=Clocks(2.0, 1.0, 1.0)) == b": alive\n\n" * 6


async def test_a_slow_consumer_is_not_taken_for_a_slow_server(server: Any, host: Host) -> None:
    server.answers = [OPEN.replace(b"\r\n\r\n", b"\r\ncontent-length: 6\r\n\r\n") + b"a\nb\nc\n"]
    async with transport_of(host).open("POST", server.url, headers={}, clocks=Clocks(2.0, 0.1, 0.05)) as response:
        got = b""
        async for block in response.blocks():
            got += block
            await asyncio.sleep(0.3)
    assert got == b"a\nb\nc\n"


async def test_the_total_clock_ends_a_stream_that_never_stops(server: Any, host: Host) -> None:
    async def endless(peer: Any) -> None:
        await peer.send(OPEN)
        while True:
            await peer.send(b": alive\n\n")
            await asyncio.sleep(0.02)

    server.answers = [endless]
    with pytest.raises(HttpError, match=r"longer than 0\.3 s"):
        await fetch(host, server.url, clocks=Clocks(2.0, 1.0, 1.0, total=0.3))


async def test_a_timeout_does_not_swallow_a_cancellation_from_outside(server: Any, host: Host) -> None:
    server.answers = [lambda peer: server.stall(peer, OPEN)]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await fetch(host, server.url, clocks=Clocks(2.0, 30.0, 30.0))
    await server.left.wait()


async def test_a_redirect_to_another_host_is_refused_and_never_asked(server: Any, host: Host) -> None:
    port = server.url.rpartition(":")[2]
    unfinished = to(f"http://localhost:{port}/stolen").replace(b"length: 0", b"length: 9")
    server.answers = [lambda peer: server.stall(peer, unfinished)]
    with pytest.raises(HttpError, match="redirects to another host") as caught:
        await fetch(host, server.url + "/v1")
    assert not caught.value.passing
    assert [r.path for r in server.requests] == ["/v1"]
    await server.left.wait()


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1/x", "http://127.0.0.1:1/x", "//evil.test/x", "file:///etc/passwd"]
)
async def test_a_redirect_to_another_port_or_scheme_is_refused(server: Any, host: Host, target: str) -> None:
    server.answers = [to(target)]
    with pytest.raises(HttpError, match="redirects to another host"):
        await fetch(host, server.url)


async def test_a_redirect_to_no_address_is_refused(server: Any, host: Host) -> None:
    for target in ("http://[::1", "http://127.0.0.1:port/"):
        server.answers = [to(target)]
        with pytest.raises(HttpError, match="no address"):
            await fetch(host, server.url)


async def test_a_redirect_on_the_same_host_keeps_method_and_body(server: Any, host: Host) -> None:
    server.answers = [to("/v2/chat"), OK]
    assert await fetch(host, server.url + "/v1/chat", body=b'{"a":1}') == b"ok"
    assert [(r.method, r.path, r.body) for r in server.requests][1] == ("POST", "/v2/chat", b'{"a":1}')


async def test_redirects_in_a_circle_end(server: Any, host: Host) -> None:
    server.answers = [to("/again")]
    async with transport_of(host).open("GET", server.url, headers={}, clocks=QUICK) as response:
        assert response.status == 307
    assert len(server.requests) == 6


async def test_a_redirect_that_would_turn_a_post_into_a_get_is_the_answer(server: Any, host: Host) -> None:
    server.answers = [to("/login", 302)]
    async with transport_of(host).open("POST", server.url, headers={}, body=b"{}", clocks=QUICK) as response:
        assert response.status == 302


async def test_nobody_listening_is_a_passing_error(host: Host, server: Any) -> None:
    await server.__aexit__()
    with pytest.raises(HttpError, match="the connection failed") as caught:
        await fetch(host, server.url)
    assert caught.value.passing


async def test_a_connection_that_breaks_in_the_body_is_a_passing_error(server: Any, host: Host) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhalf"]
    with pytest.raises(HttpError, match="the connection failed") as caught:
        await fetch(host, server.url)
    assert caught.value.passing


async def test_what_is_no_http_is_a_typed_error(server: Any, host: Host) -> None:
    server.answers = [b"SSH-2.0-OpenSSH_9.2\r\nconnection: close\r\n\r\n"]
    with pytest.raises(HttpError, match="the connection failed"):
        await fetch(host, server.url)


async def test_a_server_without_tls_is_a_typed_error_over_https(host: Host) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        with pytest.raises(HttpError, match="the connection failed"):
            await fetch(host, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_a_gzip_bomb_is_stopped_at_the_cap(server: Any, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"\0" * (8 << 20))
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    server.answers = [head + bomb]
    async with transport_of(host).open("GET", server.url, headers={}, clocks=QUICK) as response:
        with pytest.raises(HttpError, match="longer than 1000000 bytes"):
            await response.read(1_000_000)
    monkeypatch.setattr("kt_http.transport.MAX_STREAM", 1_000_000)
    with pytest.raises(HttpError, match="longer than 1000000 bytes"):
        await fetch(host, server.url)


async def test_an_error_body_is_cut_not_refused(server: Any, host: Host) -> None:
    server.answers = [b"HTTP/1.1 500 X\r\ncontent-length: 90000\r\n\r\n" + b"x" * 90000]
    async with transport_of(host).open("GET", server.url, headers={}, clocks=QUICK) as response:
        assert len(await response.read(64 << 10, cut=True)) == 64 << 10


async def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    server: Any, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    server.answers = [OK]
    assert await fetch(host, server.url) == b"ok"


async def test_a_proxy_of_the_environment_is_used_for_other_hosts(
    server: Any, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    server.answers = [OK]
    assert await fetch(host, "http://service.test/v1") == b"ok"
    assert server.requests[0].path == "http://service.test/v1"


async def test_closing_a_transport_twice_does_nothing() -> None:
    transport = Transport()
    await transport.aclose()
    await transport.aclose()


def test_httpx2_is_imported_only_for_a_request() -> None:
    program = (
        "import sys, asyncio, kt, kt_http, kt_openai\n"
        "from kt_openai.provider import compatible\n"
        "async def main():\n"
        "    async with kt.Host() as host:\n"
        "        compatible('http://127.0.0.1:1/v1#m', {}, host)\n"
        "asyncio.run(main())\n"
        "print('httpx2' in sys.modules, 'pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_entry_modules_import_nothing_heavy() -> None:
    heavy = ("asyncio", "httpx2", "kt_http.transport", "kt_openai.provider")
    program = f"import sys, kt_http, kt_openai; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
