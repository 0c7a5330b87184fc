"""kt trust [FOLDER]: let a project's .kt/config.toml count."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from kt.errors import NotFound

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def trust(
        folder: Annotated[Path, typer.Argument(help="the folder, this one by default; or @NAME, a pack")] = Path(),
    ) -> int:
        """Trust a folder: its .kt/config.toml may then name a creature and add plugins. Or let a pack that another
        program installed take part in runs."""
        if str(folder).startswith("@"):
            return _trust_pack(plugins, str(folder)[1:])
        if not folder.is_dir():
            raise NotFound(f"{str(folder)!r} is no folder")
        plugins.registry.get("config", "trust")(folder)
        print(f"{folder.resolve()} is trusted")
        return 0

    code: int = parse(trust, argv, name="trust")
    return code


def _trust_pack(plugins: "Plugins", name: str) -> int:
    approve = plugins.registry.entry("packs", "approve").load()
    for line in approve(plugins, name):
        print(f"{name} may {line}")
    print(f"{name} is trusted")
    return 0
