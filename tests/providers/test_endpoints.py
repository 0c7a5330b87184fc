"""Endpoints are data that the wires take, and everybody's own go over the shipped ones."""

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host
from kt.errors import ConfigError, UnknownName
from kt_endpoints import KEYS
from kt_endpoints.tables import tables
from kt_http.provider import WireProvider

pytestmark = pytest.mark.anyio
NAMES = sorted(KEYS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KT_HOME", str(tmp_path))
    return tmp_path


def test_the_registered_names_are_those_of_the_tables() -> None:
    text = resources.files("kt_endpoints").joinpath("endpoints.toml").read_text()
    assert tables() == tomllib.loads(text)
    assert list(tables()) == NAMES
    assert all(5 < len(table["about"]) <= 60 for table in tables().values())


@pytest.mark.parametrize("name", NAMES)
async def test_an_endpoint_makes_a_provider_that_sends_its_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if KEYS[name]:
        monkeypatch.setenv(str(KEYS[name]), "key-of-mine")
    async with Host() as host, await Agent.build({}, llm=f"{name}/some-model", host=host) as agent:
        provider = agent.provider
        assert isinstance(provider, WireProvider)
        table = tables()[name]
        assert (provider.wire.name, provider.endpoint.url) == (table.get("wire", "chat"), table["base_url"].rstrip("/"))
        assert any("key-of-mine" in value for value in provider.endpoint.headers.values()) is bool(KEYS[name])
        assert agent.model == f"{name}/some-model"


async def test_without_its_key_the_variable_and_the_command_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    async with Host() as host:
        with pytest.raises(ConfigError, match="GEMINI_API_KEY is not set") as caught:
            await Agent.build({}, llm="gemini/x", host=host)
        assert "kt config key set GEMINI_API_KEY" in caught.value.hint
        monkeypatch.setenv("GOOGLE_API_KEY", "second-name")
        agent = await Agent.build({}, llm="gemini/x", host=host)
        assert agent.provider.endpoint.headers["x-goog-api-key"] == "second-name"  # type: ignore[attr-defined]


async def test_a_kept_key_is_used_and_the_environment_goes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    keys = home / "keys.json"
    keys.write_text(json.dumps({"GROQ_API_KEY": "kept"}))
    keys.chmod(0o600)

    async def key() -> str:
        async with Host() as host:
            agent: Any = await Agent.build({}, llm="groq/x", host=host)
            return str(agent.provider.endpoint.headers["authorization"])

    assert await key() == "Bearer kept"
    monkeypatch.setenv("GROQ_API_KEY", "set")
    assert await key() == "Bearer set"
    monkeypatch.delenv("GROQ_API_KEY")
    keys.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        await key()


async def test_a_users_own_endpoint_is_new_or_goes_over_a_shipped_one(home: Path) -> None:
    (home / "config.toml").write_text(
        '[endpoint.cellar]\nbase_url = "http://127.0.0.1:9/v1"\nwire = "anthropic"\nauth = {x-own = "Key {}"}\n'
        'key_env = "CELLAR_KEY"\nmax_tokens = 5\n[endpoint.ollama]\nbase_url = "http://127.0.0.1:7/v1"\n'
    )
    (home / "keys.json").write_text('{"CELLAR_KEY": "k"}')
    (home / "keys.json").chmod(0o600)
    async with Host() as host:
        own: Any = await Agent.build({}, llm="cellar/m", host=host)
        assert own.provider.endpoint.headers["x-own"] == "Key k"
        assert own.provider.wire.options.max_tokens == 5
        over: Any = await Agent.build({}, llm="ollama/m", host=host)
        assert over.provider.endpoint.url == "http://127.0.0.1:7/v1"
        with pytest.raises(UnknownName) as caught:
            await Agent.build({}, llm="celar/m", host=host)
        assert "cellar" in caught.value.hint


async def test_a_wrong_wire_or_option_is_told_at_build(home: Path) -> None:
    table = {"provider": "endpoint", "base_url": "http://127.0.0.1:9", "model": "m"}
    async with Host() as host:
        with pytest.raises(UnknownName) as caught:
            await Agent.build({}, llm={**table, "wire": "anthropc"}, host=host)
        assert "anthropic" in caught.value.hint
        with pytest.raises(ConfigError, match="no option 'max_token'"):
            await Agent.build({}, llm={**table, "wire": "anthropic", "max_token": 1}, host=host)
        with pytest.raises(ConfigError, match="no base_url"):
            await Agent.build({}, llm={"provider": "endpoint", "model": "m"}, host=host)
