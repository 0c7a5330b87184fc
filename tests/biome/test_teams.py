"""Each team of the pack reaches its goal over its channels and wires, and so does one with a broken member."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Request, Text
from kt.errors import ModelError
from kt.testing import ScriptedLLM, VirtualClock

from .cast import CALC, RUN, cast, heard, last, member, repository, results, team, who

pytestmark = pytest.mark.anyio

RIGHT = "return sum(numbers) / len(numbers)"
BAD = "return sum(numbers) / (len(numbers) + 2)"
OLD = CALC.splitlines()[1].strip()


# A change of code by four


class SweTeam:
    """Play the four: the coder's first change is wrong, the tester sees it, the lead sends it back."""

    def lead(self, request: Request) -> Any:
        calls = [call for message in request.messages for call in message.tool_calls]
        reports = [heard(request, f"[{name}] ") for name in ("tester", "reviewer")]
        missing = heard(request, "the creature reviewer failed")
        if reports[0] < len(calls) or (reports[1] < len(calls) and not missing):
            return "waiting for reports"
        if not calls:
            return [("send_message", {"channel": "tasks", "message": "check.py must pass. The mean is off."})]
        tested = [m.text for m in request.messages if m.text.startswith("[tester] ")]
        if "failed" in tested[-1]:
            return [("send_message", {"channel": "tasks", "message": f"Still wrong: {tested[-1]}"})]
        return "Mended, but nobody reviewed it." if missing else "Mended, tested and reviewed."

    def coder(self, request: Request) -> Any:
        if "Still wrong" in last(request):
            return [("edit", {"path": "calc.py", "old": BAD, "new": RIGHT})]
        if last(request):
            return [("read", {"path": "calc.py"})]
        if OLD in results(request):
            return [("edit", {"path": "calc.py", "old": OLD, "new": BAD})]
        return "Asked: check.py must pass. calc.py:2 changed."

    def tester(self, request: Request) -> Any:
        if "has ended a task" in last(request):
            return [("bash", {"command": RUN})]
        return f"{'passed' if results(request).startswith('passed') else 'failed'}: {RUN}"

    def reviewer(self, request: Request) -> Any:
        if "has ended a task" in last(request):
            return [("read", {"path": "calc.py"})]
        return "Fit to be taken." if RIGHT in results(request) else "Not fit: blocker, calc.py:2."

    def broken(self, request: Request) -> Any:
        return ModelError("this model is down")


async def test_swe_team_mends_a_test_with_one_round_sent_back(tmp_path: Path) -> None:
    play, folder = SweTeam(), repository(tmp_path / "work")
    llm = cast(lead=play.lead, coder=play.coder, tester=play.tester, reviewer=play.reviewer)
    async with await team("swe_team", llm, folder) as agent:
        result = await agent.run("Make check.py pass.")
        root = member(agent)
        turns = {m.name: m.agent.turns for m in root.engine.members.values()}
    assert (result.status, result.text) == ("ok", "Mended, tested and reviewed.")
    assert RIGHT in (folder / "calc.py").read_text()
    assert turns == {"lead": 1, "coder": 2, "tester": 2, "reviewer": 2}
    assert root.graph.channels["tasks"].sent == 2
    assert root.graph.quiet


async def test_a_question_that_needs_no_change_is_answered_without_the_team(tmp_path: Path) -> None:
    llm = ScriptedLLM(lambda request: "It computes a mean.")
    async with await team("swe_team", llm, repository(tmp_path / "work")) as agent:
        assert (await agent.run("What is calc.py?")).text == "It computes a mean."
    assert [who(request) for request in llm.requests] == ["lead"]


async def test_a_team_whose_reports_go_round_for_ever_ends(tmp_path: Path) -> None:
    def lead(request: Request) -> Any:
        if "too long" in results(request):
            return "It does not converge."
        if last(request) and heard(request, "[tester]") == heard(request, "[reviewer]"):
            return [("send_message", {"channel": "tasks", "message": "Again."})]
        return "waiting"

    said = {name: (lambda request: "Thank you!") for name in ("coder", "tester", "reviewer")}
    async with await team("swe_team", cast(lead=lead, **said), repository(tmp_path / "work")) as agent:
        result = await asyncio.wait_for(agent.run("Go."), 60)
    assert result.text == "It does not converge.", "the lead is told that the chain is too long"


# A pair


class Pair:
    """Play the two: the first step is vetoed, the mended one is the last."""

    def driver(self, request: Request) -> Any:
        said = last(request)
        if "VETO" in said:
            return [("edit", {"path": "calc.py", "old": BAD, "new": RIGHT})]
        if "DONE" in said:
            return "calc.py:2 mended, as my navigator saw."
        if "navigator failed" in said:
            return "calc.py:2 changed; nobody reviewed it."
        if said:
            return [("read", {"path": "calc.py"})]
        name = request.messages[-2].tool_calls[0].name
        if name == "read":
            return [("edit", {"path": "calc.py", "old": OLD, "new": BAD})]
        if name == "edit":
            return [("bash", {"command": RUN})]
        if name == "bash":
            return [("send_message", {"channel": "steps", "message": f"check.py must pass. {results(request)[-200:]}"})]
        return "waiting for the navigator"

    def navigator(self, request: Request) -> Any:
        if last(request):
            return [("read", {"path": "calc.py"})]
        return "DONE. Read calc.py." if RIGHT in results(request) else "VETO calc.py:2: the mean of [2, 4] is 1.5."


async def test_a_pair_mends_a_test_after_a_veto(tmp_path: Path) -> None:
    play, folder = Pair(), repository(tmp_path / "work")
    async with await team("pair_programming", cast(driver=play.driver, navigator=play.navigator), folder) as agent:
        result = await agent.run("Make check.py pass.")
        turns = {m.name: m.agent.turns for m in member(agent).engine.members.values()}
    assert result.text == "calc.py:2 mended, as my navigator saw."
    assert RIGHT in (folder / "calc.py").read_text()
    assert turns == {"driver": 1, "navigator": 2}


# A report by five


class Research:
    """Play the five: three questions, one to each researcher at once; the checker refutes one claim."""

    def __init__(self, folder: Path) -> None:
        for year in (1, 2, 3):
            (folder / f"{year}.txt").write_text(f"In year {year} there were {year * 10} owls.\n")
        self.asked: dict[str, list[str]] = {}
        self.together = asyncio.Barrier(3)

    def lead(self, request: Request) -> Any:
        answers = heard(request, "[checker] ")
        if last(request) and not answers:
            texts = [f"How many owls were there in year {year}?" for year in (1, 2, 3)]
            return [("send_message", {"channel": "questions", "message": text}) for text in texts]
        if answers < 3:
            return f"waiting for {3 - answers} answers"
        said = [m.text.removeprefix("[checker] ") for m in request.messages if m.text.startswith("[checker] ")]
        return "Report. " + " ".join(sorted(said))

    async def researcher(self, request: Request) -> Any:
        if question := last(request):
            self.asked.setdefault(who(request), []).append(question)
            await self.together.wait()
            return [("read", {"path": f"{question[-2]}.txt"})]
        question = next(m.text for m in reversed(request.messages) if m.role == "user")
        year = question[-2]
        return f"Year {year}: 1. {20 if year == '3' else int(year) * 10} owls ({year}.txt)"

    def checker(self, request: Request) -> Any:
        if found := last(request):
            return [("read", {"path": f"{found.partition('Year ')[2][0]}.txt"})]
        claim = next(m.text for m in reversed(request.messages) if m.role == "user").partition("Year ")[2]
        owls = claim.partition("1. ")[2].partition(" ")[0] if claim[0] != "1" else "10"
        right = f"{owls} owls" in results(request)
        return f"Year {claim[0]} {'confirmed' if right else 'wrong'}."


def researchers(play: Research) -> dict[str, Any]:
    return {f"researcher_{n}": play.researcher for n in (1, 2, 3)}


async def test_deep_research_asks_three_at_once_and_reports_what_was_checked(tmp_path: Path) -> None:
    play = Research(tmp_path)
    llm = cast(lead=play.lead, checker=play.checker, **researchers(play))
    async with await team("deep_research", llm, tmp_path) as agent:
        result = await asyncio.wait_for(agent.run("How did the owls fare?"), 60)
        assert member(agent).engine.members["checker"].agent.turns == 3
    assert result.text == "Report. Year 1 confirmed. Year 2 confirmed. Year 3 wrong."
    assert {name: len(questions) for name, questions in play.asked.items()} == {f"researcher-{n}": 1 for n in (1, 2, 3)}


# A member whose model never answers


async def outlived(agent: Agent, clock: VirtualClock, prompt: str) -> Any:
    """Run a prompt; let time pass whenever a creature waits to be started again."""
    running = asyncio.create_task(agent.run(prompt))
    while not running.done():
        if any(m.state == "restarting" for m in member(agent).engine.members.values()):
            await clock.advance(10)
        await asyncio.sleep(0.005)
    return await running


async def test_the_swe_team_finishes_without_its_reviewer(tmp_path: Path) -> None:
    play, folder, clock = SweTeam(), repository(tmp_path / "work"), VirtualClock()
    llm = cast(lead=play.lead, coder=play.coder, tester=play.tester, reviewer=play.broken)
    async with Host(clock=clock) as host, await team("swe_team", llm, folder, host=host) as agent:
        result = await outlived(agent, clock, "Make check.py pass.")
        states = {m.name: m.state for m in member(agent).engine.members.values()}
    assert result.text == "Mended, but nobody reviewed it."
    assert states["reviewer"] == "failed"
    assert RIGHT in (folder / "calc.py").read_text()


async def test_the_driver_goes_on_without_its_navigator(tmp_path: Path) -> None:
    play, folder, clock = Pair(), repository(tmp_path / "work"), VirtualClock()
    llm = cast(driver=play.driver, navigator=SweTeam().broken)
    async with Host(clock=clock) as host, await team("pair_programming", llm, folder, host=host) as agent:
        result = await outlived(agent, clock, "Make check.py pass.")
    assert result.text == "calc.py:2 changed; nobody reviewed it."


async def test_what_a_researcher_that_failed_was_asked_is_answered_by_another(tmp_path: Path) -> None:
    play, clock = Research(tmp_path), VirtualClock()
    play.together = asyncio.Barrier(1)
    players = {**researchers(play), "researcher_2": SweTeam().broken}
    llm = cast(lead=play.lead, checker=play.checker, **players)
    async with Host(clock=clock) as host, await team("deep_research", llm, tmp_path, host=host) as agent:
        result = await outlived(agent, clock, "How did the owls fare?")
    assert result.text == "Report. Year 1 confirmed. Year 2 confirmed. Year 3 wrong."
    assert sum(map(len, play.asked.values())) == 3
    assert "researcher-2" not in play.asked


async def test_content_of_messages_is_text_of_a_colleague(tmp_path: Path) -> None:
    """What a colleague says comes as a user's message with its name, and nothing of it is a system prompt."""
    play, folder = SweTeam(), repository(tmp_path / "work")
    llm = cast(lead=play.lead, coder=play.coder, tester=play.tester, reviewer=play.reviewer)
    async with await team("swe_team", llm, folder) as agent:
        await agent.run("Make check.py pass.")
    told = [m for r in llm.requests if who(r) == "tester" for m in r.messages if m.role == "user"]
    assert told
    assert all(isinstance(part, Text) for m in told for part in m.parts)
    assert not any("calc.py:2 changed" in r.system for r in llm.requests)
