"""kt plugins: the installed plugins seen from inside: what is there, who wraps whom, and what it costs."""

import json
import sys
from typing import TYPE_CHECKING

from kt.errors import UnknownName, UsageError, nearest

if TYPE_CHECKING:
    from kt import Plugins

COMMANDS = ("list", "why", "time", "release")
USAGE = """Usage: kt plugins COMMAND [ARGUMENTS]

Commands:
  list     list what is installed: entry points and all they registered
  why      show who implements a hook, in the order of the calls
  time     measure imports and hooks in one turn of a scripted model
  release  end the quarantine of plugins that kept failing
"""
LIST_USAGE = """Usage: kt plugins list [--kind KIND] [--needs] [--json]

  List every installed entry point and every registered thing: where it
  comes from, the profiles that enable it, and whether it is in quarantine.
  A pack's needs are those of its kt-pack.toml.

Options:
  --kind KIND  only this kind: entry_point, plugin, tool, ...
  --needs      what each tool needs, too; this imports the tools
  --json       as JSON
  --help       Show this message and exit.
"""


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code. `list` is parsed by hand: typer would import pydantic for it."""
    name, rest = (argv[0], argv[1:]) if argv else ("--help", [])
    if name in ("--help", "-h"):
        print(USAGE, end="")
        return 0
    if name == "list":
        return _list(rest, plugins)
    if name == "why":
        from ..chains import why

        return why(rest, plugins)
    if name == "time":
        from ..timing import time

        return time(rest, plugins)
    if name == "release":
        from ..releasing import release

        return release(rest, plugins)
    raise UsageError(f"no command kt plugins {name}", hint=nearest(name, COMMANDS))


def _list(argv: list[str], plugins: "Plugins") -> int:
    from dataclasses import asdict

    from ..inventory import ENTRY_POINT, rows_of

    if "--help" in argv or "-h" in argv:
        print(LIST_USAGE, end="")
        return 0
    kind, flags = _options(argv)
    kinds = {ENTRY_POINT, *(entry.kind for entry in plugins.registry.entries())}
    if kind is not None and kind not in kinds:
        raise UnknownName(f"no kind {kind!r}", where="--kind", hint=nearest(kind, kinds))
    rows = rows_of(plugins, needs="--needs" in flags, kind=kind)
    for error in plugins.failed.values():
        print(f"kt: {error}", file=sys.stderr)
    if "--json" in flags:
        print(json.dumps([asdict(row) for row in rows]))
        return 0
    for each in dict.fromkeys(row.kind for row in rows):
        own = [row for row in rows if row.kind == each]
        width = max(len(row.name) for row in own)
        print("\n".join([f"{each}:", *(row.line(width) for row in own)]))
    return 0


def _options(argv: list[str]) -> tuple[str | None, set[str]]:
    """Return the kind that is asked for, and the flags. Raises UsageError."""
    kind, flags, words = None, set[str](), iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name == "--kind":
            kind = value if equals else next(words, "")
        elif word in ("--json", "--needs"):
            flags.add(word)
        else:
            hint = f"{nearest(word, ('--kind', '--needs', '--json'))} (kt plugins list --help)"
            raise UsageError(f"no option or argument {word!r}", hint=hint)
    return kind, flags
