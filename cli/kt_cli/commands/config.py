"""kt config: keys of providers, and models by their other name."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt.errors import ConfigError, UsageError, nearest

from ..models import key_place, variables_of
from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins

USAGE = """Usage: kt config COMMAND [ARGUMENTS]

Commands:
  key set VARIABLE   keep a key; it is read from the terminal or standard input
  key list           list the variables that providers look for, and where each has its key
  key rm VARIABLE    forget a key
  llm add ...        the same as kt model add"""


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""
    match argv:
        case (
            []
            | ["--help" | "-h"]
            | ["key" | "llm"]
            | ["key" | "llm", "--help" | "-h"]
            | ["key", "list", "--help" | "-h"]
        ):
            print(USAGE)
            return 0
        case ["key", ("set" | "rm") as verb, *rest]:
            code: int = parse(_set(plugins) if verb == "set" else _remove(plugins), rest, name=f"config key {verb}")
            return code
        case ["key", "list"]:
            return _list(plugins)
        case ["llm", "add", *rest]:
            from .model import main as model

            return model(["add", *rest], plugins)
        case [*words]:
            raise UsageError(f"no command kt config {' '.join(words[:2])}", hint=nearest(words[0], ["key", "llm"]))
    raise AssertionError("unreachable")


def store_of(plugins: "Plugins") -> Any:
    """Return the first place that keeps keys. Raises ConfigError where there is none."""
    for entry in plugins.registry.entries("keys"):
        return entry.load()()
    raise ConfigError("no plugin keeps keys", hint="pip install kt-config")


def read_key(what: str) -> str:
    """Read a key: hidden from a terminal, else one line of standard input. Raises UsageError for nothing."""
    if sys.stdin.isatty():
        from getpass import getpass

        key = getpass(f"{what}: ")
    else:
        key = sys.stdin.readline()
    if not key.strip():
        raise UsageError("no key was given", hint="paste it, or pipe it in")
    return key.strip()


def _set(plugins: "Plugins") -> Any:
    def set_(variable: Annotated[str, typer.Argument(help="e.g. OPENAI_API_KEY")]) -> int:
        """Keep a key; it is read from the terminal or standard input, never from the command line."""
        store = store_of(plugins)
        store.put(variable, read_key(variable))
        print(f"{variable} is kept ({store.file})")
        return 0

    return set_


def _remove(plugins: "Plugins") -> Any:
    def remove(variable: Annotated[str, typer.Argument(help="e.g. OPENAI_API_KEY")]) -> int:
        """Forget a key."""
        store_of(plugins).remove(variable)
        print(f"{variable} is forgotten")
        return 0

    return remove


def _list(plugins: "Plugins") -> int:
    wanted = {v: None for name in plugins.registry.names("provider") for v in variables_of(plugins, name)}
    for variable in sorted({*wanted, *store_of(plugins).names()}):
        print(f"{variable:<22} {key_place(plugins, variable) or 'not set'}")
    return 0
