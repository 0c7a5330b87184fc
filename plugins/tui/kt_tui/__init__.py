"""The surface `tui`: a conversation on a full screen."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("surface", "tui", "kt_tui.surface:run", help="a conversation on a full screen")
