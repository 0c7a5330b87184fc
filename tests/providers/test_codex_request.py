"""What the provider codex sends with a ChatGPT login, what it leaves out, and what it makes of answers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from codex_script import ACCOUNT, HELLO, LIMITS, THOUGHT, FastClock, Service, access, answer, ask, made, saved, tokens
from kt import Agent, Host, Message, Text, Thinking, tool
from kt.events import Advice
from kt_codex.provider import ALLOWED

pytestmark = pytest.mark.anyio


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host(clock=FastClock()) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "codex.json"


async def test_an_answer_and_its_request(server: Any, host: Host, path: Path) -> None:
    service = Service(server, answer(THOUGHT, text="Hello"))
    deltas, message = await ask(made(server, host, path), system="Be brief.")
    assert deltas == ["Hello"]
    assert [type(p) for p in message.parts] == [Thinking, Text]
    assert (message.text, message.finish, message.wire) == ("Hello", "stop", "responses")
    assert message.usage is not None
    assert (message.usage.input, message.usage.reasoning) == (7, 1)
    (call,) = service.calls
    assert (call.method, call.path) == ("POST", "/codex/responses")
    wanted = {"authorization": f"Bearer {access(0)}", "chatgpt-account-id": ACCOUNT, "originator": "codex_cli_rs",
              "accept": "text/event-stream", "content-type": "application/json"}  # fmt: skip
    assert wanted.items() <= call.headers.items()
    assert call.json == {
        "model": "m",
        "stream": True,
        "store": False,
        "instructions": "Be brief.",
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": call.headers["session_id"],
        "input": [{"role": "user", "content": "hi"}],
    }


async def test_reasoning_goes_back_sealed(server: Any, host: Host, path: Path) -> None:
    service = Service(server, answer(THOUGHT, text="Hello"))
    provider, first = made(server, host, path), Message("user", [Text("hi")])
    _, said = await ask(provider, first)
    await ask(provider, first, said, Message("user", [Text("more")]))
    sent = service.calls[1].json["input"]
    assert [item.get("encrypted_content") for item in sent] == [None, "sealed==", None, None]
    assert service.calls[0].headers["session_id"] == service.calls[1].headers["session_id"]


async def test_conversations_have_names_of_their_own(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    provider = made(server, host, path)
    for said in ("one", "two"):
        await ask(provider, Message("user", [Text(said)]))
    await ask(made(server, host, path), Message("user", [Text("one")]))
    assert len({call.headers["session_id"] for call in service.calls}) == 3


@pytest.mark.parametrize("system", ["", "  \n"])
async def test_instructions_are_never_empty(server: Any, host: Host, path: Path, system: str) -> None:
    service = Service(server, HELLO)
    await ask(made(server, host, path), system=system)
    assert service.calls[0].json["instructions"].strip()


async def test_system_messages_are_instructions(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    messages = [Message("system", [Text("One.")]), Message("user", [Text("hi")]), Message("system", [Text("Two.")])]
    await ask(made(server, host, path), *messages, system="Zero.")
    assert service.calls[0].json["instructions"] == "Zero.\n\nOne.\n\nTwo."
    assert service.calls[0].json["input"] == [{"role": "user", "content": "hi"}]


REFUSED = {"max_tokens": 5, "max_output_tokens": 5, "temperature": 0.1, "top_p": 0.5, "previous_response_id": "r0",
           "prompt_cache_retention": "24h", "prompt_cache_options": {}, "stream_options": {}, "user": "u",
           "safety_identifier": "s", "metadata": {}, "truncation": "auto", "store": True, "stream": False,
           "instructions": "x", "input": [], "model": "other", "what_comes_next_year": 1}  # fmt: skip
TAKEN = {"effort": "high", "text": {"verbosity": "low"}, "tool_choice": "auto", "parallel_tool_calls": True,
         "service_tier": "priority", "prompt_cache_key": "mine", "client_metadata": {"a": "b"}}  # fmt: skip


async def test_only_settings_that_the_service_takes_are_sent(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    provider = made(server, host, path)
    deltas, _ = await ask(provider, settings=REFUSED | TAKEN)
    body = service.calls[0].json
    plain = {k: v for k, v in TAKEN.items() if k != "effort"}
    assert {k: body[k] for k in plain} == plain
    assert body["reasoning"] == {"effort": "high"}
    assert set(body) == {"model", "stream", "store", "instructions", "include", "input", "reasoning", *plain}
    assert (body["model"], body["store"], body["stream"]) == ("m", False, True)
    advice = [d.text for d in deltas if isinstance(d, Advice)]
    assert len(advice) == 1
    assert all(name in advice[0] for name in REFUSED)
    deltas, _ = await ask(provider, settings=REFUSED)
    assert deltas == ["Hello"]  # it was said once
    assert not ALLOWED & set(REFUSED)


async def test_a_default_can_be_taken_away_and_an_include_added(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    provider = made(server, host, path)
    await ask(provider, settings={"prompt_cache_key": None, "include": ["web_search_call.results"]})
    body = service.calls[0].json
    assert "prompt_cache_key" not in body
    assert body["include"] == ["web_search_call.results", "reasoning.encrypted_content"]


async def test_a_schema_goes_with_the_text_settings(server: Any, host: Host, path: Path) -> None:
    service = Service(server, HELLO)
    await ask(made(server, host, path), output_schema={"type": "object"}, settings={"text": {"verbosity": "low"}})
    text = service.calls[0].json["text"]
    assert (text["format"]["schema"], text["verbosity"]) == ({"type": "object"}, "low")


async def test_limits_are_kept_with_the_message(server: Any, host: Host, path: Path) -> None:
    Service(server, answer(text="Hello", limits=True))
    deltas, message = await ask(made(server, host, path))
    assert deltas == ["Hello"]
    assert message.x is not None
    assert message.x["codex"] == {"limits": LIMITS}


@tool(effect="read")
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


async def test_an_agent_calls_a_tool(server: Any, host: Host, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_HOME", str(path.parent))
    saved(path, tokens(issuer=server.url))
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "add", "arguments": '{"a":1,"b":2}'}
    service = Service(server, answer(THOUGHT, call), HELLO)
    llm = {"provider": "codex", "model": "m", "base_url": f"{server.url}/codex"}
    async with await Agent.build({"name": "t"}, llm=llm, tools=[add], host=host) as agent:
        result = await agent.run("1 + 2?")
    assert result.unwrap().text == "Hello"
    sent = service.calls[1].json["input"]
    assert [item.get("type") for item in sent[1:]] == ["reasoning", "function_call", "function_call_output"]
    assert sent[-1] == {"type": "function_call_output", "call_id": "c1", "output": "3"}
    assert service.calls[0].json["tools"][0]["name"] == "add"
