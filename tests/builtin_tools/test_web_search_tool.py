"""web_search: which engine is asked, with what, and how its hits are shown."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from kt import Host, Http, Plugins, ToolResult
from kt.errors import KTError
from kt.testing import running
from kt_builtin_tools.web import web_search

pytestmark = pytest.mark.anyio


@dataclass
class Hit:
    title: str
    url: str
    snippet: str


@dataclass
class Config:
    engine: str = "duckduckgo"
    url: str = ""
    key_env: str = ""


class Chosen:
    """What the plugin websearch is to the tool."""

    Config = Config

    def __init__(self, config: Config) -> None:
        self.config = config


class Kept:
    """A place for keys."""

    def get(self, variable: str) -> str:
        return {"KEPT_KEY": "k-1"}.get(variable, "")


class Engines:
    """Engines that say how they were asked, in what they find."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int, str]] = []

    async def default(self, http: Http, query: str, limit: int, settings: Any) -> list[Hit]:
        self.asked.append(("default", query, limit, settings.url))
        return [Hit(f"T\n{n}", f"https://{n}.example/", "s " * 400) for n in range(30)]

    async def keyed(self, http: Http, query: str, limit: int, settings: Any) -> list[Hit]:
        self.asked.append(("keyed", settings.key("OWN_KEY"), limit, settings.url))
        return []

    async def broken(self, http: Http, query: str, limit: int, settings: Any) -> list[Hit]:
        raise KTError("the engine is down", hint="wait")


@pytest.fixture
def engines() -> Engines:
    return Engines()


@pytest.fixture
def plugins(engines: Engines) -> Plugins:
    plugins = Plugins()
    add = plugins.registry.add
    add("search_engine", "duckduckgo", engines.default, override=True)
    add("search_engine", "keyed", engines.keyed)
    add("search_engine", "broken", engines.broken)
    add("plugin", "websearch", Chosen, override=True)
    add("keys", "test", Kept)
    return plugins


async def search(plugins: Plugins, arguments: dict[str, Any], *enabled: object) -> ToolResult:
    async with (
        Host(plugins) as host,
        running(
            [[("web_search", arguments)], "done"], tools=[web_search], host=host, plugins=enabled, unguarded=True
        ) as agent,
    ):
        await agent.run("go")
        result = agent.history[2].parts[0]
        assert isinstance(result, ToolResult)
        return result


async def test_results_are_numbered_and_cut(plugins: Plugins, engines: Engines) -> None:
    result = await search(plugins, {"query": "owls", "limit": 2})
    head, *lines, end = result.text.split("\n")
    assert [lines[0], lines[1], lines[3]] == ["1. T 0", "   https://0.example/", "2. T 1"]
    assert len(lines) == 6
    assert re.fullmatch(r"\[untrusted (\w+) duckduckgo\] \[end \1\]", f"{head} {end}")
    assert [part.origin for part in result.parts] == ["web"]
    assert len(lines[2]) < 600
    assert engines.asked == [("default", "owls", 2, "")]


async def test_eight_results_are_asked_for_by_default(plugins: Plugins, engines: Engines) -> None:
    await search(plugins, {"query": "owls"})
    assert engines.asked[0][2] == 8


async def test_the_plugin_says_which_engine_and_where(plugins: Plugins, engines: Engines) -> None:
    chosen = {"websearch": {"engine": "keyed", "url": "http://proxy/", "key_env": "KEPT_KEY"}}
    assert "nothing was found" in (await search(plugins, {"query": "owls"}, chosen)).text
    assert engines.asked == [("keyed", "k-1", 8, "http://proxy/")]


async def test_the_environment_goes_before_the_kept_keys(
    plugins: Plugins, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEPT_KEY", "k-2")
    await search(plugins, {"query": "owls"}, {"websearch": {"engine": "keyed", "key_env": "KEPT_KEY"}})
    assert engines.asked[0][1] == "k-2"


@pytest.mark.parametrize(
    ("arguments", "engine", "words"),
    [
        ({"query": "x"}, "keyed", "OWN_KEY is not set"),
        ({"query": "x"}, "keyd", "no search engine named 'keyd'"),
        ({"query": "x"}, "broken", "the engine is down"),
        ({"query": " "}, "duckduckgo", "query must not be empty"),
        ({"query": "x", "limit": 0}, "duckduckgo", "limit goes from 1 to 20"),
        ({"query": "x", "limit": 21}, "duckduckgo", "limit goes from 1 to 20"),
    ],
)
async def test_what_goes_wrong_is_told(plugins: Plugins, arguments: Any, engine: str, words: str) -> None:
    result = await search(plugins, arguments, {"websearch": {"engine": engine}})
    assert result.is_error
    assert words in result.text


async def test_without_engines_the_tool_says_what_to_install() -> None:
    plugins = Plugins()
    plugins.registry.drop("kt-websearch")
    result = await search(plugins, {"query": "x"})
    assert result.is_error
    assert "pip install kt-websearch" in result.text


def test_what_the_tool_declares() -> None:
    assert (web_search.effect, web_search.needs.net, web_search.needs.output) == ("read", ("*",), "untrusted")
