"""Early calls: tools that only read start while the reply still streams."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("early", "kt_early.early:Early", help="start calls that only read while the reply streams")
