"""DuckDuckGo's page: results, advertisements, its own links, the test for robots, and other pages."""

from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt.errors import DataError, KTError, ProviderDown
from kt_websearch.duckduckgo import hits_in, search, target_of
from kt_websearch.engine import SearchHit

pytestmark = pytest.mark.anyio


def result(href: str, title: str, snippet: str, extra: str = "results_links web-result") -> str:
    """Return one result as the page has it."""
    return f"""
    <div class="result {extra} "><div class="links_main links_deep result__body">
      <h2 class="result__title"><a rel="nofollow" class="result__a" href="{href}">{title}</a></h2>
      <div class="result__extras"><a class="result__url" href="{href}"> shown.example </a></div>
      <a class="result__snippet" href="{href}">{snippet}</a><div class="clear"></div>
    </div></div>"""


STEP = "//duckduckgo.com/l/?uddg=https%3A%2F%2Fa.example%2Fx%3Fq%3D1&amp;rut=abc"
ADVERTISED = "https://duckduckgo.com/y.js?ad_domain=shop.example&amp;u3=x"
PAGE = f"""<!DOCTYPE html><html><body><form id="search_form"><input name="q"></form><div id="links" class="results">
{result(ADVERTISED, "Buy owls", "cheap", "results_links result--ad")}
{result(STEP, "All <b>owls</b> &amp; co", "What <b>owls</b> eat.")}
{result("https://shop.example/", "Buy more", "cheap", "result--ad")}
{result("https://b.example/", "B", "")}
</div></body></html>"""
TEST = """<html><body><form id="challenge-form" action="//duckduckgo.com/anomaly.js"><div class="anomaly-modal__title">
Unfortunately, bots use DuckDuckGo too.</div></form></body></html>"""


async def test_hits_without_advertisements(service: Any, http: Any, settings: Any) -> None:
    service.answer(PAGE)
    assert await search(http, "owls & co", 8, settings) == [
        SearchHit("All owls & co", "https://a.example/x?q=1", "What owls eat."),
        SearchHit("B", "https://b.example/", ""),
    ]
    (asked,) = service.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs(asked.body.decode()) == {"q": ["owls & co"]}


async def test_no_more_hits_than_asked_for(service: Any, http: Any, settings: Any) -> None:
    service.answer(PAGE)
    assert len(await search(http, "owls", 1, settings)) == 1


@pytest.mark.parametrize("status", [200, 202])
async def test_the_test_for_robots_is_named(status: int, service: Any, http: Any, settings: Any) -> None:
    service.answer(TEST, status)
    with pytest.raises(ProviderDown, match="no robot") as raised:
        await search(http, "owls", 8, settings)
    assert "another engine" in raised.value.hint


async def test_a_status_that_is_no_answer(service: Any, http: Any, settings: Any) -> None:
    service.answer("go away", 418)
    with pytest.raises(KTError, match="DuckDuckGo: HTTP 418: go away"):
        await search(http, "owls", 8, settings)


def test_a_page_that_says_there_is_nothing() -> None:
    assert hits_in('<div class="no-results">No results found for <b>x</b>.</div>') == []


def test_hits_that_speak_of_the_test_are_hits() -> None:
    assert len(hits_in(result("https://a.example/", "anomaly-modal__title", "challenge-form"))) == 1


@pytest.mark.parametrize("page", ["", "<p>New design!</p>", "<![if x]>", "&#" + "9" * 5000 + ";"])
def test_another_page_is_an_error(page: str) -> None:
    with pytest.raises(DataError):
        hits_in(page)


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("https://a.example/b?c#d", "https://a.example/b?c#d"),
        ("//duckduckgo.com/l/?uddg=http%3A%2F%2Fa.example", "http://a.example"),
        ("/l/?uddg=http%3A%2F%2Fa.example", "http://a.example"),
        ("//html.duckduckgo.com/l/?uddg=%2Fl%2F%3Fuddg%3D", ""),
        ("//duckduckgo.com/l/?uddg=javascript%3Ax", ""),
        ("//duckduckgo.com/l/?rut=x", ""),
        ("https://notduckduckgo.com/y.js", "https://notduckduckgo.com/y.js"),
        ("https://duckduckgo.com/y.js?u=x", ""),
        ("javascript:x", ""),
        ("http://[", ""),
    ],
)
def test_where_a_link_leads(href: str, target: str) -> None:
    assert target_of(href) == target


@given(st.lists(st.one_of(st.text(max_size=9), st.sampled_from([PAGE[:400], TEST, "<a class='result__a' href='"]))))
def test_any_page_is_hits_or_a_known_error(pieces: list[str]) -> None:
    try:
        hits = hits_in("".join(pieces))
    except KTError:
        return
    assert all(hit.title and hit.url for hit in hits)
