"""SearXNG: a server of one's own that asks several engines."""

from urllib.parse import urlencode

from kt import Http
from kt.errors import ConfigError, KeyRefused

from .answers import ask, hits_of
from .engine import SearchHit, Settings


async def search(http: Http, query: str, limit: int, settings: Settings) -> list[SearchHit]:
    """Return the hits of the server at `settings.url`, whose settings.yml must allow the format json."""
    if not settings.url:
        raise ConfigError("the engine searxng has no url", hint="plugins: {websearch: {engine: searxng, url: ...}}")
    url = f"{settings.url.rstrip('/').removesuffix('/search')}/search?{urlencode({'q': query, 'format': 'json'})}"
    try:
        answer = await ask(http, "GET", url, name="SearXNG", headers={})
    except KeyRefused as error:
        raise ConfigError(error.what, hint="add json to search.formats in the server's settings.yml") from error
    return hits_of(answer.get("results", []), "content")[:limit]
