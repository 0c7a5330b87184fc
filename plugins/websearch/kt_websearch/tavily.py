"""Tavily."""

from kt import Http

from .answers import ask, hits_of
from .engine import SearchHit, Settings

URL = "https://api.tavily.com/search"


async def search(http: Http, query: str, limit: int, settings: Settings) -> list[SearchHit]:
    """Return Tavily's hits, up to 20."""
    key = settings.key("TAVILY_API_KEY")
    answer = await ask(
        http, "POST", settings.url or URL, name="Tavily", secret=key,
        headers={"authorization": f"Bearer {key}"}, body={"query": query, "max_results": min(limit, 20)},
    )  # fmt: skip
    return hits_of(answer.get("results", []), "content")[:limit]
