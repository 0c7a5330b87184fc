"""Run inside the sandbox: listen on loopback, pass on to the proxy's socket, run a program, end with it.

`python -I -S bridge.py SOCKET PORT -- PROGRAM WORD...`; standard library only, nothing of ours can be imported here.
"""

import asyncio
import os
import sys


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (OSError, RuntimeError):
        writer.close()


async def main(socket: str, port: int, argv: list[str]) -> int:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            out_reader, out = await asyncio.open_unix_connection(socket)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, out), copy(out_reader, writer))
        out.close()
        writer.close()

    server = await asyncio.start_server(join, "127.0.0.1", port)
    try:
        process = await asyncio.create_subprocess_exec(*argv)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        return 127
    code = await process.wait()
    server.close()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[4:])))
