"""kt terrarium: teams as the command line has them."""

import argparse
import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from kt.errors import UsageError, nearest

if TYPE_CHECKING:
    from kt import Plugins

WORDS = ("list", "info", "run", "watch", "schema")
RUN = "Usage: kt terrarium run REF [PROMPT] [OPTIONS]"


def terrarium(argv: list[str], plugins: "Plugins") -> int:
    """Run kt terrarium; return its exit code. Raises KTError."""
    if argv[:1] == ["run"]:
        return _run(argv[1:], plugins)
    if argv and not argv[0].startswith("-") and argv[0] not in WORDS:
        raise UsageError(f"no command {argv[0]!r}", hint=f"{nearest(argv[0], WORDS)} (kt terrarium --help)")
    given = _parser(plugins.registry.get("parser", "arguments")).read(argv)
    return 0 if given is None else int(given.run(given, plugins))


def _parser(made: Any) -> Any:
    parser = made(prog="kt terrarium", description="Run and see teams of creatures.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[..., int] | None, help: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + "."
        )
        command.set_defaults(run=run)
        return command

    _json_option(add("list", _list, "list the recipes of installed packs"))
    command = add("info", _info, "show the team of a recipe")
    command.add_argument("ref", metavar="REF", help="@pack/terrariums/name, a file or a folder")
    _json_option(command)
    add("run", None, "run a recipe, with the options of kt run")
    command = add("watch", _watch, "show a team at work, from its session")
    command.add_argument(
        "session", nargs="?", metavar="SESSION", help="a name, its beginning, or a path; else the newest"
    )
    command.add_argument("--once", action="store_true", help="print it, and end")
    _json_option(command)
    add("schema", _schema, "print the JSON Schema of a recipe file")
    return parser


def _json_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="as JSON")


def _run(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt run` on a recipe. Raises DataError for what is none."""
    kt_run = plugins.registry.get("command", "run")
    if "--help" in (argv[: argv.index("--")] if "--" in argv else argv):
        with redirect_stdout(io.StringIO()) as text:
            code = int(kt_run(["--help"], plugins))
        _, _, rest = text.getvalue().partition("\n")
        print(f"{RUN}\n{rest}", end="")
        return code
    if not argv or argv[0].startswith("-"):
        raise UsageError("which recipe?", hint="kt terrarium run REF [PROMPT] [OPTIONS]; kt terrarium list")
    from .recipe import load

    recipe = load(plugins, argv[0])
    return int(kt_run([str(recipe.path), *argv[1:]], plugins))


def _list(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .packs import description_of, recipes_of

    dists = {point.dist: point.version for point, _ in plugins.modules.values()}
    rows = [(dist, ref, description_of(plugins, ref)) for dist in sorted(dists) for ref in recipes_of(plugins, dist)]
    if given.json:
        print(json.dumps([{"name": ref, "help": told, "distribution": dist, "version": dists[dist]}
                          for dist, ref, told in rows]))  # fmt: skip
        return 0
    width = max((len(ref) for _, ref, _ in rows), default=0)
    for dist, ref, told in rows:
        print(f"{ref:<{width}}  {told}  ({dist} {dists[dist]})")
    return 0


def _info(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .about import about, lines
    from .recipe import load

    told: dict[str, Any] = about(load(plugins, given.ref))
    print(json.dumps(told) if given.json else "\n".join(lines(told)))
    return 0


def _watch(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .watch import watch

    return watch(plugins, given.session, once=given.once, as_json=given.json)


def _schema(given: argparse.Namespace, plugins: "Plugins") -> int:
    from .schema import schema

    print(json.dumps(schema(), indent=2))
    return 0
