"""Search engines for the tool web_search, and the plugin that says which one an agent asks."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("websearch", "kt_websearch.plugin:WebSearch", help="which search engine web_search asks")
    registry.add("search_engine", "duckduckgo", "kt_websearch.duckduckgo:search", help="DuckDuckGo, without a key")
    registry.add("search_engine", "searxng", "kt_websearch.searxng:search", help="a SearXNG server of your own")
    registry.add("search_engine", "brave", "kt_websearch.brave:search", help="Brave Search (BRAVE_API_KEY)")
    registry.add("search_engine", "tavily", "kt_websearch.tavily:search", help="Tavily (TAVILY_API_KEY)")
    registry.add("search_engine", "exa", "kt_websearch.exa:search", help="Exa (EXA_API_KEY)")
