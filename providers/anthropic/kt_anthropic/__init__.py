"""Anthropic's Messages wire."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("wire", "anthropic", "kt_anthropic.wire:wire", help="Anthropic Messages")
    registry.plugin("resume_pause", "kt_anthropic.pause:ResumePause", help="go on where Anthropic paused a turn")
