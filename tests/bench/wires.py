"""What a provider costs, over each wire, beside a raw asyncio client that reads the same bytes."""

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kt import Host, Message, Request, Text
from kt_http.provider import WireProvider, endpoint

CPU = time.process_time
WIRES = ("chat", "responses", "anthropic", "gemini")


def events(wire: str, chunks: int) -> list[dict[str, Any]]:
    """Return the events of an answer with so many pieces of text."""
    if wire == "chat":
        pieces = [{"id": "r", "choices": [{"index": 0, "delta": {"content": "token "}}]} for _ in range(chunks)]
        return [*pieces, {"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    if wire == "responses":
        item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "token " * chunks}]}
        piece = {"type": "response.output_text.delta", "output_index": 0, "delta": "token "}
        done = {"type": "response.output_item.done", "output_index": 0, "item": item}
        end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
        return [{"type": "response.output_item.added", "output_index": 0, "item": {}}, *[piece] * chunks, done, end]
    if wire == "anthropic":
        piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "token "}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        head = {"type": "message_start", "message": {"id": "m", "content": []}}
        return [head, block, *[piece] * chunks, {"type": "content_block_stop", "index": 0}, {"type": "message_stop"}]
    piece = {"candidates": [{"content": {"parts": [{"text": "token "}]}}]}
    return [*[piece] * (chunks - 1), {**piece, "candidates": [{**piece["candidates"][0], "finishReason": "STOP"}]}]


async def serve() -> None:
    """Answer each request with the answer that its path names: /WIRE/CHUNKS/..."""
    answers: dict[tuple[str, int], bytes] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(size)
        _, wire, chunks = head.split(b" ")[1].decode().split("/")[:3]
        key = wire, int(chunks)
        if key not in answers:
            body = b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in events(*key))
            answers[key] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + body
        writer.write(answers[key])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    command = [sys.executable, str(Path(__file__)), "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


async def raw(port: int, wire: str, chunks: int, body: bytes) -> int:
    """Read an answer as fast as plain asyncio can, parsing each event; return how many there were."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /{wire}/{chunks}/v1 HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await reader.readuntil(b"\r\n\r\n")
    seen, left = 0, b""
    while block := await reader.read(1 << 16):
        *whole, left = (left + block).split(b"\n\n")
        for event in whole:
            json.loads(event[6:])
            seen += 1
    writer.close()
    await writer.wait_closed()
    return seen


def provider(host: Host, port: int, wire: str, chunks: int) -> WireProvider:
    return endpoint("m", {"wire": wire, "base_url": f"http://127.0.0.1:{port}/{wire}/{chunks}/v1"}, host)


async def ask(made: WireProvider, history: list[Message]) -> Message:
    async for item in made.stream(Request(history, "You are a test agent.")):
        last = item
    assert isinstance(last, Message)
    return last


async def _alternately(
    floor: Callable[[], Awaitable[Any]], ours: Callable[[], Awaitable[Any]], rounds: int
) -> tuple[float, float]:
    """Return the median CPU seconds of both."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, run in enumerate((floor, ours)):
            gc.collect()
            began = CPU()
            await run()
            spent[side].append(CPU() - began)
    return statistics.median(spent[0]), statistics.median(spent[1])


async def chunk(wire: str, *, chunks: int, rounds: int) -> float:
    """Return the ratio of one chunk's CPU time: transport, event stream, wire and delta."""
    history = [Message("user", [Text("Please do the thing.")])]
    async with served() as port, Host() as host:
        made = provider(host, port, wire, chunks)
        body = made.wire.build(Request(history), "m")
        assert len((await ask(made, history)).text) == 6 * chunks
        base, ours = await _alternately(lambda: raw(port, wire, chunks, body), lambda: ask(made, history), rounds)
        return ours / base


async def request(wire: str, *, rounds: int, messages: int = 1) -> float:
    """Return the ratio of a request with a one-piece answer, after a conversation of so many messages."""
    history = [Message("user", [Text("Please do the thing. " * 5)]) for _ in range(messages)]
    async with served() as port, Host() as host:
        made = provider(host, port, wire, 1)
        body = made.wire.build(Request(history), "m")
        await ask(made, history)
        base, ours = await _alternately(lambda: raw(port, wire, 1, body), lambda: ask(made, history), rounds)
        return ours / base


async def history(wire: str, *, rounds: int) -> float:
    """Return what a request after 120 messages costs, beside one after none."""
    long = [Message("user", [Text("Please do the thing. " * 5)]) for _ in range(121)]
    async with served() as port, Host() as host:
        made = provider(host, port, wire, 1)
        await ask(made, long)
        base, ours = await _alternately(lambda: ask(made, long[:1]), lambda: ask(made, long), rounds)
        return ours / base


if __name__ == "__main__" and sys.argv[1:] == ["serve"]:
    asyncio.run(serve())
