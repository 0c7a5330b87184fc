"""/rewind and /undo: take the conversation back to an earlier turn, and the files that were changed since."""

import asyncio
from dataclasses import dataclass

from kt import Agent
from kt.errors import ConfigError, UsageError

from .chat_own import no_turn_runs, own_file, turn_in
from .lines import count, one_line
from .listing import turns_on
from .reader import SessionReader
from .rewind import rewind_agent
from .showing import RESTORE, Restored, bring_back, restored_lines

FIRST = 80
"""Columns of what a turn began with."""


@dataclass(frozen=True, slots=True)
class _Past:
    """The turns that led here, by number, with what each began with; and those that were left behind."""

    turns: dict[int, str]
    left: list[int]


async def rewind(agent: Agent, words: str) -> str:
    """Take the agent back to the end of a turn, with the word "files" its files too; without words list the turns.

    "force" brings back also files that somebody else has changed since. Raises UsageError without a session, while a
    turn runs or for other words, NotFound for a turn that it has not, ConfigError where nothing brings files back.
    """
    before = await _past(agent)
    if not words.strip():
        return "\n".join(_listed(before))
    turn, *more = words.split()
    number = turn_in(turn)
    if other := next((word for word in more if word not in ("files", "force")), ""):
        raise UsageError(f"/rewind can't {other[:20]!r}", hint="/rewind TURN, or /rewind TURN files")
    done = await _taken_back(agent, before, number, files=bool(more), force="force" in more)
    lines = [_went(number, before, await _past(agent))]
    if done is not None:
        lines += _files_lines(done, number) or ["  no file was changed after it"]
    return "\n".join(lines)


async def undo(agent: Agent, words: str) -> str:
    """Take back the last turn, and the files that it changed where checkpoints are kept.

    Raises UsageError without a session, while a turn runs, or where there is no turn.
    """
    if words.strip():
        raise UsageError("/undo takes back one turn", hint="/rewind TURN goes back further")
    past = await _past(agent)
    if not past.turns:
        raise UsageError("there is no turn to take back", hint="/rewind lists the turns")
    last, earlier = [*past.turns][-1], ([0, *past.turns])[-2]
    kept = any(active.name == "checkpoints" for active in agent.active)
    done = await _taken_back(agent, past, earlier, files=kept, force=False)
    lines = [f"turn {last} was taken back (/rewind {last} has it again): {past.turns[last]}"]
    if done is None:
        lines.append("  files stay as they are: the plugin checkpoints is off")
    else:
        lines += _files_lines(done, earlier) or ["  it changed no file"]
    return "\n".join(lines)


def turns(agent: Agent) -> list[str]:
    """Return the numbers of the turns that one can go back to, the newest first."""
    return [str(number) for number in [0, *_read(agent).turns][-2::-1]] if agent.session is not None else []


async def _past(agent: Agent) -> _Past:
    own_file(agent)
    await agent.durable()
    return await asyncio.to_thread(_read, agent)


def _read(agent: Agent) -> _Past:
    with SessionReader(own_file(agent)) as reader:
        info = reader.stream(agent.name)
        counting = {turn.number: one_line(turn.user_text, FIRST) for turn in reader.turns(info.id)}
        everything = turns_on(reader.connection, info.id, [(1, info.last)])
    return _Past(counting, [number for number, _, _ in everything if number not in counting])


def _listed(past: _Past) -> list[str]:
    if not past.turns:
        lines = ["there is no turn yet"]
    else:
        width = len(str(max(past.turns)))
        lines = [f"{number:>{width}}  {text}".rstrip() for number, text in past.turns.items()]
    if past.left:
        lines.append(f"left behind, to go there again: {', '.join(map(str, past.left))}")
    return [*lines, "/rewind TURN goes back to the end of a turn (0: before the first); /rewind TURN files: files too"]


def _went(number: int, before: _Past, after: _Past) -> str:
    left = [turn for turn in before.turns if turn not in after.turns]
    again = [turn for turn in after.turns if turn not in before.turns]
    said = f"the conversation is at the end of turn {number}; {count(len(left), 'turn')} left behind"
    return said + (f", {count(len(again), 'turn')} taken up again" if again else "")


async def _taken_back(agent: Agent, past: _Past, turn: int, *, files: bool, force: bool) -> Restored | None:
    """Take the agent back, and files where they are asked for; return what became of these.

    Files can be brought back where the conversation is at that turn already.
    """
    no_turn_runs(agent)
    if files:  # what can't be done is to raise before the conversation has changed
        await asyncio.to_thread(_files, agent, turn, force=force, dry_run=True)
    if not files or turn != [0, *past.turns][-1]:
        await rewind_agent(agent, turn)
    if not files:
        return None
    done = await asyncio.to_thread(_files, agent, turn, force=force, dry_run=False)
    agent.record(done.event)
    await agent.durable()
    return done


def _files_lines(done: Restored, turn: int) -> list[str]:
    return list(restored_lines(done, force=f"/rewind {turn} files force"))


def _files(agent: Agent, turn: int, *, force: bool, dry_run: bool) -> Restored:
    plugins = agent.host.plugins
    if plugins.registry.find(*RESTORE) is None:
        raise ConfigError("kt-checkpoints, which brings files back, is not installed", hint="kt install kt-checkpoints")
    with SessionReader(own_file(agent)) as reader:
        info = reader.stream(agent.name)
        return bring_back(plugins, reader, info, turn, agent.pwd, force=force, dry_run=dry_run)
