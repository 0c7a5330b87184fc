"""kt plugins release: end the quarantine of plugins that kept failing."""

from typing import TYPE_CHECKING, Annotated

import typer
from kt.errors import ConfigError, UsageError

from .parsing import parse

if TYPE_CHECKING:
    from kt import Plugins


def release(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt plugins release`; return its exit code."""

    def command(
        name: Annotated[str | None, typer.Argument(help="the plugin")] = None,
        all_: Annotated[bool, typer.Option("--all", help="all plugins")] = False,
    ) -> int:
        """End the quarantine of a plugin: it acts again, and its failures are counted from none."""
        if (name is None) == (not all_):
            raise UsageError("give the NAME of a plugin, or --all")
        entry = plugins.registry.find("loader", "release")
        if entry is None:
            raise ConfigError("the quarantine comes with kt-quarantine", hint="pip install kt-quarantine")
        for culprit in entry.load()(plugins.registry, name):
            print(f"{culprit.plugin} ({culprit.distribution} {culprit.version}) acts again")
        return 0

    code: int = parse(command, argv, name="plugins release")
    return code
