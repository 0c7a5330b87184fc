"""Put an agent's questions to the person at the terminal."""

import asyncio
import json
import sys
from collections.abc import Callable

from kt import Agent
from kt.events import QuestionAsked

from .console import inert


def answer_on_terminal(agent: Agent) -> Callable[[], None]:
    """Ask each question on stderr, read its answer from stdin, one at a time; return the function that stops it."""
    waiting = asyncio.Lock()

    async def put(question: QuestionAsked) -> None:
        async with waiting:
            answer = await asyncio.get_running_loop().run_in_executor(None, _read, question)
            agent.questions.answer(question.id, answer, by="terminal")

    def asked(question: QuestionAsked) -> None:
        agent.spawn(put(question), name="question")

    return agent.bus.on(QuestionAsked, asked)


def _read(question: QuestionAsked) -> str:
    """Return the answer; a number stands for a choice, the end of input for the last one (a no)."""
    lines = [inert(question.text)]
    if isinstance(question.data, dict):
        lines += [f"  {k}: {inert(v if isinstance(v, str) else json.dumps(v))}" for k, v in question.data.items()]
    lines += [f"  {number}. {inert(choice)}" for number, choice in enumerate(question.choices, 1)]
    print("\n".join(lines), file=sys.stderr)
    print("? ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    text = line.strip()
    if not line:
        return question.choices[-1] if question.choices else ""
    if text.isdigit() and 0 < int(text) <= len(question.choices):
        return question.choices[int(text) - 1]
    return text
