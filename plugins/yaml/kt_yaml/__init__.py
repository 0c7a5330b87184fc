"""YAML for configuration files, with the position of every key."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    for ending in ("yaml", "yml"):
        registry.format(ending, "kt_yaml.load:load", help="YAML 1.1, safe subset, with positions")
