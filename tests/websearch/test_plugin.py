"""The plugin and its engines, as an agent has them: from the settings to the request of the chosen engine."""

import json
from pathlib import Path
from typing import Any

import pytest
from kt import Host, Plugins, ToolResult
from kt.errors import PluginError
from kt.testing import running

pytestmark = pytest.mark.anyio


async def searched(config: dict[str, Any], granted: str, folder: Path) -> ToolResult:
    steps = [[("web_search", {"query": "owls"})], "done"]
    plugins = [{"websearch": config}, {"sandbox": {"net": [granted]}}]
    tools = ["kt_builtin_tools.web:web_search"]
    creature = {"name": "owl", "tools": tools}
    async with running(steps, creature=creature, pwd=folder, plugins=plugins, unguarded=True) as agent:
        await agent.run("go")
        result = agent.history[2].parts[0]
        assert isinstance(result, ToolResult)
        return result


async def test_the_settings_choose_engine_address_and_key(
    service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "m-key")
    service.answer({"results": [{"title": "Owls", "url": "https://a.example/", "content": "All of them."}]})
    config = {"engine": "tavily", "url": service.url, "key_env": "MY_KEY"}
    result = await searched(config, service.url.removeprefix("http://"), tmp_path)
    assert "1. Owls\n   https://a.example/\n   All of them." in result.text
    assert [part.origin for part in result.parts] == ["web"]
    assert service.asked[0].headers["authorization"] == "Bearer m-key"
    assert json.loads(service.asked[0].body)["query"] == "owls"


async def test_a_missing_key_names_variable_and_command(
    service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BRAVE_API_KEY", raising=False)
    result = await searched({"engine": "brave", "url": service.url}, "127.0.0.1", tmp_path)
    assert result.is_error
    assert "BRAVE_API_KEY is not set" in result.text
    assert "kt config key set BRAVE_API_KEY" in result.text
    assert service.asked == []


async def test_a_host_that_is_not_granted_is_not_asked(service: Any, tmp_path: Path) -> None:
    result = await searched({"url": service.url}, "example.com", tmp_path)
    assert result.is_error
    assert service.asked == []


async def test_a_setting_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="engin"):
        await searched({"engin": "brave"}, "example.com", tmp_path)


@pytest.mark.parametrize("name", ["brave", "duckduckgo", "exa", "searxng", "tavily"])
async def test_each_engine_is_registered(name: str) -> None:
    async with Host(Plugins()) as host:
        entry = host.registry.entry("search_engine", name)
        assert callable(entry.load())
        assert entry.help
