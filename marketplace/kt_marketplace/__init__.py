"""Install packs with uv. Finding, inspecting and locking them comes with the marketplace's own issue."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.command(
        "install", "kt_marketplace.install:main", help="install packs with uv: kt install NAME|WHEEL|FOLDER"
    )
    registry.command("uninstall", "kt_marketplace.install:uninstall", help="remove packs: kt uninstall NAME")
