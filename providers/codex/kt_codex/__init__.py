"""OpenAI models with a ChatGPT login."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.provider("codex", "kt_codex.provider:codex", help="OpenAI models with a ChatGPT login: kt login codex")
    registry.add("login", "codex", "kt_codex.login:main", help="with ChatGPT: [--device] [--no-browser] [--logout]")
