"""Command lines by typer, without rich, and with our own errors; plugins add options to a command."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt import Entry


def parse(function: Callable[..., Any], argv: list[str], *, name: str) -> Any:
    """Call `function` with the parsed command line; return what it returns, or 0 after --help. Raises UsageError."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name=name, context_settings={"help_option_names": ["--help", "-h"]})(function)
    command = typer.main.get_command(app)
    try:
        # Not command.main(), which has its own idea of Ctrl-C and of broken pipes.
        context = command.make_context(f"kt {name}", list(argv))
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if hasattr(error, "format_message"):
            what = " ".join(error.format_message().split()).rstrip(".")
            raise UsageError(what, hint=f"kt {name} --help") from None
        raise
    with context:
        return command.invoke(context)


def with_options(function: Callable[..., Any], entries: "list[Entry]") -> Callable[..., Any]:
    """Return `function(**named, extra=...)` with one more option for each `run_option` entry.

    The values of those given on the command line come as `extra`, a dict by name; of a repeatable one as a list.
    """
    own = [p for p in inspect.signature(function).parameters.values() if p.name != "extra"]
    added = {entry.name.replace("-", "_"): entry for entry in entries}

    def command(**given: Any) -> Any:
        extra = {added[n].name: v for n, v in given.items() if n in added and v not in (None, False, [])}
        return function(**{n: v for n, v in given.items() if n not in added}, extra=extra)

    more = [_parameter(name, entry) for name, entry in added.items()]
    command.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (*own, *more)}
    command.__doc__ = function.__doc__
    return command


def _parameter(name: str, entry: "Entry") -> inspect.Parameter:
    flag = bool(entry.data.get("is_flag"))
    option = typer.Option(f"--{entry.name}", help=entry.help, metavar=None if flag else entry.data.get("metavar"))
    kind: Any = bool if flag else list[str] | None if entry.data.get("repeatable") else str | None
    default = False if flag else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
