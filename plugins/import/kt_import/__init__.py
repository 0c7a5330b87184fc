"""Agents of other systems, turned into creatures, terrariums and packs."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.command(
        "import", "kt_import.command:main", help="bring agents of another system: kt import kohaku|claude PATH"
    )
