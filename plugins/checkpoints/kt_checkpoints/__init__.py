"""Checkpoints: what files were before an agent changed them is kept with its session, and can be brought back."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("checkpoints", "kt_checkpoints.plugin:Checkpoints", help="keep files before a tool changes them")
    registry.add("writes_of", "apply_patch", "kt_checkpoints.patch:written", help="the files that a patch names")
    registry.add("loader", "restore_files", "kt_checkpoints.restore:restore", help="files as at the end of a turn")
