"""A process that keeps a session is killed at any moment: what it confirmed is there, and the session goes on."""

import importlib.util
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Context, Message, SessionReader, ToolResult, hookimpl, tool
from kt.testing import ScriptedLLM
from kt_jobs.jobs import JobEnded
from kt_sessions.chain import seal
from kt_sessions.check import check

pytestmark = pytest.mark.anyio

spec = importlib.util.spec_from_file_location("victims", Path(__file__).with_name("victims.py"))
assert spec is not None
assert spec.loader is not None
victims = importlib.util.module_from_spec(spec)
spec.loader.exec_module(victims)


def verify(path: Path, lines: list[str], wrong: Callable[[list[Message]], str]) -> None:
    """Say that all a process had confirmed, by the lines it said, is in the file, unchanged, and that it is sound."""
    confirmed = max((int(line.split(" ")[1]) for line in lines if line.startswith("ACK ")), default=0)
    if not confirmed:
        return
    with SessionReader(path) as reader:
        stored = {event.seq: event for event in reader.events()}
        conversation = reader.conversation()
    told = {
        int(seq): (kind, same)
        for seq, kind, same in (line.split(" ")[1:] for line in lines if line.startswith("EVENT "))
    }
    for seq, (kind, same) in told.items():
        if seq <= confirmed:
            assert stored[seq].kind == kind
            assert same == "-" or victims.digest(stored[seq].body) == same, (seq, kind)
    assert len(stored) >= confirmed
    assert check(path).problems == []
    open_calls = bool(conversation) and bool(conversation[-1].tool_calls)
    assert wrong(conversation[:-1] if open_calls else conversation) == ""


def finished(path: Path, effects: Path, victim: Any, wrong: Callable[[list[Message]], str]) -> None:
    """Say that a session that was ended cleanly after all the kills holds each effect at most once."""
    assert victim.ended() == 0, victim.lines[-3:]
    assert victim.said("TURN")
    assert all(line.startswith("ok") for line in victim.said("TURN")), victim.said("TURN")
    with SessionReader(path) as reader:
        assert wrong(reader.conversation()) == ""
        results = results_of(reader)
    done = Counter(effects.read_text().split())
    assert [token for token, times in done.items() if times > 1] == []
    for token, text in results.items():
        if text.startswith(f"noted {token}"):
            assert done[token] == 1, token


def results_of(reader: SessionReader) -> dict[str, str]:
    """Return the text of every result of the session by the token of its call."""
    found = {}
    for event in reader.events(kinds=["tool_ended"]):
        found[event.body["result"]["call_id"].removeprefix("c-")] = event.body["result"]["parts"][0]["text"]
    return found


def kill_at_random(start: Any, wrong: Any, folder: Path, seed: int, kills: int) -> int:
    """Kill runs of one session; return how many events they had confirmed."""
    chance = random.Random(seed)
    path, effects = folder / f"{seed}.ktlog", folder / f"{seed}.effects"
    confirmed = 0
    for number in range(kills):
        victim = start("busy", path, effects, seed * 1000 + number, 1000)
        victim.read(chance.choice((0, 1, 3, chance.randint(4, 60), chance.randint(4, 400))))
        spin(chance)
        victim.kill()
        if path.exists() and path.stat().st_size:
            verify(path, victim.lines, wrong)
        else:
            assert not victim.confirmed
        confirmed += victim.confirmed
    finished(path, effects, start("busy", path, effects, seed, 2), wrong)
    return confirmed


def spin(chance: random.Random) -> None:
    """Let some of its work go by, without a clock."""
    for _ in range(chance.choice((0, 1000, 30_000, 300_000))):
        pass


async def test_what_was_confirmed_survives_kills(start: Any, wrong: Any, tmp_path: Path) -> None:
    assert sum(kill_at_random(start, wrong, tmp_path, seed, 5) for seed in (1, 2, 3)) > 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
async def test_what_was_confirmed_survives_many_kills(start: Any, wrong: Any, tmp_path: Path, seed: int) -> None:
    assert kill_at_random(start, wrong, tmp_path, seed, 20) > 100


def end_at_calls(start: Any, wrong: Any, folder: Path, turns: int, step: int) -> list[str]:
    """Return what goes wrong where two runs end at call `step`, `2 * step` ... of the store into SQLite."""
    maker = start("points", folder, turns, step, file="victims_store.py")
    assert maker.ended() == 0
    complaints = []
    for line in maker.said("POINT"):
        number, _, after = line.split(" ")
        work = folder / number
        killed, again = (Path(work / name).read_text().splitlines() for name in ("killed", "after"))
        if after != "0":
            complaints.append(f"{number}: {again[-1]}")
            continue
        verify(work / "s.ktlog", killed, wrong)
        assert "STOPPED" in again
        assert all(said == "TURN ok " for said in again if said.startswith("TURN"))
    assert len(maker.said("POINT")) > 10
    return complaints


@pytest.mark.parametrize(("turns", "step"), [(0, 1), (1, 67)])
async def test_a_process_can_end_at_any_call_of_the_store(
    start: Any, wrong: Any, tmp_path: Path, turns: int, step: int
) -> None:
    assert end_at_calls(start, wrong, tmp_path, turns, step) == []


@pytest.mark.slow
async def test_a_process_can_end_at_every_call_of_the_store(start: Any, wrong: Any, tmp_path: Path) -> None:
    assert end_at_calls(start, wrong, tmp_path, 1, 1) == []


# The copy of a session that is being written is what a kill leaves at that moment.


class Snapshots:
    """Copy the session at the begin of each turn, when that is on the disk and the conversation has nothing of it."""

    def __init__(self, copy: Callable[[], Path]) -> None:
        self.copy = copy

    @hookimpl
    async def kt_around_turn(self, agent: Agent, turn: Any, next: Any) -> Any:
        await agent.durable()
        self.copy()
        return await next(turn)


async def gone_on(path: Path, *steps: Any, **options: Any) -> list[Message]:
    """Resume a session, run what is open, end it cleanly; return the conversation it then had."""
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(steps), session=path, **options) as agent:
        result = await agent.run(None)
        assert result.status == "ok", result.error
        return list(agent.history)


def kept(path: Path) -> list[Message]:
    with SessionReader(path) as reader:
        return reader.conversation()


async def test_a_message_whose_turn_had_only_begun_stays_in_the_conversation(tmp_path: Path, copied: Any) -> None:
    path, left = tmp_path / "s.ktlog", tmp_path / "left.ktlog"
    plugin = Snapshots(lambda: copied(path, left))
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(["a"]), session=path, plugins=[plugin]) as agent:
        await agent.run("the question")
    history = await gone_on(left, "an answer")
    assert [m.text for m in history] == ["the question", "an answer"]
    assert kept(left) == history
    async with await Agent.build({"name": "test"}, llm=ScriptedLLM(["b"]), session=left) as agent:
        assert agent.history == history


async def test_a_job_that_ended_before_the_model_heard_of_it_is_told_after_the_crash(
    tmp_path: Path, copied: Any
) -> None:
    path, left = tmp_path / "s.ktlog", tmp_path / "left.ktlog"

    @tool(background=True)
    async def work() -> str:
        """Work."""
        return "the 42 of the job"

    async def later(request: Any) -> str:
        async with agent.bus.stream(JobEnded) as ends:
            if not any(job.result for job in agent.plugin("jobs").all.values()):
                await anext(ends)
        await agent.durable()
        copied(path, left)
        return "I wait."

    llm = ScriptedLLM([[("work", {"run_in_background": True})], later, "heard"])
    async with await Agent.build({"name": "test"}, llm=llm, session=path, tools=[work]) as agent:
        await agent.run("go")
        assert "the 42 of the job" in str(agent.history)
    assert "the 42 of the job" in str(await gone_on(left, "I see.", "I see.", tools=[work]))


async def test_an_answer_that_is_in_the_file_whole_and_as_a_part_is_not_said_twice(
    tmp_path: Path, copied: Any, wrong: Any
) -> None:
    path, left = tmp_path / "s.ktlog", tmp_path / "left.ktlog"

    @tool(effect="read")
    async def look(ctx: Context) -> str:
        """Look."""
        copied(path, left)
        return "seen"

    llm = ScriptedLLM([[("look", {})], "done"])
    async with await Agent.build({"name": "test"}, llm=llm, session=path, tools=[look]) as agent:
        await agent.run("go")
    # The answer and the end of its draft are two writes; a kill may come between them.
    with closing(sqlite3.connect(left)) as connection, connection:
        tip = connection.execute("select h from event where stream = 1 and seq = 4").fetchone()[0]
        connection.execute("insert into partial values(1, 4, ?, ?)", ("Let me lo", seal((tip.hex(), "Let me lo"))))
    history = await gone_on(left, "done", tools=[look])
    assert wrong(history) == ""
    assert [m.role for m in history] == ["user", "assistant", "tool", "assistant"]


async def test_three_calls_that_were_settled_before_a_crash_are_no_invalid_calls(tmp_path: Path, copied: Any) -> None:
    path, left = tmp_path / "s.ktlog", tmp_path / "left.ktlog"

    @tool(effect="once")
    def note(n: int) -> str:
        """Note it; the third sees the crash."""
        if n == 3:
            copied(path, left)
        return f"noted {n}"

    llm = ScriptedLLM([[("note", {"n": n}) for n in (1, 2, 3)], "done"])
    async with await Agent.build({"name": "test"}, llm=llm, session=path, tools=[note]) as agent:
        await agent.run("go")
    history = await gone_on(left, "done", tools=[note])
    texts = [part.text for part in history[2].parts if isinstance(part, ToolResult)]
    assert texts[:2] == ["noted 1", "noted 2"]
    assert "outcome is unknown" in texts[2]


async def test_a_session_is_resumed_with_the_objects_it_was_made_with(tmp_path: Path) -> None:
    path, plugin = tmp_path / "s.ktlog", Snapshots(lambda: tmp_path)
    given: dict[str, Any] = {"plugins": [plugin], "llm": ScriptedLLM(["a", "b"])}
    async with await Agent.build({"name": "test"}, session=path, **given) as agent:
        await agent.run("hi")
    async with await Agent.resume(path, **given) as agent:
        assert (await agent.run("again")).text == "b"
        assert [m.text for m in agent.history] == ["hi", "a", "again", "b"]
