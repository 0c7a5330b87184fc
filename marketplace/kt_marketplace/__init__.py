"""Find, inspect, install and publish packs; mind what they may do."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

COMMANDS = {
    "install": ("install:install", "install packs: kt install @NAME|REQUIREMENT|WHEEL|FOLDER|GIT-URL"),
    "uninstall": ("install:uninstall", "remove packs: kt uninstall NAME"),
    "update": ("install:update", "bring packs to their newest versions: kt update NAME|--all"),
    "rollback": ("install:rollback", "go back to the packs before the last change"),
    "sync": ("install:sync", "install exactly what a kt.lock says: kt sync [LOCK]"),
    "marketplace": ("marketplace:main", "search for packs, and manage the indexes they come from"),
    "check": ("check:main", "check a pack as everybody's installation will: kt check FOLDER|NAME"),
    "publish": ("publish:main", "build and check a pack, and write its index entry: kt publish [FOLDER]"),
}


@hookimpl
def kt_register(registry: "Registry") -> None:
    for name, (target, help) in COMMANDS.items():
        registry.command(name, f"kt_marketplace.commands.{target}", help=help)
    registry.add("consent", "packs", "kt_marketplace.approval:ask", help="asks about packs that nobody looked at")
    registry.plugin(
        "packs", "kt_marketplace.approval:Packs", help="only packs that were approved take part", grants=True
    )
    registry.add("packs", "approve", "kt_marketplace.approval:approve_by_name", help="what kt trust @NAME does")
    registry.add("packs", "unapproved", "kt_marketplace.approval:unapproved", help="packs that nobody approved")
    registry.add("packs", "absent", "kt_marketplace.install.in_use:explain", help="why a pack of kt.lock is not there")
    registry.add(
        "packs", "bringing", "kt_marketplace.bringing:hint", help="what to install for a name that is not there"
    )
    registry.add("packs", "about", "kt_marketplace.approval:about", help="what kt info says of a pack")
    registry.add("packs", "manifest", "kt_marketplace.approval:manifest_of", help="what a pack says of itself")
    registry.add("doctor", "packs", "kt_marketplace.doctor:check", help="whether packs are what was inspected")
    registry.add("schema", "pack", "kt_marketplace.schema:pack", help="a pack's kt-pack.toml")
