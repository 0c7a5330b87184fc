"""A Chat Completions server that answers slowly: text first, then a call of bash that sleeps."""

import asyncio
import json


def chunk(finish: str | None = None, **delta: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "r", "model": "m", "choices": [choice]}).encode() + b"\n\n"


CALL = {
    "index": 0,
    "id": "c1",
    "function": {"name": "bash", "arguments": json.dumps({"command": "sleep 60 & sleep 60"})},
}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(size)
        writer.write(HEAD)
        for word in ["this", "answer", "takes", "its", "time", ""]:
            writer.write(chunk(content=word + " "))
            await writer.drain()
            await asyncio.sleep(0.004)
        writer.write(chunk(tool_calls=[CALL]) + chunk("tool_calls") + b"data: [DONE]\n\n")
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
