"""Brave Search."""

from urllib.parse import urlencode

from kt import Http

from .answers import ask, hits_of
from .engine import SearchHit, Settings

URL = "https://api.search.brave.com/res/v1/web/search"


async def search(http: Http, query: str, limit: int, settings: Settings) -> list[SearchHit]:
    """Return Brave's hits; it takes queries of up to 400 characters and gives up to 20 results."""
    key = settings.key("BRAVE_API_KEY")
    asked = urlencode({"q": query, "count": min(limit, 20), "text_decorations": "false"})
    url = f"{settings.url or URL}?{asked}"
    answer = await ask(http, "GET", url, name="Brave", headers={"x-subscription-token": key}, secret=key)
    return hits_of((answer.get("web") or {}).get("results", []), "description")[:limit]
