"""Exa."""

from kt import Http

from .answers import ask, hits_of
from .engine import SearchHit, Settings

URL = "https://api.exa.ai/search"


async def search(http: Http, query: str, limit: int, settings: Settings) -> list[SearchHit]:
    """Return Exa's hits, with the sentences of each page that fit the query best."""
    key = settings.key("EXA_API_KEY")
    asked = {"query": query, "numResults": limit, "contents": {"highlights": True}}
    url = settings.url or URL
    answer = await ask(http, "POST", url, name="Exa", headers={"x-api-key": key}, body=asked, secret=key)
    return hits_of(answer.get("results", []), "highlights")[:limit]
