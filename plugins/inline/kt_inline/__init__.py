"""The surface `cli`: a conversation on a terminal, with its scrollback."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("surface", "cli", "kt_inline.start:run", help="a conversation on a terminal, with its scrollback")
