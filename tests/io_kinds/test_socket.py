"""The input socket: lines in, JSON lines out, on a unix socket and TCP."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from kt import Agent
from kt.errors import ConfigError, ModelError
from kt.testing import ScriptedLLM
from kt_io.socket_input import MAX_LINE

from .conftest import TOKEN, until

pytestmark = pytest.mark.anyio


def answers(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.decode().splitlines()]


@pytest.mark.parametrize("input", [{"name": "socket", "path": "owl.sock"}, "socket"])
async def test_a_line_is_a_turn_and_its_answer_a_json_line(serve: Any, client: Any, tmp_path: Path, input: Any) -> None:
    async with serve(input, pwd=tmp_path) as (_, address):
        said = answers(await client(address).raw("one\r\n\n  \ntwö\nthree".encode(), end=True))
    assert said == [{"status": "ok", "text": f"You said {word}.", "error": None} for word in ("one", "twö", "three")]


async def test_an_error_is_in_its_line(serve: Any, client: Any) -> None:
    async with serve("socket", [ModelError("no model"), "here again"]) as (_, address):
        first, second = answers(await client(address).raw(b"one\ntwo\n", end=True))
    assert (first["status"], first["error"]["code"]) == ("failed", "E-MODEL")
    assert second["text"] == "here again"


async def test_twenty_clients_each_get_their_own_answers(serve: Any, client: Any, tmp_path: Path) -> None:
    async def talk(address: str, n: int) -> list[str]:
        data = await client(address).raw(f"{n} first\n{n} second\n".encode(), end=True)
        return [answer["text"] for answer in answers(data)]

    async with serve({"name": "socket", "path": "owl.sock"}, pwd=tmp_path) as (_, address):
        said = await asyncio.gather(*(talk(address, n) for n in range(20)))
    assert said == [[f"You said {n} first.", f"You said {n} second."] for n in range(20)]


async def test_a_unix_socket_is_its_users_own(serve: Any, client: Any, tmp_path: Path) -> None:
    async with serve({"name": "socket", "path": "owl.sock"}, pwd=tmp_path) as (agent, address):
        assert (tmp_path / "owl.sock").stat().st_mode & 0o777 == 0o600
        await client(address).raw(b"hello\n", end=True)
        assert not agent.taint
    assert not (tmp_path / "owl.sock").exists()


async def test_tcp_without_a_token_taints(serve: Any, client: Any) -> None:
    async with serve("socket") as (agent, address):
        await client(address).raw(b"hello\n", end=True)
        assert agent.taint == {"socket"}


async def test_tcp_with_a_token(serve: Any, client: Any) -> None:
    async with serve({"name": "socket", "token": TOKEN, "host": "0.0.0.0"}) as (agent, address):
        here = client(address.replace("0.0.0.0", "127.0.0.1"))
        for wrong in (b"hello\nhello\n", b"\n", b"", b"\xff\n"):
            (refused,) = answers(await here.raw(wrong, end=True))
            assert refused["status"] == "denied"
        assert agent.turns == 0
        (answer,) = answers(await here.raw(f"{TOKEN}\nhello\n".encode(), end=True))
        assert answer["text"] == "You said hello."
        assert not agent.taint


async def test_who_shows_no_token_is_let_go(serve: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt_io.socket_input.TOKEN_SECONDS", 0.05)
    async with serve({"name": "socket", "token": TOKEN}) as (_, address):
        (refused,) = answers(await client(address).raw(b""))
    assert refused["status"] == "denied"


@pytest.mark.parametrize("sent", [b"x" * (2 * MAX_LINE), b"\xff\xfe\n"])
async def test_a_line_that_is_none_ends_the_connection(serve: Any, client: Any, sent: bytes) -> None:
    async with serve("socket") as (agent, address):
        reader, writer = await client(address).connect()
        writer.write(sent)
        refused = json.loads(await reader.readline())
        writer.close()
        assert (refused["status"], refused["error"]["code"]) == ("failed", "E-DATA")
        assert agent.turns == 0
        (answer,) = answers(await client(address).raw(b"next\n", end=True))
        assert answer["text"] == "You said next."


async def test_who_goes_harms_nobody(serve: Any, client: Any, held: Any) -> None:
    async with serve("socket", llm=held) as (_, address):
        _, writer = await client(address).connect()
        writer.write(b"hello\nmore\n")
        await held.asked.wait()
        writer.transport.abort()
        held.go.set()
        (answer,) = answers(await client(address).raw(b"next\n", end=True))
        assert answer["text"] == "You said next."


async def test_too_many_clients_are_told(serve: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt_io.listening.MOST", 1)
    async with serve("socket") as (_, address):
        _, writer = await client(address).connect()
        writer.write(b"hel")
        (refused,) = answers(await client(address).raw(b""))
        assert refused["error"]["message"] == "too many clients"
        writer.close()
        await writer.wait_closed()


async def test_at_the_end_who_waits_is_told_and_nothing_is_left(
    serve: Any, client: Any, held: Any, tmp_path: Path
) -> None:
    before = asyncio.all_tasks()
    async with serve({"name": "socket", "path": "owl.sock"}, llm=held, pwd=tmp_path) as (agent, address):
        running = asyncio.create_task(client(address).raw(b"runs\n"))
        await held.asked.wait()
        waiting = asyncio.create_task(client(address).raw(b"waits\n"))
        idle = asyncio.create_task(client(address).raw(b"hal"))
        await until(lambda: agent.has_input)
    assert [answer["status"] for answer in answers(await running)] == ["cancelled"]
    (told,) = answers(await waiting)
    assert "stopping" in told["error"]["message"]
    assert await idle == b""
    assert asyncio.all_tasks() == before


async def test_the_socket_of_a_dead_process_is_replaced(serve: Any, client: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "owl.sock"))
    async with serve({"name": "socket", "path": "owl.sock"}, pwd=tmp_path) as (_, address):
        (answer,) = answers(await client(address).raw(b"hello\n", end=True))
    assert answer["text"] == "You said hello."


async def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(tmp_path / "live"))
        live.listen()
        for name, said in (("file", "no socket"), ("live", "another process listens"), ("no/folder", "can't listen")):
            input = {"name": "socket", "path": name}
            agent = await Agent.build({}, llm=ScriptedLLM([]), pwd=tmp_path, input=input)
            with pytest.raises(ConfigError, match=said):
                await agent.start()
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "live").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "0.0.0.0"}, "open to other machines"),
        ({"host": "nowhere"}, "no address"),
        ({"path": "x", "token": TOKEN}, "needs no token"),
        ({"path": "x" * 200}, "can't listen"),
        ({"port": -1}, "can't listen"),
    ],
)
async def test_settings_that_do_not_fit_are_errors_at_start(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    agent = await Agent.build({}, llm=ScriptedLLM([]), pwd=tmp_path, input={"name": "socket", **settings})
    with pytest.raises(ConfigError, match=said):
        await agent.start()
    assert not any(tmp_path.glob("*"))  # noqa: ASYNC240
