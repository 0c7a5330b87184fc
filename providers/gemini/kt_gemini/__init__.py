"""Google's Gemini wire."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add("wire", "gemini", "kt_gemini.generate:wire", help="Gemini generateContent")
