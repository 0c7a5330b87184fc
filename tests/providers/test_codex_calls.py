"""The provider codex and its login: when a call refreshes, and which error is raised."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from codex_script import HELLO, HOUR, NOW, FastClock, Service, access, ask, gone, made, reply, saved, secrets_of, tokens
from kt import Host, Message, Request, Text
from kt.errors import ConfigError, ContextTooLong, KeyRefused, ModelError, ProviderDown, UnknownModel
from kt.events import LLMRetry
from kt_codex.provider import codex

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host(clock=FastClock()) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "codex.json"


# The login


async def test_without_a_login_nothing_is_built(host: Host, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_HOME", str(path.parent))
    with pytest.raises(ConfigError, match="no ChatGPT login") as raised:
        codex("m", {}, host)
    assert (raised.value.exit_code, raised.value.hint) == (78, "kt login codex")


async def test_a_login_that_is_gone_is_missed(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    provider = made(server, host, path)
    gone(path)
    with pytest.raises(ConfigError, match="no ChatGPT login"):
        await ask(provider)
    assert service.calls == []


@pytest.mark.parametrize("left", [10.0, -HOUR])
async def test_a_token_at_its_end_is_refreshed_before_the_call(
    server: Any, host: Host, path: Path, left: float
) -> None:
    service = Service(server, HELLO)
    provider = made(server, host, path, NOW + left)
    await ask(provider)
    await ask(provider)
    assert [call.headers["authorization"] for call in service.calls] == [f"Bearer {access(1)}"] * 2
    assert len(service.issuer.forms) == 1


NOT_YOU = reply(401, {"detail": "Unauthorized"})


async def test_a_401_is_answered_with_one_refresh(server: Any, host: Host, path: Path) -> None:
    service = Service(server, NOT_YOU, HELLO)
    deltas, message = await ask(made(server, host, path))
    assert (deltas, message.text) == (["Hello"], "Hello")
    assert [call.headers["authorization"] for call in service.calls] == [f"Bearer {access(n)}" for n in (0, 1)]
    assert service.calls[0].body == service.calls[1].body
    assert len(service.issuer.forms) == 1


async def test_a_second_401_is_the_end(server: Any, host: Host, path: Path) -> None:
    service = Service(server, NOT_YOU)
    with pytest.raises(KeyRefused, match="Unauthorized") as raised:
        await ask(made(server, host, path))
    assert (len(service.calls), len(service.issuer.forms)) == (2, 1)
    assert raised.value.exit_code == 77
    assert "kt login codex" in raised.value.hint


async def test_a_401_takes_the_token_that_another_process_has(server: Any, host: Host, path: Path) -> None:
    service = Service(server, NOT_YOU, HELLO)
    provider = made(server, host, path)

    async def both(peer: Any) -> None:
        saved(path, tokens(number=7, issuer=server.url))
        await service(peer)

    server.answers = [both]
    await ask(provider)
    assert service.calls[1].headers["authorization"] == f"Bearer {access(7)}"
    assert service.issuer.forms == []


async def test_many_requests_refresh_once(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    provider = made(server, host, path, NOW)
    await asyncio.gather(*(ask(provider) for _ in range(10)))
    assert (len(service.calls), len(service.issuer.forms)) == (10, 1)


async def test_a_refused_refresh_is_a_refused_key(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    service.issuer.valid = "another"
    with pytest.raises(KeyRefused) as raised:
        await ask(made(server, host, path, NOW))
    assert raised.value.exit_code == 77
    assert secrets_of(raised.value.line()) == []
    assert service.calls == []


async def test_a_403_costs_no_refresh(server: Any, host: Host, path: Path) -> None:
    service = Service(server, reply(403, {"detail": "Forbidden"}))
    with pytest.raises(KeyRefused, match="Forbidden"):
        await ask(made(server, host, path))
    assert (len(service.calls), service.issuer.forms) == (1, [])


# Errors


@pytest.mark.parametrize(
    ("status", "detail", "error"),
    [
        (400, "Unsupported parameter: user", ModelError),
        (400, "The 'm' model is not supported when using Codex with a ChatGPT account.", UnknownModel),
        (400, "Your input exceeds the maximum context length", ContextTooLong),
        (400, [{"loc": ["body"], "msg": "field required"}], ModelError),
        (422, {"message": "wrong", "code": "x"}, ModelError),
    ],
)
async def test_errors_are_told_in_the_words_of_the_service(
    server: Any, host: Host, path: Path, status: int, detail: Any, error: type[ModelError]
) -> None:
    Service(server, reply(status, {"detail": detail}))
    with pytest.raises(error) as raised:
        await ask(made(server, host, path))
    assert type(raised.value) is error
    assert (detail if isinstance(detail, str) else "") in raised.value.what


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
async def test_no_error_shows_a_token(server: Any, host: Host, path: Path, status: int) -> None:
    service = Service(server, b"")
    seen = [tokens().refresh]

    async def echo(peer: Any) -> None:
        if peer.path.startswith("/codex"):
            seen.append(peer.headers["authorization"])
            service.answers = [reply(status, {"detail": " ".join(seen)})]
        await service(peer)

    server.answers = [echo]
    shown: list[str] = []

    async def run() -> None:
        async for item in made(server, host, path, retry={"base": 0}).stream(Request([Message("user", [Text("hi")])])):
            shown.append(repr(item))

    with pytest.raises(ModelError) as raised:
        await run()
    assert len(seen) > 1
    assert secrets_of(*shown, raised.value.line(), repr(raised.value)) == []


async def test_a_busy_service_is_asked_again(server: Any, host: Host, path: Path) -> None:
    Service(server, reply(503, {"detail": "busy"}), HELLO)
    deltas, _ = await ask(made(server, host, path, retry={"base": 0}))
    assert [type(d) for d in deltas] == [LLMRetry, str]


async def test_an_issuer_that_is_down_is_a_service_that_is_down(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    service.issuer.errors = [reply(500)] * 3
    with pytest.raises(ProviderDown):
        await ask(made(server, host, path, NOW))


@pytest.mark.parametrize(
    "options",
    [
        {"no_such_option": 1},
        {"base_url": "https://evil.test/codex"},
        {"base_url": "http://chatgpt.com/codex"},
        {"base_url": "https://chatgpt.com.evil.test"},
        {"base_url": "https://chatgpt.com:8443"},
        {"base_url": "https://[broken"},
        {"key_env": "OPENAI_API_KEY"},
        {"encrypted_reasoning": "maybe"},
        {"headers": 5},
    ],
)
async def test_wrong_options_are_refused(host: Host, path: Path, options: dict[str, Any]) -> None:
    saved(path, tokens())
    with pytest.raises(ConfigError):
        codex("m", {"login": str(path), **options}, host)


async def test_a_login_goes_to_chatgpt(host: Host, path: Path) -> None:
    saved(path, tokens())
    assert codex("m", {"login": str(path)}, host).endpoint.url == "https://chatgpt.com/backend-api/codex"
    with pytest.raises(ConfigError, match="no model"):
        codex("", {"login": str(path)}, host)
