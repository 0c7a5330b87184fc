"""DuckDuckGo, by the page it has for browsers without scripts: no key, and no promise either."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from kt import Http
from kt.errors import DataError, ProviderDown

from .answers import refusal
from .engine import SearchHit, Settings

URL = "https://html.duckduckgo.com/html/"


async def search(http: Http, query: str, limit: int, settings: Settings) -> list[SearchHit]:
    """Return DuckDuckGo's hits without advertisements. Raises ProviderDown where it takes us for too busy a robot."""
    form = urlencode({"q": query}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await http.request("POST", settings.url or URL, headers=headers, body=form)
    if response.status not in (200, 202):
        raise refusal(response, "DuckDuckGo")
    return hits_in(response.body.decode("utf-8", "replace"))[:limit]


def hits_in(text: str) -> list[SearchHit]:
    """Return the hits of a page of results. Raises ProviderDown for the page with a test, DataError for any other."""
    page = _Results()
    try:
        page.feed(text + "\n")
    except (AssertionError, ValueError) as error:  # so html.parser calls what it does not expect
        raise DataError(f"DuckDuckGo answered with a page that is no HTML: {error}") from error
    if page.tested and not page.found:
        hint = "try again later, or set another engine: plugins: {websearch: {engine: brave}}"
        raise ProviderDown("DuckDuckGo asks for a proof that no robot is searching", hint=hint)
    if not page.found and not page.empty:
        raise DataError("DuckDuckGo answered with a page of another form", hint="set another search engine")
    return [SearchHit(_joined(hit.title) or hit.url, hit.url, _joined(hit.snippet)) for hit in page.hits]


def target_of(href: str) -> str:
    """Return where a result's link leads, DuckDuckGo's own step between taken out; "" for an advertisement."""
    try:
        parts = urlsplit(urljoin("https://duckduckgo.com/", href))
        ours = f".{parts.hostname}".endswith(".duckduckgo.com")
        if ours and parts.path == "/y.js":
            return ""
        if ours and parts.path.startswith("/l/"):
            parts = urlsplit(parse_qs(parts.query).get("uddg", [""])[0])
    except ValueError:
        return ""
    return parts.geturl() if parts.scheme in ("http", "https") and parts.hostname else ""


def _joined(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


@dataclass(slots=True)
class _Hit:
    url: str
    title: list[str] = field(default_factory=list)
    snippet: list[str] = field(default_factory=list)


class _Results(HTMLParser):
    """Gather the results of a page by the classes of its elements.

    `found` says that there are any, advertisements too, `empty` that the page says there are none, `tested` that it
    asks for a test.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.hits: list[_Hit] = []
        self.found = self.empty = self.tested = False
        self._advertised = False
        self._hit: _Hit | None = None
        self._into: list[str] | None = None
        self._until = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        self.empty = self.empty or "no-results" in classes
        self.tested = self.tested or given.get("id") == "challenge-form" or "anomaly-modal__title" in classes
        if "result" in classes:
            self._advertised, self._hit = "result--ad" in classes, None
        elif "result__a" in classes:
            self._begin(target_of(given.get("href", "")))
            self._gather(tag, self._hit.title if self._hit else None)
        elif "result__snippet" in classes:
            self._gather(tag, self._hit.snippet if self._hit else None)

    def _begin(self, url: str) -> None:
        self.found = True
        self._hit = _Hit(url) if url and not self._advertised else None
        if self._hit is not None:
            self.hits.append(self._hit)

    def _gather(self, tag: str, into: list[str] | None) -> None:
        self._into, self._until = into, tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._until:
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)
