"""Put an agent's questions to the person at the terminal."""

import asyncio
import json
import sys
from collections.abc import Callable

from kt import Agent
from kt.events import QuestionAsked, TurnEnded
from kt_chat.inert import inert

from .lines import Lines


def answer_on_terminal(agent: Agent, lines: Lines) -> Callable[[], None]:
    """Ask each question on stderr, take its answer from `lines`, one at a time; return the function that stops it."""
    one_at_a_time = asyncio.Lock()
    asking: dict[str, asyncio.Task[None]] = {}

    async def put(question: QuestionAsked) -> None:
        async with one_at_a_time:
            _show(question)
            answer = _meant(question, await _line(lines))
            agent.questions.answer(question.id, answer, by="terminal")

    def asked(question: QuestionAsked) -> None:
        asking[question.id] = agent.spawn(put(question), name="question")

    def ended(_: TurnEnded) -> None:
        gone = [asking.pop(id) for id in asking.keys() - {question.id for question in agent.questions.pending}]
        if any(not task.done() for task in gone):
            print(file=sys.stderr, flush=True)
        for task in gone:
            task.cancel()

    offs = agent.bus.on(QuestionAsked, asked), agent.bus.on(TurnEnded, ended)

    def stop() -> None:
        for off in offs:
            off()

    return stop


async def answer_one(agent: Agent, question: QuestionAsked, lines: Lines) -> None:
    """Put a question that an earlier process left, and let the turn that waits for its answer go on."""
    _show(question)
    await agent.answer(question.id, _meant(question, await _line(lines)), by="terminal")


async def _line(lines: Lines) -> str | None:
    """Return the next line; at the end of input the cursor goes to a line of its own."""
    line = await lines.next(fresh=True)
    if line is None:
        print(file=sys.stderr, flush=True)
    return line


def _show(question: QuestionAsked) -> None:
    lines = [inert(question.text)]
    if isinstance(question.data, dict):
        lines += [f"  {k}: {inert(v if isinstance(v, str) else json.dumps(v))}" for k, v in question.data.items()]
    lines += [f"  {number}. {inert(choice)}" for number, choice in enumerate(question.choices, 1)]
    print("\n".join(lines), file=sys.stderr)
    print("? ", end="", file=sys.stderr, flush=True)


def _meant(question: QuestionAsked, line: str | None) -> str:
    """Return the answer; a number stands for a choice, the end of input for the last one (a no)."""
    if line is None:
        return question.choices[-1] if question.choices else ""
    text = line.strip()
    if text.isdigit() and 0 < int(text) <= len(question.choices):
        return question.choices[int(text) - 1]
    return text
