"""The official creature pack: creatures as data, no code of its own."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.creature("general", "kt_biome:creatures/general", help="works with files and questions of any kind")
    registry.creature("swe", "kt_biome:creatures/swe", help="changes code: reads, edits, runs, checks")
