"""kt sessions and kt cost: their command lines, and what only reads sessions."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import DataError

from .changing import answer_command, fork_command, remove_command, repair_command, rewind_command
from .names import load, load_all

if TYPE_CHECKING:
    from kt import Plugins

Command = Callable[[argparse.Namespace, "Plugins"], int]
KEYS = ("day", "model", "creature", "plugin", "session")


def sessions(argv: list[str], plugins: "Plugins") -> int:
    """Run kt sessions; return its exit code. Raises KTError."""
    return _run(_sessions_parser(plugins.registry.get("parser", "arguments")), argv, plugins)


def cost(argv: list[str], plugins: "Plugins") -> int:
    """Run kt cost; return its exit code. Raises KTError."""
    return _run(_cost_parser(plugins.registry.get("parser", "arguments")), argv, plugins)


def _run(parser: Any, argv: list[str], plugins: "Plugins") -> int:
    given = parser.read(argv)
    return 0 if given is None else int(given.run(given, plugins))


# Command lines


def _sessions_parser(made: Any) -> Any:
    parser = made(prog="kt sessions", description="See, export, change and repair the sessions that were kept.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = partial(_add, commands)
    command = add("list", _list, "list sessions, the newest first", session="")
    command.add_argument("--all", action="store_true", help="not only the last 20")
    command.add_argument("--limit", type=_positive, metavar="N", help="how many")
    _json_option(command)
    command = add("show", _show, "show what a session is, and its turns in short")
    command.add_argument("--turn", type=_positive, metavar="N", help="this turn in full")
    _agent_option(command, "only this agent, of several")
    _json_option(command)
    command = add("export", _export, "write a session as text that can be read elsewhere")
    command.add_argument("--format", choices=("md", "html", "jsonl"), default="md", help="md is the default")
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="else it is printed")
    _agent_option(command, "only this agent, of several")
    command = add("stats", _stats, "tell what is in a session: events, tokens, time")
    _agent_option(command, "only this agent, of several")
    _json_option(command)
    add("check", _check, "say whether a session is what was written", session="1")
    _json_option(add("pending", _pending, "list the questions that sessions wait for", session="*"))
    _add_changing(add)
    return parser


def _add_changing(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("answer", answer_command, "answer a question; the turn that waits goes on", session="1")
    command.add_argument("id", metavar="ID", help="the question, as kt sessions pending tells")
    command.add_argument("answer", metavar="ANSWER")
    _agent_option(command, "who asks, where several ask the same")
    command = add("fork", fork_command, "make a session that shares the past of another", session="1")
    command.add_argument("--at", type=_natural, metavar="TURN", help="up to the end of this turn; else all of it")
    command.add_argument("--to", type=Path, metavar="FILE", help="else a new name in the same folder")
    _agent_option(command, "whose turn, of several agents; the others are as they were then")
    command = add("rewind", rewind_command, "take a conversation back to the end of a turn", session="1")
    command.add_argument("turn", type=_natural, metavar="TURN", help="0 is before the first")
    _agent_option(command, "whose conversation, of several; the others stay where they are")
    command.add_argument("--files", action="store_true", help="bring back the files too that its tools changed")
    command.add_argument("--force", action="store_true", help="also those that somebody else has changed since")
    command.add_argument("--cwd", type=Path, metavar="FOLDER", help="where the files are; else the session's folder")
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
    command = add("repair", repair_command, "copy what is good of a damaged session", session="1")
    command.add_argument("--to", type=Path, metavar="FILE", help="else NAME-repaired beside it")
    command = add("rm", remove_command, "remove sessions", session="+")
    command.add_argument("-y", "--yes", action="store_true", help="do not ask")


def _add(commands: Any, name: str, run: Command, help: str, *, session: str = "?") -> argparse.ArgumentParser:
    """Add a command; `session` says how many it takes, as in argparse, "1" for one and "" for none."""
    description = f"{help[0].upper()}{help[1:]}."
    command: argparse.ArgumentParser = commands.add_parser(name, help=help, description=description)
    command.set_defaults(run=run)
    if session:
        which = "a name, its beginning, or a path" + ("; else the newest" if session == "?" else "")
        command.add_argument("session", nargs=None if session == "1" else session, metavar="SESSION", help=which)
    return command


def _cost_parser(made: Any) -> Any:
    parser = made(prog="kt cost", description="Tell what all sessions used: tokens, and money where it is known.")
    parser.add_argument("--days", type=_positive, metavar="N", help="the last N days, today included; else ever")
    parser.add_argument("--by", choices=KEYS, default="day", help="day is the default")
    _json_option(parser)
    parser.set_defaults(run=_cost)
    return parser


def _agent_option(command: argparse.ArgumentParser, help: str) -> None:
    command.add_argument("--agent", metavar="NAME", help=help)


def _json_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="as JSON")


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is less than 0")
    return number


def _positive(text: str) -> int:
    if not (number := _natural(text)):
        raise argparse.ArgumentTypeError("0 is too few")
    return number


_natural.__name__ = _positive.__name__ = "number"  # so argparse calls it in "invalid number value"


# What only reads


def _list(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .listing import FEW, print_list

    limit = None if given.all else given.limit or FEW
    return print_list(load_all(plugins.registry), limit=limit, as_json=given.json)


def _show(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .showing import print_session

    path = load(plugins.registry, given.session)
    return print_session(path, agent=given.agent, turn=given.turn, as_json=given.json)


def _export(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .showing import export

    return export(load(plugins.registry, given.session), given.format, given.output, agent=given.agent)


def _stats(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .reader import SessionReader
    from .stats import print_stats

    with SessionReader(load(plugins.registry, given.session)) as reader:
        return print_stats(reader, agent=given.agent, as_json=given.json)


def _cost(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .spending import print_costs

    # By name, which begins with the date: what a fork shares with its source belongs to the source.
    paths = sorted(load_all(plugins.registry), key=lambda path: path.name)
    return print_costs(paths, by=given.by, days=given.days, as_json=given.json)


def _check(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .check import check
    from .lines import count, inert

    report = check(load(plugins.registry, given.session))
    if not report.problems:
        print(f"{count(report.events, 'event')}, no problem")
        return 0
    print(f"{count(report.events, 'good event')}, {count(len(report.problems), 'problem')}:")
    for problem in report.problems:
        print(inert(f"  {problem}"))
    return DataError.exit_code


def _pending(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .answering import print_pending

    paths = [load(plugins.registry, name) for name in given.session] or load_all(plugins.registry)
    return print_pending(paths, as_json=given.json)
