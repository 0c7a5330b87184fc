"""The calls of a replay: each gets its recorded result, and what reached the tools is compared."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from kt import ToolCall, ToolResult, Vetoed
from kt.errors import TurnWaiting
from kt.events import Refused, ToolStarted
from kt_sessions.messages import result_of

from .record import Call, Data, Run, Step, Turn

if TYPE_CHECKING:
    from .stage import Stage


async def forever() -> NoReturn:
    """Wait to be cancelled."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError


class Calls:
    """Hold the calls of one process: `known` are the recorded ones by id, `count` the runs of tools there were."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self.known: dict[str, Call] = dict(stage.process.open)
        self.count = 0
        self._carried: list[Call] = list(stage.process.open.values())
        self._seen: dict[Call, list[Data]] = {}
        self._orders: dict[Step, list[str]] = {}
        self._refusals: dict[str, list[str]] = {}
        self._ended: set[str] = set()

    def begin(self) -> None:
        """Go on to the next turn; calls that wait for an answer are taken along."""
        waiting = {call.id for call in self._carried}
        self._refusals = {id: whys for id, whys in self._refusals.items() if id in waiting}
        self._orders.clear()
        self._ended.clear()

    # What the agent does

    def started(self, event: ToolStarted) -> None:
        """Note that a call reached its tool."""
        call, step = self.known.get(event.call.id), self._stage.step
        self.count += 1
        asked: Any = None
        with suppress(ValueError):
            asked = json.loads(event.call.args_text or "{}")
        now = {"name": event.call.name, "arguments": event.call.arguments, "asked": asked}
        if call is None:
            self._stage.findings.compare(f"call {event.call.id}", None, now)
            return
        self._seen.setdefault(call, []).append(now)
        self._stage.moved()
        if step is not None and step.calls.get(call.id) is call:
            self._orders.setdefault(step, []).append(call.id)

    def refused(self, event: Refused) -> None:
        """Note that a call, or the turn, was refused."""
        self._refusals.setdefault(event.what.rpartition(" ")[2], []).append(event.why)

    # What the record has for a call

    def refused_elsewhere(self, call: Call) -> str:
        """Return why a plugin that takes no part refused a call; "" where none did."""
        return next((why for why, by in call.refused if by.partition(" (")[0] in self._stage.absent), "")

    def answered_elsewhere(self, call: Call) -> ToolResult | None:
        """Return the result that a call got without its tool, where a plugin that takes no part may have given it."""
        if not self._stage.absent or call.result is None or call.runs or call.refused or call.result.get("is_error"):
            return None
        return result_of(call.result)

    def invalid(self, name: str) -> Iterator[tuple[Data, str]]:
        """Yield the calls of a tool that the step's reply asks for and no tool saw, with the text of their error."""
        step = self._stage.step
        for part in step.reply["parts"] if step is not None and step.reply is not None else ():
            if part.get("kind") == "tool_call" and part["name"] == name:
                result = step.calls[part["id"]].result if step is not None else None
                if result is not None and result.get("is_error"):
                    yield part, result_of(result).text

    async def play(self, call: ToolCall) -> ToolResult:
        """Return the recorded result of a call that reached its tool; hang or end the turn where it had none."""
        known, turn = self.known.get(call.id), self._stage.turn
        if known is None or turn is None:
            return nothing(call)
        if known.background:
            if known.promoted:
                self._stage.agent.plugin("jobs").promote(call.id)
            await forever()  # what a job brought joins as it was recorded
        number = len(self._seen.get(known, ())) - 1
        run = known.runs[number] if number < len(known.runs) else None
        if run is not None and run.unfinished:
            await self._break_off(turn, run)
        if run is None and known.result is None and turn.status is None:
            await self._stage.hang()
        if run is None or run.result is None:
            return nothing(call) if known.result is None else result_of(known.result)
        await asyncio.sleep(0)  # calls that run together all start before one ends
        return self._end(known, run, result_of(run.result))

    async def _break_off(self, turn: Turn, run: Run) -> None:
        if turn.status == "waiting" and run.result is None:
            raise TurnWaiting(str((turn.error or {}).get("message", "")))
        await self._stage.no_answer()

    def _end(self, known: Call, run: Run, result: ToolResult) -> ToolResult:
        self._stage.keep(run.state)
        self._ended.add(known.id)
        self._stage.moved()
        if result.is_error and any(result.text == f"denied: {why}" for why, by in known.refused if not by):
            raise Vetoed(result.text.removeprefix("denied: "))
        return result

    def caught_up(self) -> bool:
        """Tell whether all calls of the step have begun that had, and have ended where they had a result."""
        step = self._stage.step
        calls = [c for c in (self._carried if step is None else step.calls.values()) if c.runs and not c.background]
        return all(c in self._seen and (c.runs[-1].unfinished or c.id in self._ended) for c in calls)

    # Comparison

    def compare(self, turn: Turn) -> None:
        """Compare the calls of the replies that were given, once they have ended, and what was refused."""
        findings, steps = self._stage.findings, list(enumerate(self._stage.done, 1))
        batches = [(0, self._carried), *((at, list(step.calls.values())) for at, step in steps)]
        self._carried = batches.pop()[1] if turn.status == "waiting" else []
        for at, calls in batches:
            for call in calls:
                findings.call(call, at, self._seen.get(call, ()), cut=turn.status is None)
                recorded, now = lines([why for why, _ in call.refused]), lines(self._refusals.get(call.id))
                if turn.status is not None or recorded is not None:
                    findings.compare(f"refusal of {call.id}", recorded, now, step=at)
        for at, step in steps:
            before, after = self._ordered(step, step.order), self._ordered(step, self._orders.get(step, ()))
            if sorted(before) == sorted(after):
                findings.compare("order of calls", lines(before), lines(after), step=at)
        whole = [why for why, _ in turn.refused]
        findings.compare("refusal of the turn", lines(whole), lines(self._refusals.get("turn")), step=0)

    def _ordered(self, step: Step, ids: Sequence[str]) -> list[str]:
        """Return the ids of calls as they started; those of calls that ran together are sorted."""
        out: list[str] = []
        together: list[str] = []
        for id in ids:
            tool = self._stage.agent.tools.get(step.calls[id].name)
            if tool is not None and tool.parallel:
                together.append(id)
            else:
                out, together = [*out, *sorted(together), id], []
        return [*out, *sorted(together)]


def nothing(call: ToolCall) -> ToolResult:
    """Return the result of a call that the record does not know."""
    return ToolResult(call.id, [], is_error=True, name=call.name)


def lines(texts: Sequence[str] | None) -> str | None:
    return "\n".join(texts or ()) or None
