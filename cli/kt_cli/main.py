"""Dispatch: print help and version without importing much, hand everything else to its command."""

import io
import os
import sys

from . import __version__

USAGE = """usage: kt COMMAND [ARGUMENTS]
       kt
       kt --help | --version

Run and manage agents made of plugins. `kt` alone, at a terminal, starts a conversation in this folder, and asks for a
model first where none is chosen. `kt COMMAND --help` explains a command. With --skip-bad-plugins a command goes on
without plugins that do not load, but never without a guard.
"""
MENDING = ("doctor", "install", "uninstall", "update", "rollback", "sync", "check", "plugins")
"""Commands that must work while a plugin is broken."""
MANAGING = ("install", "uninstall", "update", "rollback", "sync")
"""Commands that must work whatever a pack does when it is imported: no pack is."""


def main() -> None:
    """Run the `kt` command and exit with its code."""
    sys.exit(dispatch(sys.argv[1:]))


def dispatch(argv: list[str]) -> int:
    """Run one command line; every error is one line on stderr and an exit code."""
    _open_streams()
    try:
        code = _command(argv)
        sys.stdout.flush()
        return code
    except SystemExit:
        raise
    except BaseException as error:
        from .errors import report

        return report(error, argv)


def _open_streams() -> None:
    """Let the null device stand in for a stream that is closed; what can't be encoded is written as an escape."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _command(argv: list[str]) -> int:
    if argv[:1] in (["--version"], ["-V"]):
        print(f"kt {__version__}")
        return 0
    if argv[:1] == ["help"] and len(argv) > 1:
        argv = [*argv[1:], "--help"]
    from kt import Plugins

    if argv[:1] and argv[0] in MANAGING:
        from kt_marketplace.install.path import leave_out

        leave_out()
    if not argv and all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        from .first_run import start

        return start(Plugins())
    helping = not argv or argv[0] in ("--help", "-h", "help")
    plugins = Plugins(skip_bad=helping or argv[0] in MENDING or "--skip-bad-plugins" in argv)
    if helping:
        print(_help(plugins), end="")
        return 0
    name, rest = argv[0], [a for a in argv[1:] if a != "--skip-bad-plugins"]
    found = plugins.registry.find("command", name)
    if found is None:
        from kt.errors import UsageError, nearest

        raise UsageError(f"no command {name!r}", hint=nearest(name, plugins.registry.names("command")))
    if name == "run":
        from .early import show_prompt, talks

        if talks(rest, plugins):
            show_prompt()
    code: int = found.load()(rest, plugins)
    return code


def _help(plugins: "object") -> str:
    from kt import Plugins

    assert isinstance(plugins, Plugins)
    lines = [f"  {e.name:<14} {e.help}" for e in plugins.registry.entries("command")]
    bad = [f"  {error}" for error in plugins.failed.values()]
    more = "\nPlugins that do not load:\n" + "\n".join(bad) + "\n" if bad else ""
    return USAGE + "\nCommands:\n" + "\n".join(lines) + "\n" + more


if __name__ == "__main__":
    main()
