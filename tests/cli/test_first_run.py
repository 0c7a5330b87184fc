"""The first start: `kt` alone at a terminal, from an empty home to a conversation in at most three answers."""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pexpect
import pytest
from kt import Plugins
from kt.errors import DataError, KeyRefused, ProviderDown, UsageError
from kt_cli.servers import models_at
from kt_cli.suggested import SUGGESTED, SUGGESTED_LOGIN

QUESTION = "Choose 1 to .*: "
HEAVY = {"pydantic", "httpx2", "rich", "mcp", "yaml", "typer", "prompt_toolkit", "genai_prices"}
Start = Callable[..., "pexpect.spawn[str]"]
Serve = Callable[..., str]


@pytest.fixture
def start(kt: Any) -> Iterator[Start]:
    """Start `kt WORDS...` at a terminal, in a home without anything."""
    kt.env |= {"HOME": str(kt.folder.parent), "KT_CACHE": str(kt.folder.parent / "cache"), "TERM": "xterm"}
    started = []

    def begin(*words: str, program: str = kt.program) -> "pexpect.spawn[str]":
        size = (50, 200)
        child = pexpect.spawn(
            program, list(words), cwd=str(kt.folder), env=kt.env, encoding="utf-8", echo=False, timeout=60,
            dimensions=size,
        )  # fmt: skip
        started.append(child)
        return child

    yield begin
    for child in started:
        child.close(force=True)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that answers GET /v1/models; return its address without /v1."""
    servers = []

    def begin(*names: Any, status: int = 200, body: bytes | None = None) -> str:
        answer = json.dumps({"data": [{"id": name} for name in names]}).encode() if body is None else body

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path == "/v1/models" else 404)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *words: object) -> None:
                """Say nothing on stderr."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield begin
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def number_of(child: "pexpect.spawn[str]", label: str) -> str:
    """Return the number under which the choices that were just printed have a label."""
    found = re.search(rf"(\d+)\. {re.escape(label)}", str(child.before))
    assert found is not None, child.before
    return found[1]


def choose(child: "pexpect.spawn[str]", label: str) -> None:
    child.expect(QUESTION)
    child.sendline(number_of(child, label))


def ended(child: "pexpect.spawn[str]") -> int | None:
    child.expect(pexpect.EOF)
    child.close()
    code: int | None = child.exitstatus
    return code


def default_model(kt: Any) -> str:
    return str(kt("model", "default").out).strip()


def test_one_answer_leads_from_nothing_to_the_demo_which_stays_no_default(kt: Any, start: Start) -> None:
    child = start()
    child.expect("Terrarium 0.1.0")
    child.expect("model +none is chosen yet")
    child.expect("keys +none is found")
    child.expect(rf"folder +{re.escape(str(kt.folder))}")
    child.expect("sandbox +(full|partial|none)")
    choose(child, "the scripted demo")
    child.expect("Ctrl-D leaves")
    child.expect("sandbox")
    child.send("hello\r")
    child.expect("This is the scripted demo")
    assert not (kt.home / "config.toml").exists()


def test_with_nothing_found_only_the_ways_are_offered(start: Start) -> None:
    child = start()
    child.expect(QUESTION)
    offered = re.findall(r"\d+\. (.+?) {2,}", str(child.before))
    assert offered == ["a provider", "log in: codex", "the local model", "a compatible server", "the scripted demo"]
    assert "1.1 GB" in str(child.before)


def test_a_key_in_the_environment_is_offered_first_and_kept_as_the_default(kt: Any, start: Start) -> None:
    kt.env["OPENAI_API_KEY"] = "sk-very-secret"
    child = start()
    child.expect(r"keys +OPENAI_API_KEY \(environment\)")
    child.expect(r" 1\. openai-responses/gpt-6\.1-sol +OPENAI_API_KEY \(environment\)")
    child.expect(QUESTION)
    child.sendline("1")
    child.expect(r"openai-responses/gpt-6.1-sol is the default model now \(.*config.toml\); kt model default")
    child.expect("general on openai-responses/gpt-6.1-sol")
    assert default_model(kt) == "openai-responses/gpt-6.1-sol"
    again = start()
    again.expect(r"model +openai-responses/gpt-6.1-sol \(the default\)")
    again.expect("general on openai-responses/gpt-6.1-sol")
    assert "Choose" not in str(again.before)
    assert "sk-very-secret" not in str(child.before) + str(again.before)


def test_three_answers_keep_a_key_that_is_not_shown(kt: Any, start: Start) -> None:
    child = start()
    choose(child, "a provider")
    child.expect("Which provider")
    child.sendline("anthropic")
    child.expect("A key is made at https://platform.claude.com")
    child.expect(r"Key of anthropic \(ANTHROPIC_API_KEY, it is not shown\): ")
    child.sendline("sk-very-secret")
    child.expect("general on anthropic/claude-sonnet-5-5")
    assert "sk-very-secret" not in str(child.before)
    assert json.loads((kt.home / "keys.json").read_text()) == {"ANTHROPIC_API_KEY": "sk-very-secret"}
    assert default_model(kt) == "anthropic/claude-sonnet-5-5"


def test_a_kept_key_is_found(kt: Any, start: Start) -> None:
    kt("login", "deepseek", stdin=b"not-a-real-key\n")
    child = start()
    child.expect(r" 1\. deepseek/deepseek-v4-pro +DEEPSEEK_API_KEY \(file\)")


def test_what_is_typed_may_be_a_model_or_a_provider(kt: Any, start: Start) -> None:
    child = start()
    child.expect(QUESTION)
    child.sendline("nobody/x")
    child.expect(r"error\[E-UNKNOWN\]")
    child.expect(QUESTION)
    child.sendline("groq")
    child.expect(r"Key of groq")
    child.sendline("a key with spaces")
    child.expect("is no key")
    child.expect(QUESTION)
    child.sendline("ollama/qwen3")
    child.expect("general on ollama/qwen3")
    assert default_model(kt) == "ollama/qwen3"
    assert not (kt.home / "keys.json").exists()


def test_three_wrong_answers_end_it_and_change_nothing(kt: Any, start: Start) -> None:
    child = start()
    for answer in ("0", "99", "\x1b[2Jno-such-thing"):
        child.expect(QUESTION)
        child.sendline(answer)
        child.expect(r"error\[E-")
    child.expect("error.E-CONFIG.: no model is chosen")
    assert ended(child) == 78
    assert not kt.home.exists()


@pytest.mark.parametrize(("leave", "code"), [("sendeof", 78), ("sendline", 78), ("sendintr", 130)])
def test_who_does_not_choose_leaves_everything_as_it_was(kt: Any, start: Start, leave: str, code: int) -> None:
    child = start()
    child.expect(QUESTION)
    getattr(child, leave)()
    assert ended(child) == code
    assert not kt.home.exists()


@pytest.mark.parametrize(("leave", "code"), [("sendeof", 78), ("sendintr", 130)])
def test_no_key_is_no_change(kt: Any, start: Start, leave: str, code: int) -> None:
    child = start()
    choose(child, "a provider")
    child.expect("Which provider")
    child.sendline("1")
    child.expect("it is not shown")
    getattr(child, leave)()
    assert ended(child) == code
    assert not kt.home.exists()


def test_a_server_of_this_machine_is_found_where_it_answers(kt: Any, start: Start, serve: Serve) -> None:
    address = serve("qwen3:8b", "llama3.2", "an evil\x1b[2J name")
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text(f'[endpoint.ollama]\nbase_url = "{address}/v1"\n')
    child = start()
    child.expect(rf" 1\. ollama +answers at {address}/v1: qwen3:8b, llama3.2\r")
    child.expect(QUESTION)
    child.sendline("1")
    child.expect(r" 2\. llama3.2\s+Which model.*: ")
    child.sendline("2")
    child.expect("general on ollama/llama3.2")
    assert default_model(kt) == "ollama/llama3.2"


def test_a_compatible_server_is_taken_by_its_address_also_without_the_version(
    kt: Any, start: Start, serve: Serve
) -> None:
    address = serve("tiny")
    child = start()
    choose(child, "a compatible server")
    child.expect("Its address")
    child.sendline("http://127.0.0.1:1")
    child.expect("nothing answers there")
    child.expect("Its address")
    child.sendline(address)
    child.expect("is the default model now")
    assert default_model(kt) == f"openai-compat:{address}/v1#tiny"


def test_a_folder_with_settings_is_asked_about_and_no_other(kt: Any, start: Start) -> None:
    (kt.folder / ".kt").mkdir()
    (kt.folder / ".kt/config.toml").write_text('[profile.default]\nplugins = ["jobs"]\n')
    child = start()
    child.expect("folder +.*; not trusted: ")
    choose(child, "the scripted demo")
    child.expect("Trust this folder as it is now")
    child.sendline("y")
    child.expect("Ctrl-D leaves")
    assert (kt.home / "trusted.json").exists()


def test_kt_run_offers_the_same_choice(kt: Any, start: Start) -> None:
    (kt.folder / "c.yaml").write_text("name: bare\n")
    child = start("run", "./c.yaml", "hi")
    choose(child, "the scripted demo")
    child.expect("This is the scripted demo")
    assert ended(child) == 0


def test_a_creature_with_a_model_of_its_own_asks_nothing(kt: Any, start: Start) -> None:
    kt.home.mkdir(exist_ok=True)
    (kt.folder / "c.yaml").write_text("name: chosen\nllm: scripted\n")
    (kt.home / "config.toml").write_text(f'creature = "{kt.folder}/c.yaml"\n')
    child = start()
    child.expect("chosen on scripted")
    assert "Choose" not in str(child.before)


def test_where_answers_do_not_go_to_the_terminal_kt_alone_is_the_help(kt: Any, start: Start) -> None:
    child = start("-c", f"{kt.program} > out.txt", program="/bin/sh")
    assert ended(child) == 0
    assert (kt.folder / "out.txt").read_text().startswith("usage: kt")


def test_nothing_heavy_is_imported_before_the_question(start: Start) -> None:
    child = start("-X", "importtime", "-m", "kt_cli", program=sys.executable)
    child.expect(QUESTION)
    lines = [line for line in str(child.before).splitlines() if line.startswith("import time")]
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "kt_cli" in names
    assert names & HEAVY == set()


@pytest.mark.parametrize(("provider", "model"), [*SUGGESTED.items(), *SUGGESTED_LOGIN.items()])
def test_each_suggested_model_is_in_the_catalogue(provider: str, model: str) -> None:
    plugins = Plugins()
    target = plugins.registry.get("provider", provider)
    name = target["catalogue"] if isinstance(target, dict) else "openai"
    assert plugins.registry.get("catalogue", "prices")(plugins).facts(name, model)["price"] != ""


def test_a_server_says_which_models_it_has(serve: Serve) -> None:
    assert models_at(f"{serve('a', 7, '', 'two words', 'b')}/v1/", seconds=20) == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"status": 401}, KeyRefused),
        ({"status": 500}, DataError),
        ({"body": b"<html>"}, DataError),
        ({"body": b'["a"]'}, DataError),
        ({"body": b'{"data": [{"name": "a"}]}'}, DataError),
    ],
)
def test_an_answer_that_is_no_list_of_models_is_an_error(serve: Serve, options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        models_at(f"{serve(**options)}/v1", seconds=20)


@pytest.mark.parametrize(
    "address", ["", "localhost", "ftp://x", "http://", "http://x:port/v1", "http://[::1/v1", "http://a b/v1"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        models_at(address, seconds=20)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1\r\nX: y", "http://127.0.0.1:1/a b"]
)
def test_where_nothing_answers_that_is_said(address: str) -> None:
    with pytest.raises(ProviderDown):
        models_at(address, seconds=20)
