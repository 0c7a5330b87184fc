"""The input http over real connections: answers, ids, events, tokens, and the end."""

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from kt import Agent
from kt.errors import ConfigError, ModelError
from kt.events import TurnStarted
from kt.testing import EventRecorder, ScriptedLLM

from .conftest import TOKEN, echo, until

pytestmark = pytest.mark.anyio
HTTP = {"name": "http", "token": TOKEN}


async def test_a_post_is_a_turn_and_its_result_the_answer(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (agent, address):
        recorder = EventRecorder(agent)
        plain = await client(address).http("POST", "/", "hello")
        as_json = await client(address).http("POST", "/", '{"text": "höi"}', kind="application/json; charset=utf-8")
    assert (plain.status, plain.data["status"], plain.data["text"]) == (200, "ok", "You said hello.")
    assert plain.data["usage"]["input"] == 1
    assert plain.data["error"] is None
    assert plain.headers["cache-control"] == "no-store"
    assert as_json.data["text"] == "You said höi."
    started = recorder.of(TurnStarted)
    assert {event.source for event in started} == {"http"}
    assert not agent.taint  # the token proves that it is the user


async def test_how_a_turn_failed_is_in_the_answer(serve: Any, client: Any) -> None:
    async with serve(HTTP, [ModelError("no model today", hint="come back")]) as (_, address):
        reply = await client(address).http("POST", "/", "hello")
    assert (reply.status, reply.data["status"]) == (200, "failed")
    assert reply.data["error"] == {"code": "E-MODEL", "message": "no model today", "hint": "come back"}


async def test_twenty_clients_each_get_their_own_answer(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        said = [f"number {n}" for n in range(20)]
        replies = await asyncio.gather(*(client(address).http("POST", "/", text) for text in said))
    assert [reply.data["text"] for reply in replies] == [f"You said {text}." for text in said]
    assert len({reply.data["id"] for reply in replies}) == 20


async def test_without_waiting_the_result_is_asked_for_by_its_id(serve: Any, client: Any, held: Any) -> None:
    async with serve({**HTTP, "path": "/owl"}, llm=held) as (_, address):
        assert address.endswith("/owl/")
        told = await client(address).http("POST", "/owl?wait=0", "hello")
        assert told.status == 202
        where = told.headers["location"]
        await held.asked.wait()
        running = await client(address).http("GET", where)
        assert (running.status, running.data) == (202, {"id": told.data["id"], "status": "running"})
        queued = await client(address).http("POST", "/owl/?wait=0", "and then")
        assert queued.data["status"] == "queued"
        held.go.set()
        last = await client(address).http("POST", "/owl", "last")
        ended = await client(address).http("GET", where)
    assert last.data["text"] == "You said last."
    assert (ended.status, ended.data["text"]) == (200, "You said hello.")


async def test_the_last_hundred_results_are_kept(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        ids = [(await client(address).http("POST", "/", str(n))).data["id"] for n in range(101)]
        first, second = [await client(address).http("GET", f"/{id}") for id in ids[:2]]
    assert (first.status, second.status) == (404, 200)


async def test_more_than_a_hundred_that_wait_are_refused(serve: Any, client: Any, held: Any) -> None:
    async with serve(HTTP, llm=held) as (_, address):
        for n in range(100):
            assert (await client(address).http("POST", "/?wait=0", str(n))).status == 202
        reply = await client(address).http("POST", "/?wait=0", "one too many")
        assert (reply.status, reply.headers["retry-after"]) == (503, "10")


async def test_events_come_as_they_happen(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        reader, writer = await client(address).connect()
        writer.write(f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert "Content-Type: text/event-stream" in head
        await client(address).http("POST", "/", "hello")
        seen: list[tuple[str, Any]] = []
        while not seen or seen[-1][0] != "turn_ended":
            kind, data, *_ = (await reader.readuntil(b"\n\n")).decode().splitlines()
            seen.append((kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        writer.close()
        await writer.wait_closed()
    assert {"turn_started", "text_delta", "llm_ended"} <= {kind for kind, _ in seen}
    assert seen[-1][1]["result"]["text"] == "You said hello."
    assert all(data["type"] == kind for kind, data in seen)


async def test_who_watches_is_let_go_at_the_end(serve: Any, client: Any) -> None:
    async with serve(HTTP) as (_, address):
        ask = f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        reader, writer = await client(address).connect()
        writer.write(ask)
        await reader.readuntil(b"\r\n\r\n")
    assert (await reader.read()) is not None
    assert reader.at_eof()
    writer.close()
    await writer.wait_closed()


async def test_at_the_end_open_requests_hear_503(serve: Any, client: Any, held: Any) -> None:
    async with serve(HTTP, llm=held) as (agent, address):
        running = asyncio.create_task(client(address).http("POST", "/", "runs"))
        await held.asked.wait()
        waiting = asyncio.create_task(client(address).http("POST", "/", "waits"))
        await until(lambda: agent.has_input)
    replies = [await running, await waiting]
    assert [reply.status for reply in replies] == [503, 503]
    assert [reply.data["status"] for reply in replies] == ["cancelled", "cancelled"]
    assert "stopping" in replies[1].data["error"]["message"]
    assert not agent.has_input


async def test_input_that_is_withdrawn_is_answered(serve: Any, client: Any, held: Any) -> None:
    async with serve(HTTP, llm=held) as (agent, address):
        await client(address).http("POST", "/?wait=0", "runs")
        await held.asked.wait()
        waiting = asyncio.create_task(client(address).http("POST", "/", "waits"))
        await until(lambda: agent.has_input)
        agent.inbox.items[0].withdraw()
        reply = await waiting
    assert (reply.status, reply.data["error"]["message"]) == (503, "the input was withdrawn")


async def test_no_task_and_no_port_is_left(serve: Any, client: Any, held: Any) -> None:
    before = asyncio.all_tasks()
    async with serve(HTTP, llm=held) as (_, address):
        idle = await client(address).connect()
        half = await client(address).connect()
        half[1].write(b"POST / HTTP/1.1\r\nHo")
        busy = asyncio.create_task(client(address).http("POST", "/", "runs"))
        await held.asked.wait()
    assert (await busy).status == 503
    for reader, writer in (idle, half):
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert asyncio.all_tasks() == before
    port = int(address.rstrip("/").rpartition(":")[2])
    with socket.socket() as free, pytest.raises(ConnectionRefusedError):
        free.connect(("127.0.0.1", port))


async def test_a_token_is_made_and_kept_for_its_user(serve: Any, client: Any, home: Path) -> None:
    async with serve("http") as (agent, address):
        recorder = EventRecorder(agent)
        file = home / "tokens" / "owl"
        token = file.read_text().strip()
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert (await client(address).http("POST", "/", "hello", token=token)).status == 200
        assert (await client(address).http("POST", "/", "hello", token=token + "x")).status == 401
    assert token not in repr(recorder.events)
    async with serve({"name": "http", "token_file": str(file)}) as (_, address):
        assert (await client(address).http("POST", "/", "again", token=token)).status == 200


async def test_the_event_tells_where_the_token_is(home: Path) -> None:
    agent = await Agent.build({"name": "../owl"}, llm=ScriptedLLM(echo), input="http")
    recorder = EventRecorder(agent)
    async with agent:
        await asyncio.sleep(0)
    listening = next(event for event in recorder.events if event.kind == "input_listening")
    assert listening.token_file == str(home / "tokens" / "___owl")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "0.0.0.0"}, "open to other machines"),
        ({"host": "localhost"}, "no address"),
        ({"token": "two words"}, "one word"),
        ({"token": ""}, "one word"),
        ({"token": TOKEN, "token_file": "x"}, "a token and a token_file"),
        ({"path": "/a b"}, "no path"),
        ({"prot": 1}, "no setting 'prot'"),
        ({"port": "many"}, "port"),
        ({"port": 70000}, "can't listen"),
    ],
)
async def test_settings_that_do_not_fit_are_errors_at_start(settings: dict[str, Any], said: str) -> None:
    agent = await Agent.build({}, llm=ScriptedLLM([]), input={"name": "http", **settings})
    with pytest.raises(ConfigError, match=said):
        await agent.start()


async def test_a_port_in_use_is_an_error(serve: Any) -> None:
    async with serve(HTTP) as (_, address):
        port = int(address.rstrip("/").rpartition(":")[2])
        agent = await Agent.build({}, llm=ScriptedLLM([]), input={**HTTP, "port": port})
        with pytest.raises(ConfigError, match="can't listen on"):
            await agent.start()


@pytest.mark.parametrize("mode", [0o640, 0o604])
async def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n")
    file.chmod(mode)
    agent = await Agent.build({}, llm=ScriptedLLM([]), input={"name": "http", "token_file": str(file)})
    with pytest.raises(ConfigError, match="others may know"):
        await agent.start()


async def test_a_link_is_no_token_file(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("abc\n")
    os.chmod(tmp_path / "real", 0o600)  # noqa: PTH101
    (tmp_path / "token").symlink_to(tmp_path / "real")
    agent = await Agent.build({}, llm=ScriptedLLM([]), input={"name": "http", "token_file": str(tmp_path / "token")})
    with pytest.raises(ConfigError, match="can't keep a token"):
        await agent.start()


async def test_other_machines_are_served_with_a_token(serve: Any, client: Any) -> None:
    async with serve({**HTTP, "host": "0.0.0.0"}) as (_, address):
        reply = await client(address.replace("0.0.0.0", "127.0.0.1")).http("POST", "/", "hello")
    assert reply.data["text"] == "You said hello."


async def test_redaction_and_the_answer(serve: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "correct-horse-battery")
    async with serve(HTTP, guards=["redact"]) as (_, address):
        reply = await client(address).http("POST", "/", "it is correct-horse-battery")
    assert reply.data["text"] == "You said it is [redacted SHOP_PASSWORD]."
