"""Creatures name several inputs and outputs; the same from `Agent.build`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Status, TurnResult, hookimpl
from kt.errors import UnknownName, Vetoed
from kt.events import TurnEnded
from kt.testing import ScriptedLLM
from kt_io.asking import Closed, open_desk
from kt_io.events import InputListening

from .conftest import TOKEN, echo

pytestmark = pytest.mark.anyio
INPUTS: list[Any] = [
    {"name": "file", "path": "tasks.txt"},
    {"name": "http", "token": TOKEN},
    {"name": "socket", "path": "owl.sock"},
    "none",
]
OUTPUTS: list[Any] = ["stdout", {"name": "file", "path": "answers.jsonl", "format": "jsonl"}, "none"]


async def built(where: str, folder: Path) -> Agent:
    creature: dict[str, Any] = {"name": "owl"}
    options: dict[str, Any] = {}
    if where == "creature":
        creature |= {"input": INPUTS, "outputs": OUTPUTS}
    else:
        options |= {"input": INPUTS, "outputs": OUTPUTS}
    return await Agent.build(creature, llm=ScriptedLLM(echo), pwd=folder, **options)


@pytest.mark.parametrize("where", ["creature", "build"])
async def test_several_inputs_and_outputs(
    tmp_path: Path, client: Any, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    (tmp_path / "tasks.txt").write_text("from the file\n")
    agent = await built(where, tmp_path)
    async with (
        agent,
        agent.bus.stream(InputListening) as listening,
        agent.bus.stream(TurnEnded) as ended,
    ):
        events = [(await anext(listening)) for _ in range(2)]
        assert (await anext(ended)).result.text == "You said from the file."
        by_name = {event.input: client(event.address) for event in events}
        http, unix = by_name["http"], by_name["socket"]
        assert (await http.http("POST", "/", "by http")).data["text"] == "You said by http."
        assert json.loads(await unix.raw(b"by socket\n", end=True))["text"] == "You said by socket."
    said = ["You said from the file.", "You said by http.", "You said by socket."]
    assert capsys.readouterr().out.splitlines() == said
    lines = (tmp_path / "answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == said


async def test_an_agent_serves_again_after_it_was_stopped(tmp_path: Path, client: Any) -> None:
    (tmp_path / "tasks.txt").write_text("")
    agent = await built("creature", tmp_path)
    for _ in range(2):
        async with agent, agent.bus.stream(InputListening) as listening:
            events = [(await anext(listening)) for _ in range(2)]
            http = client(next(event.address for event in events if event.input == "http"))
            assert (await http.http("POST", "/", "hello")).data["text"] == "You said hello."


async def test_an_input_that_does_not_start_takes_the_others_along(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    input = [{"name": "socket", "path": "owl.sock"}, {"name": "socket", "path": "owl.sock"}]
    agent = await Agent.build({}, llm=ScriptedLLM([]), pwd=tmp_path, input=input)
    with pytest.raises(Exception, match="another process listens"):
        await agent.start()
    assert asyncio.all_tasks() == before
    assert not (tmp_path / "owl.sock").exists()


async def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no input named 'htp'"):
        await Agent.build({}, llm=ScriptedLLM([]), input=["none", "htp"])


async def test_the_first_turn_has_its_prompt_and_its_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Late:
        @hookimpl
        async def kt_prompt(self) -> str:
            await asyncio.sleep(0.05)  # time in which an input that does not wait sends its first text
            return "Be an owl."

    (tmp_path / "in").write_text("hello\n")
    llm = ScriptedLLM(echo)
    agent = await Agent.build(
        {}, llm=llm, pwd=tmp_path, input={"name": "file", "path": "in"}, outputs=["stdout"], plugins=[Late()]
    )
    async with agent, agent.bus.stream(TurnEnded) as ended:
        await anext(ended)
    assert llm.requests[0].system == "Be an owl."
    assert capsys.readouterr().out == "You said hello.\n"


async def test_a_turn_that_is_refused_or_changed_is_answered(serve: Any, client: Any) -> None:
    class Gate:
        @hookimpl
        async def kt_around_turn(self, turn: Any, next: Any) -> TurnResult:
            if "secret" in turn.message.text:
                raise Vetoed("not that")
            turn.message = type(turn.message)("user", [*turn.message.parts])
            result: TurnResult = await next(turn)
            return result

    async with serve({"name": "http", "token": TOKEN}, plugins=[Gate()]) as (_, address):
        refused = await client(address).http("POST", "/", "a secret")
        taken = await client(address).http("POST", "/", "hello")
    assert (refused.status, refused.data["status"]) == (200, "denied")
    assert taken.data["text"] == "You said hello."


async def test_a_turn_that_ends_before_it_starts_is_answered(serve: Any, client: Any) -> None:
    from kt import Limits

    async with serve({"name": "http", "token": TOKEN}, limits=Limits(max_turns=0)) as (_, address):
        first = await client(address).http("POST", "/", "hello")
        second = await client(address).http("POST", "/", "hello")
    assert [first.data["status"], second.data["status"]] == ["limit", "limit"]


async def test_turns_of_others_answer_nobody(held: Any) -> None:
    agent = await Agent.build({}, llm=held)
    with open_desk(agent, "test") as desk:
        async with agent:
            other = asyncio.create_task(agent.run("first"))
            await held.asked.wait()
            asked = desk.ask("mine")
            timed_out = await agent.run("late", timeout=0.01)
            assert timed_out.status is Status.timeout
            assert not asked.answer.done()
            asked.pending.edit("edited")
            held.go.set()
            assert (await other).text == "You said first."
            assert (await asked.answer).text == "You said edited."
            assert not asked.lost
    with pytest.raises(Closed, match="stopping"):
        desk.ask("too late")
