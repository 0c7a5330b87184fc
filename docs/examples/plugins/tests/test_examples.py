"""Each example does what it says, with real agents and a scripted model."""

import asyncio
from pathlib import Path

from kt import Agent, Context, Host, ToolNeeds, tool
from kt.errors import ProviderDown
from kt.events import TurnEnded
from kt.testing import EventRecorder, ScriptedLLM, VirtualClock, running
from kt_examples.patience import Patience, PatienceConfig
from kt_examples.protect import Protect, ProtectConfig
from kt_examples.slash import Slash
from kt_examples.transcript import transcript
from kt_examples.watch import watch_file


@tool(needs=ToolNeeds(writes=("@path",)))
def write(ctx: Context, path: str, text: str) -> str:
    """Write a file."""
    ctx.files.write(path, text.encode())
    return "written"


def test_patience_asks_again() -> None:
    async def run() -> None:
        plugin = Patience(PatienceConfig(attempts=3, wait=0.0))
        async with running([ProviderDown("busy"), ProviderDown("busy"), "here"], plugins=[plugin]) as agent:
            recorder = EventRecorder(agent)
            assert (await agent.run("hello")).unwrap().text == "here"
        assert recorder.kinds.count("llm_retry") == 2

    asyncio.run(run())


def test_protect_refuses_however_the_path_is_written(tmp_path: Path) -> None:
    async def run() -> None:
        calls = [("write", {"path": path, "text": "x"}) for path in ("uv.lock", "a/../uv.lock", "a.txt")]
        guard = Protect(ProtectConfig())
        async with running([calls, "done"], tools=[write], guards=[guard], pwd=tmp_path) as agent:
            plain, hidden, other = (await agent.run("write")).unwrap().tool_calls
        assert plain.error == hidden.error == "denied: uv.lock is protected (*.lock)"
        assert other.result == "written"

    asyncio.run(run())
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_slash_answers_without_the_model() -> None:
    async def run() -> None:
        llm = ScriptedLLM(["one two three"])
        async with running(llm, plugins=[Slash()], tools=[write]) as agent:
            assert (await agent.run("/tools")).text == "write"
            await agent.run("count")
            assert (await agent.run("/usage")).text == "1 tokens in, 3 out"
        assert len(llm.requests) == 1

    asyncio.run(run())


def test_the_transcript_has_both_sides(tmp_path: Path) -> None:
    async def run() -> None:
        def output(agent: Agent) -> object:
            return transcript(agent, file="talk.md")

        async with running(["hello"], outputs=[output], pwd=tmp_path) as agent:
            await agent.run("hi")
        assert (tmp_path / "talk.md").read_text() == "**user**: hi\n\n**test**: hello\n\n"

    asyncio.run(run())


def test_a_changed_file_starts_a_turn(tmp_path: Path) -> None:
    async def run() -> None:
        clock = VirtualClock()

        def trigger(agent: Agent) -> object:
            return watch_file(agent, path="inbox.txt")

        async with (
            Host(clock=clock) as host,
            running(["I see."], triggers=[trigger], pwd=tmp_path, host=host) as agent,
            agent.bus.stream(TurnEnded) as ended,
        ):
            await clock.advance(5)
            assert not agent.history
            (tmp_path / "inbox.txt").write_text("news")
            await clock.advance(1)
            assert (await anext(ended)).result.text == "I see."
            assert agent.history[0].text == "inbox.txt changed."

    asyncio.run(run())
