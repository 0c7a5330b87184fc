"""The questions that sessions wait for, and their answers: `kt sessions pending` and `answer`."""

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Agent, Host, TurnResult
from kt.errors import NotFound, UsageError, nearest

from .lines import count, inert
from .listing import summary
from .reader import SessionReader

if TYPE_CHECKING:
    from kt import Plugins


@dataclass(slots=True)
class Open:
    """A question of `agent` that nobody has answered; `data` says more of it, for a permission what is wanted."""

    session: Path
    agent: str
    id: str
    text: str
    choices: list[str]
    topic: str
    data: Any = None


def open_questions(path: Path) -> list[Open]:
    """Return the open questions of a session's agents. Raises SessionDamaged."""
    with SessionReader(path) as reader:
        asked = [(info.name, q) for info in reader.agents for q in reader.rebuilt(info.id).questions]
    return [
        Open(path, who, q["id"], q["text"], list(q.get("choices", ())), q.get("topic", "input"), q.get("data"))
        for who, q in asked
    ]


def print_pending(paths: Iterable[Path], *, as_json: bool) -> int:
    """Print the open questions of those sessions that wait; a damaged one is named."""
    found: list[Open] = []
    for path in paths:
        known = summary(path)
        if known.state == "waiting":
            found += open_questions(path)
        elif known.problem:
            print(inert(f"! {known.name}: {known.problem}"), file=sys.stderr)
    if as_json:
        print(json.dumps([_data(question) for question in found]))
        return 0
    if not found:
        print("no session waits for an answer", file=sys.stderr)
    print("\n".join(_lines(question) for question in found), end="\n" * bool(found))
    return 0


def _data(question: Open) -> dict[str, Any]:
    return {"session": question.session.stem, "path": str(question.session), "agent": question.agent,
            "id": question.id, "text": question.text, "choices": question.choices, "topic": question.topic,
            "data": question.data}  # fmt: skip


def _lines(question: Open) -> str:
    lines = [f"{question.session.stem}  {question.id}  ({question.agent})", f"  {question.text}"]
    if isinstance(question.data, dict):
        lines += [f"  {k}: {v if isinstance(v, str) else json.dumps(v)}" for k, v in question.data.items()]
    if question.choices:
        lines.append(f"  answer with one of: {', '.join(question.choices)}")
    return inert("\n".join(lines))


def answer(plugins: "Plugins", path: Path, id: str, text: str, *, agent: str | None) -> int:
    """Answer a question of a session, let its turn go on and print the answer; return the exit code of the turn.

    Raises NotFound for a question that is not open, UsageError for none of its choices or where several agents ask
    it, and what a resume raises.
    """
    asked = [question for question in open_questions(path) if agent in (None, question.agent)]
    found = [question for question in asked if question.id == id]
    if not found:
        hint = nearest(id, [question.id for question in asked]) or "kt sessions pending"
        raise NotFound(f"no open question {id!r}", where=path.stem, hint=hint)
    if len(found) > 1:
        names = ", ".join(question.agent for question in found)
        raise UsageError(f"{count(len(found), 'agent')} ask {id!r}", hint=f"--agent NAME, one of: {names}")
    return asyncio.run(_resumed(plugins, found[0], _meant(found[0], text)))


def _meant(question: Open, text: str) -> str:
    """Return the choice that is meant, whatever its capitals; where there are none, the text."""
    if not question.choices:
        return text
    found = [choice for choice in question.choices if choice.lower() == text.strip().lower()]
    if not found:
        raise UsageError(f"{text!r} is none of the choices", hint=f"one of: {', '.join(question.choices)}")
    return found[0]


async def _resumed(plugins: "Plugins", question: Open, text: str) -> int:
    async with Host(plugins) as host, await Agent.resume(question.session, host=host, agent=question.agent) as agent:
        agent.questions.wait = True  # what it asks next waits for an answer as well
        result: TurnResult | None = await agent.answer(question.id, text, by="cli")
        left = len(agent.questions.pending)
    if result is None:
        print(f"noted; {count(left, 'question')} still open: kt sessions pending", file=sys.stderr)
        return 0
    if result.text:
        print(inert(result.text) if sys.stdout.isatty() else result.text)
    if result.error is not None:
        print(inert(result.error.line()), file=sys.stderr)
    return result.exit_code
