"""What changes sessions: `kt sessions answer, rm, fork, rewind` and `repair`."""

import argparse
import sys
from contextlib import ExitStack
from functools import partial
from glob import escape
from typing import TYPE_CHECKING

from kt.errors import UsageError

from .names import SUFFIX, load, mint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kt import Plugins

    from .lock import SessionLock

BESIDE = ("-wal", "-shm", "-journal", "-search", "-search-wal", "-search-shm", "-search-journal")
"""What may stand beside a session file and goes with it."""


def answer_command(given: argparse.Namespace, plugins: "Plugins") -> int:
    """Answer a question of a session; its turn goes on."""
    from .answering import answer

    return answer(plugins, load(plugins.registry, given.session), given.id, given.answer, agent=given.agent)


def remove_command(given: argparse.Namespace, plugins: "Plugins") -> int:
    """Remove sessions, once somebody agreed."""
    from .lock import SessionLock
    from .schema import connect_read_only

    paths = list(dict.fromkeys(load(plugins.registry, name) for name in given.session))
    for path in paths:
        if path.suffix != SUFFIX:
            connect_read_only(path).close()  # raises for what is no session
    with ExitStack() as locks:
        for path in paths:
            locks.callback(_let_go, SessionLock(path))
        if not given.yes and not _agreed([path.stem for path in paths]):
            print("nothing was removed", file=sys.stderr)
            return 1
        for path in paths:
            path.unlink()
            older = path.parent.glob(f"{escape(path.name)}.v*")  # copies that were kept by a change of format
            for file in (*(path.with_name(path.name + end) for end in BESIDE), *older):
                file.unlink(missing_ok=True)
    return 0


def _let_go(lock: "SessionLock") -> None:
    # What a crash left beside a session that stays is needed to check it.
    lock.release(clean=lock.left is None or not lock.path.exists())


def _agreed(names: list[str]) -> bool:
    from .lines import inert

    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", hint="add --yes to remove without a question")
    print(inert(f"remove {', '.join(names)}? [y/N] "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def fork_command(given: argparse.Namespace, plugins: "Plugins") -> int:
    """Make a session that shares the past of another."""
    import time

    from .fork import fork
    from .lines import count, inert
    from .listing import the_agent
    from .reader import SessionReader

    if given.agent is not None and given.at is None:
        raise UsageError("--agent says whose turn it is", hint="--at TURN")
    source = load(plugins.registry, given.session)
    with SessionReader(source) as reader:
        agent = None if given.at is None else the_agent(reader, given.agent).name
        name = agent or next((info.name for info in reader.agents), source.stem)
    target = given.to or mint(source.parent, name, time.time())
    copied = fork(source, target, turn=given.at, stream=agent)
    print(target if given.to else target.stem)
    print(f"{count(copied, 'event')} copied", file=sys.stderr)
    if given.at is not None:
        for line in _others(target, name):
            print(inert(line), file=sys.stderr)
    return 0


def _others(path: "Path", agent: str) -> "Iterator[str]":
    """Yield where the other agents stand in a session that ends with a turn of one."""
    from .reader import SessionReader

    with SessionReader(path) as reader:
        for info in reader.agents:
            last = max(reader.turns(info.id), key=lambda turn: turn.first, default=None)
            if info.name != agent and last is not None:
                yield f"{info.name} is {'in' if last.ended is None else 'after'} its turn {last.number}"


def rewind_command(given: argparse.Namespace, plugins: "Plugins") -> int:
    """Take a conversation back to the end of a turn, and its files where that is asked."""
    from .lines import count
    from .listing import the_agent
    from .offline import append
    from .reader import SessionReader
    from .rewind import end_of_turn, rewind
    from .showing import bring_back, print_restored

    if not given.files and (given.force or given.cwd):
        raise UsageError("--force and --cwd are for --files", hint="kt sessions rewind --help")
    path, turn = load(plugins.registry, given.session), given.turn
    with SessionReader(path) as reader:
        info = the_agent(reader, given.agent)
        files = partial(bring_back, plugins, agent=info, turn=turn, folder=given.cwd, force=given.force)
        behind = info.last - end_of_turn(reader.connection, info.id, turn, path)
        done = files(reader, dry_run=True) if given.files else None
    if not given.dry_run:
        behind = rewind(path, turn, stream=info.id)
    went = "would go" if given.dry_run else "went"
    print(f"{given.agent or path.stem} {went} back to the end of turn {turn}; {count(behind, 'event')} left behind")
    if done is None:
        return 0
    if not given.dry_run:
        with SessionReader(path) as reader:
            done = files(reader, dry_run=False)
        append(path, info.id, done.event)
    return print_restored(done, would=given.dry_run)


def repair_command(given: argparse.Namespace, plugins: "Plugins") -> int:
    """Copy what is good of a session."""
    from .check import repair
    from .lines import count, inert

    source = load(plugins.registry, given.session)
    target = given.to or source.with_name(f"{source.stem}-repaired{SUFFIX}")
    done = repair(source, target)
    print(target if given.to else target.stem)
    lost = f"; lost: {done.lost}" if done.lost else ", nothing lost"
    print(inert(f"{count(done.kept, 'event')} copied{lost}"), file=sys.stderr)
    return 0
