"""The input http against clients that are slow, wrong or hostile."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt_io.http1 import MAX_BODY, HttpError, read_body, read_head

from .conftest import TOKEN, parsed

pytestmark = pytest.mark.anyio
HTTP = {"name": "http", "token": TOKEN}
AUTH = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\n"
POST = f"POST / HTTP/1.1\r\n{AUTH}"


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("hello\r\n\r\n", 400),
        ("POST / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        ("post / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("POST http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("POST  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\x00\r\n\r\n", 400),
        ("GET /?a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\n" + "A: b\r\n" * 100 + "\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: " + "b" * 40_000 + "\r\n\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", 401),
        ("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic abc\r\n\r\n", 401),
        ("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer\r\n\r\n", 401),
        ("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n\r\n", 401),
        (f"GET / HTTP/1.1\r\n{AUTH}\r\n", 405),
        (f"DELETE /events HTTP/1.1\r\n{AUTH}\r\n", 405),
        (f"POST /events HTTP/1.1\r\n{AUTH}\r\n", 405),
        (f"GET /other HTTP/1.1\r\n{AUTH}\r\n", 404),
        (f"POST /?wait=2 HTTP/1.1\r\n{AUTH}Content-Length: 2\r\n\r\nhi", 400),
        (f"{POST}\r\n", 411),
        (f"{POST}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 411),
        (f"{POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi", 400),
        (f"{POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400),
        (f"{POST}Content-Length: -2\r\n\r\nhi", 400),
        (f"{POST}Content-Length: +2\r\n\r\nhi", 400),
        (f"{POST}Content-Length: {MAX_BODY + 1}\r\n\r\nhi", 413),
        (f"{POST}Content-Length: 2\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nhi", 415),
        (f"{POST}Content-Length: 2\r\n\r\n \n", 400),
        (f"{POST}Content-Length: 1\r\n\r\n\xff", 400),
        (f"{POST}Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{{}}", 400),
        (f"{POST}Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{{x", 400),
        (f'{POST}Content-Length: 17\r\nContent-Type: application/json\r\n\r\n{{"text":"\\ud800"}}', 400),
        (f"{POST}Content-Length: 60000\r\nContent-Type: application/json\r\n\r\n{'[' * 60_000}", 400),
    ],
)
async def test_what_is_wrong_is_refused_and_costs_no_turn(
    serve: Any, client: Any, request_text: str, status: int
) -> None:
    async with serve(HTTP) as (agent, address):
        reply = parsed(await client(address).raw(request_text.encode("latin-1")))
        assert reply.status == status
        assert reply.data["error"]["message"]
        assert agent.turns == 0
        assert (await client(address).http("POST", "/", "still there")).status == 200


async def test_a_body_that_is_too_large_is_refused_before_it_has_come(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        reply = parsed(await client(address).raw(f"{POST}Content-Length: 99999999\r\n\r\n".encode() + b"x" * 3_000_000))
    assert reply.status == 413


async def test_a_body_of_the_largest_size_is_taken(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        reply = await client(address).http("POST", "/", "x" * MAX_BODY)
    assert reply.status == 200
    assert len(reply.data["text"]) == MAX_BODY + len("You said .")


@pytest.mark.parametrize("start", ["", "POST / HT", f"{POST}Content-Length: 10\r\n\r\nhel"])
async def test_who_is_too_slow_is_let_go(serve: Any, client: Any, start: str) -> None:
    async with serve({**HTTP, "timeout": 0.05}) as (agent, address):
        reply = parsed(await client(address).raw(start.encode()))
        assert agent.turns == 0
    assert reply.status == 408


@pytest.mark.parametrize(("start", "status"), [("POST / HT", 400), (f"{POST}Content-Length: 10\r\n\r\nhel", 400)])
async def test_who_stops_sending_half_way_is_told(serve: Any, client: Any, start: str, status: int) -> None:
    async with serve(HTTP) as (agent, address):
        assert parsed(await client(address).raw(start.encode(), end=True)).status == status
        assert await client(address).raw(b"", end=True) == b""
        assert agent.turns == 0


async def test_who_only_listens_after_sending_is_answered(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        reply = parsed(await client(address).raw(f"{POST}Content-Length: 2\r\n\r\nhi".encode(), end=True))
    assert reply.data["text"] == "You said hi."


async def test_who_goes_before_the_answer_harms_nobody(serve: Any, client: Any, held: Any) -> None:
    async with serve(HTTP, llm=held) as (_, address):
        _, writer = await client(address).connect()
        writer.write(f"{POST}Content-Length: 2\r\n\r\nhi".encode())
        await held.asked.wait()
        writer.transport.abort()
        held.go.set()
        assert (await client(address).http("POST", "/", "next")).data["text"] == "You said next."


async def test_the_body_is_asked_for_only_if_it_may_come(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        reader, writer = await client(address).connect()
        writer.write(f"{POST}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi")
        assert parsed(await reader.read()).data["text"] == "You said hi."
        writer.close()
        await writer.wait_closed()
        refused = await client(address).raw(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
    assert parsed(refused).status == 401


async def test_too_many_connections_are_refused(serve: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt_io.listening.MOST", 2)
    async with serve(HTTP) as (_, address):
        held = [await client(address).connect() for _ in range(2)]
        for _, writer in held:
            writer.write(b"POST")
        assert parsed(await client(address).raw(b"")).status == 503
        for _, writer in held:
            writer.close()
            await writer.wait_closed()


async def test_too_many_watchers_are_refused(serve: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt_io.http_input.WATCHERS", 1)
    async with serve(HTTP) as (_, address):
        reader, writer = await client(address).connect()
        writer.write(f"GET /events HTTP/1.1\r\n{AUTH}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        assert (await client(address).http("GET", "/events")).status == 503
        writer.close()
        await writer.wait_closed()


class Sink:
    """Stand in for a connection that takes what is written: the parser alone is tested here."""

    def write(self, data: bytes) -> None:
        pass


def parse(data: bytes, cuts: list[int]) -> Any:
    """Return what is read of a request that comes in pieces, or the status it is refused with."""

    async def read() -> Any:
        reader = asyncio.StreamReader(limit=32_768)
        places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
        for start, stop in pairwise(places):
            reader.feed_data(data[start:stop])
        reader.feed_eof()
        try:
            head = await read_head(reader)
            return head and (head, await read_body(head, reader, Sink()))  # type: ignore[arg-type]
        except HttpError as error:
            return error.http

    return asyncio.run(read())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_bytes_are_read_or_refused(data: bytes, cuts: list[int]) -> None:
    for text in (data, POST.encode() + data, f"{POST}Content-Length: 3\r\n".encode() + data):
        found = parse(text, cuts)
        assert found is None or found in (400, 411, 413, 431) or len(found[1]) <= MAX_BODY


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 500), max_size=5))
def test_a_body_is_what_was_sent_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    head, read = parse(f"{POST}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"more", cuts)
    assert (head.method, head.path, read) == ("POST", "/", body)
