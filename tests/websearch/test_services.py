"""Engines with a JSON interface: what each sends, what it makes of the answer, and of errors."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kt.errors import ConfigError, DataError, KeyRefused, KTError, ProviderDown
from kt_websearch import brave, exa, searxng, tavily
from kt_websearch.answers import plain
from kt_websearch.engine import SearchHit

pytestmark = pytest.mark.anyio

Search = Callable[..., Awaitable[list[SearchHit]]]

ENGINES = {"brave": brave.search, "tavily": tavily.search, "exa": exa.search, "searxng": searxng.search}
KEYED = ["brave", "tavily", "exa"]

# As the services' references describe them: https://api-dashboard.search.brave.com/api-reference/web/search/get,
# https://docs.tavily.com/documentation/api-reference/endpoint/search, https://exa.ai/docs/reference/search,
# https://docs.searxng.org/dev/search_api.html
BRAVE = {
    "type": "search",
    "query": {"original": "owls", "more_results_available": True},
    "web": {
        "type": "search",
        "results": [
            {"title": "Owl &amp; co", "url": "https://a.example/", "description": "All <strong>owls</strong>."},
            {"title": "B", "url": "https://b.example/", "description": "b", "extra_snippets": ["c"]},
        ],
    },
}
TAVILY = {
    "query": "owls",
    "answer": None,
    "images": [],
    "results": [
        {"title": "Owl & co", "url": "https://a.example/", "content": "All owls.", "score": 0.9, "raw_content": None},
        {"title": "B", "url": "https://b.example/", "content": "b", "score": 0.5},
    ],
    "response_time": 1.1,
}
EXA = {
    "requestId": "r",
    "results": [
        {"id": "1", "title": "Owl & co", "url": "https://a.example/", "highlights": ["All owls."], "author": None},
        {"id": "2", "title": "B", "url": "https://b.example/", "highlights": ["b"], "publishedDate": "2026-01-01"},
    ],
    "costDollars": {"total": 0.005},
}
SEARXNG = {
    "query": "owls",
    "number_of_results": 2,
    "results": [
        {"title": "Owl & co", "url": "https://a.example/", "content": "All owls.", "engine": "x", "engines": ["x"]},
        {"title": "B", "url": "https://b.example/", "content": "b", "score": 1.0},
    ],
    "answers": [],
    "unresponsive_engines": [],
}
ANSWERS: dict[str, Any] = {"brave": BRAVE, "tavily": TAVILY, "exa": EXA, "searxng": SEARXNG}


@pytest.mark.parametrize("name", ENGINES)
async def test_an_answer_becomes_hits(name: str, service: Any, http: Any, settings: Any) -> None:
    service.answer(ANSWERS[name])
    hits = await ENGINES[name](http, "owls", 8, settings)
    assert hits == [
        SearchHit("Owl & co", "https://a.example/", "All owls."),
        SearchHit("B", "https://b.example/", "b"),
    ]
    assert await ENGINES[name](http, "owls", 1, settings) == hits[:1]


async def test_what_brave_is_asked(service: Any, http: Any, settings: Any) -> None:
    service.answer(BRAVE)
    await brave.search(http, "owls & co", 30, settings)
    (asked,) = service.asked
    assert (asked.method, asked.headers["x-subscription-token"]) == ("GET", "b-key")
    query = parse_qs(urlsplit(asked.path).query)
    assert query == {"q": ["owls & co"], "count": ["20"], "text_decorations": ["false"]}


async def test_what_tavily_is_asked(service: Any, http: Any, settings: Any) -> None:
    service.answer(TAVILY)
    await tavily.search(http, "owls", 3, settings)
    (asked,) = service.asked
    assert (asked.method, asked.headers["authorization"]) == ("POST", "Bearer t-key")
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == {"query": "owls", "max_results": 3}


async def test_what_exa_is_asked(service: Any, http: Any, settings: Any) -> None:
    service.answer(EXA)
    await exa.search(http, "owls", 3, settings)
    (asked,) = service.asked
    assert (asked.method, asked.headers["x-api-key"]) == ("POST", "e-key")
    assert json.loads(asked.body) == {"query": "owls", "numResults": 3, "contents": {"highlights": True}}


@pytest.mark.parametrize("end", ["", "/", "/search", "/search/"])
async def test_what_searxng_is_asked(service: Any, http: Any, settings: Any, end: str) -> None:
    service.answer(SEARXNG)
    settings.url += end
    await searxng.search(http, "owls", 3, settings)
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("GET", "/search?q=owls&format=json")


@pytest.mark.parametrize("name", KEYED)
async def test_an_engine_without_a_key_asks_nobody(name: str, service: Any, http: Any, settings: Any) -> None:
    settings.keys = {}
    with pytest.raises(ConfigError, match=f"{name.upper()}_API_KEY is not set"):
        await ENGINES[name](http, "owls", 3, settings)
    assert service.asked == []


async def test_searxng_without_a_server_says_how_to_name_one(http: Any, settings: Any) -> None:
    settings.url = ""
    with pytest.raises(ConfigError) as raised:
        await searxng.search(http, "owls", 3, settings)
    assert "url: ..." in raised.value.hint


async def test_searxng_that_gives_no_json_says_where_to_allow_it(service: Any, http: Any, settings: Any) -> None:
    service.answer("<h1>Forbidden</h1>", 403)
    with pytest.raises(ConfigError) as raised:
        await searxng.search(http, "owls", 3, settings)
    assert "search.formats" in raised.value.hint


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, KTError), (401, KeyRefused), (403, KeyRefused), (429, ProviderDown), (502, ProviderDown)],
)
async def test_errors_say_what_the_service_said_without_the_key(
    name: str, status: int, error: type[KTError], service: Any, http: Any, settings: Any
) -> None:
    service.answer({"error": f"no good: {name[0]}-key", "more": "x" * 500}, status)
    with pytest.raises(error) as raised:
        await ENGINES[name](http, "owls", 3, settings)
    assert type(raised.value) is error
    assert f"HTTP {status}" in str(raised.value)
    assert "no good: ***" in str(raised.value)
    assert len(str(raised.value)) < 260


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("body", ["<html>", "[]", "null", '{"web": {"results": 1}, "results": {"a": 1}}'])
async def test_an_answer_that_is_none_is_an_error(name: str, body: str, service: Any, http: Any, settings: Any) -> None:
    service.answer(body)
    with pytest.raises(DataError):
        await ENGINES[name](http, "owls", 3, settings)


@pytest.mark.parametrize("name", ENGINES)
async def test_nothing_found_is_an_empty_list(name: str, service: Any, http: Any, settings: Any) -> None:
    service.answer({"web": None, "results": []})
    assert await ENGINES[name](http, "owls", 3, settings) == []


async def test_a_hit_may_lack_all_but_its_address(service: Any, http: Any, settings: Any) -> None:
    service.answer({"results": [{"title": "a"}, {"url": "https://b.example/", "title": None, "highlights": None}]})
    assert await exa.search(http, "owls", 3, settings) == [SearchHit("https://b.example/", "https://b.example/", "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, ""), (["a", "b"], "a ... b"), ("1 < 2 &lt;b&gt;", "1 < 2 <b>"), ("<b>a</b>\n<br/>c", "a c"), (3, "3")],
)
def test_text_without_tags(text: object, expected: str) -> None:
    assert plain(text) == expected
