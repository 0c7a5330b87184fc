"""kt edit REF: open a creature's file."""

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Annotated

import typer
from kt.errors import ConfigError

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def edit(ref: Annotated[str, typer.Argument(help="a creature's reference or path")]) -> int:
        """Open a creature's file in $VISUAL or $EDITOR."""
        file = plugins.registry.get("config", "reference")(plugins, ref)
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not editor:
            raise ConfigError("no editor is set", hint=f"EDITOR=vi kt edit {ref}")
        try:
            return subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
        except FileNotFoundError:
            raise ConfigError(f"the editor {editor!r} is not there", hint="set EDITOR") from None

    code: int = parse(edit, argv, name="edit")
    return code
