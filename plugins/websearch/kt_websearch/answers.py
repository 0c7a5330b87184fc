"""What engines with a JSON interface share: the request, its errors, and hits from items."""

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from kt import Http, HttpResponse
from kt.errors import DataError, KeyRefused, KTError, ProviderDown

from .engine import SearchHit

MAX_WORDS = 200
"""Characters of what a service says about an error."""

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


async def ask(
    http: Http, method: str, url: str, *, name: str, headers: Mapping[str, str], body: object = None, secret: str = ""
) -> dict[str, Any]:
    """Return the JSON object that a service answers with; `body` is sent as JSON, `secret` is in no error.

    Raises KeyRefused, ProviderDown where another try may help, KTError for any other status, and DataError.
    """
    sent = {"accept": "application/json", **headers}
    data = None
    if body is not None:
        sent["content-type"], data = "application/json", json.dumps(body).encode()
    response = await http.request(method, url, headers=sent, body=data)
    if response.status != 200:
        raise refusal(response, name, secret)
    try:
        answer = json.loads(response.body)
    except ValueError as error:
        raise DataError(f"{name} answered with what is no JSON: {error}") from None
    if not isinstance(answer, dict):
        raise DataError(f"{name} answered with what is no JSON object")
    return answer


def refusal(response: HttpResponse, name: str, secret: str = "") -> KTError:
    """Return the error that a status other than 200 stands for."""
    words = " ".join(response.body[: 4 * MAX_WORDS].decode("utf-8", "replace").split())
    words = (words.replace(secret, "***") if secret else words)[:MAX_WORDS]
    what = f"{name}: HTTP {response.status}" + (f": {words}" if words else "")
    if response.status in (401, 403):
        return KeyRefused(what, hint="check the key and what it may do")
    if response.status == 429 or response.status >= 500:
        return ProviderDown(what, hint="try again later, or choose another engine")
    return KTError(what)


def hits_of(items: object, snippet: str) -> list[SearchHit]:
    """Return the hits of a list of objects with `title`, `url` and the text under `snippet`; without an address none.

    The text may be a list of texts. Raises DataError for what is no list of objects.
    """
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise DataError("the search engine answered with results that are none")
    found = ((str(i.get("url") or ""), i.get("title"), i.get(snippet)) for i in items)
    return [SearchHit(plain(title) or url, url, plain(text)) for url, title, text in found if url]


def plain(text: object) -> str:
    """Return text, or a list of texts, as one line without tags and entities."""
    lines: Iterable[object] = text if isinstance(text, list) else [text or ""]
    return " ".join(html.unescape(_TAG.sub("", " ... ".join(map(str, lines)))).split())
