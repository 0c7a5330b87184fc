"""A provider that plays a script: demos without a key, and tests of creatures."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.provider("scripted", "kt_scripted.script:provider", help="plays a script file, or a short demo")
    registry.run_option(
        "scripted", "kt_scripted.script:option", help="play the steps of a YAML or JSON file", metavar="FILE"
    )
