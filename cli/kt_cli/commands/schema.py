"""kt schema [NAME]: the JSON Schema of a kind of file, for editors."""

import json
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def schema(
        name: Annotated[Optional[str], typer.Argument(help="of which file; without it, list them")] = None,  # noqa: UP045
    ) -> int:
        """Print the JSON Schema of a kind of file, by which editors check and complete it."""
        if name is not None:
            print(json.dumps(plugins.registry.get("schema", name)(), indent=2))
            return 0
        entries = list(plugins.registry.entries("schema"))
        width = max((len(entry.name) for entry in entries), default=0)
        for entry in entries:
            print(f"{entry.name:<{width}}  {entry.help}  ({entry.dist} {entry.version})")
        return 0

    code: int = parse(schema, argv, name="schema")
    return code
