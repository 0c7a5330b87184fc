"""Search sessions: an index of words beside each session, vectors where an embedder is there, a tool for creatures."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.command("search", "kt_search.command:main", help="find what was said and done: kt search QUERY")
    registry.command("embedding", "kt_search.embedding:main", help="build a session's index of words and of meaning")
    registry.add("chat_command", "search", "kt_search.chat:search", help="in this folder's sessions: /search WORDS")
    registry.tool("search_memory", "kt_search.tool:search_memory", help="search what was said and done before")
    registry.plugin("search", "kt_search.plugin:Search", help="which embedder, and what search_memory may see")
    registry.add("embedder", "wordllama", "kt_search.wordllama:WordLlama", help="local and small: kt-search[memory]")
