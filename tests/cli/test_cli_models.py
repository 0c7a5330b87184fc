"""kt model, kt config and kt login: names, keys and endpoints, and no key's value in any output."""

import json
import stat
import subprocess
from pathlib import Path
from typing import Any

SECRET = "sk-this-is-a-secret-value"
SHARED = Path(__file__).parents[1] / "data"


def fed(kt: Any, *argv: str, text: str = SECRET) -> Any:
    """Run kt with a text on standard input."""
    return kt(*argv, stdin=text.encode())


def test_a_key_is_kept_listed_and_forgotten_and_never_shown(kt: Any) -> None:
    done = fed(kt, "login", "deepseek")
    assert (done.code, done.err) == (0, "")
    file = kt.home / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {"DEEPSEEK_API_KEY": SECRET}
    listed = kt("config", "key", "list")
    assert "DEEPSEEK_API_KEY       file\n" in listed.out
    shown = [done, listed, kt("model", "list"), kt("model", "info", "deepseek/deepseek-chat"), kt("doctor")]
    assert [d for d in shown if SECRET in d.out + d.err] == []
    assert "DEEPSEEK_API_KEY (file)" in shown[2].out
    assert kt("config", "key", "rm", "DEEPSEEK_API_KEY").code == 0
    assert json.loads(file.read_text()) == {}
    assert kt("config", "key", "rm", "DEEPSEEK_API_KEY").code == 66


def test_what_is_no_key_is_refused(kt: Any) -> None:
    for text in ("", "two words"):
        done = fed(kt, "config", "key", "set", "X_API_KEY", text=text)
        assert (done.code, done.out) == (2, "")
    assert fed(kt, "config", "key", "set", "not-a-name").code == 2
    assert fed(kt, "login", "ollama").code == 2
    assert fed(kt, "login", "no-such-provider").code == 78
    assert fed(kt, "login", "deepseek", SECRET).code == 2
    assert not (kt.home / "keys.json").exists()


def test_presets_and_endpoints_are_added_and_used(kt: Any) -> None:
    assert kt("model", "add", "fast", "deepseek/deepseek-chat", "--set", "temperature=0", "--set", "stop=END").code == 0
    assert kt("config", "llm", "add", "cellar", "--base-url", "http://127.0.0.1:9/v1", "--wire", "gemini").code == 0
    text = (kt.home / "config.toml").read_text()
    assert '[models.fast]\nmodel = "deepseek/deepseek-chat"\nsettings = { temperature = 0, stop = "END" }\n' in text
    assert "address   http://127.0.0.1:9/v1\n" in kt("model", "info", "cellar/m").out
    assert "settings  temperature 0, stop END\n" in kt("model", "info", "fast").out
    again = kt("model", "add", "fast", "scripted")
    assert again.code == 78
    assert "config.toml:1:" in again.err
    assert kt("model", "add", "x").code == kt("model", "add", "x", "--base-url", "nonsense").code == 2
    assert kt("model", "add", "x y", "scripted").code == 2
    assert kt("model", "test", "scripted").out.startswith("scripted answered ")


def test_a_bare_name_will_do_if_exactly_one_provider_has_it(kt: Any) -> None:
    assert kt("model", "default", "kimi-for-coding").out.startswith("kimi-code/kimi-for-coding is the default model")
    shared = kt("model", "default", "gpt-oss-120b")
    assert shared.code == 78
    assert "cerebras/gpt-oss-120b" in shared.err
    wrong = kt("model", "default", "kimi-for-codin")
    assert wrong.code == 78
    assert "did you mean kimi-for-coding" in wrong.err
    assert kt("model", "list", "cerebras").code == 78


def test_recorded_answers_are_decoded(kt: Any) -> None:
    case = json.loads(next((SHARED / "chat").glob("llm__*.json")).read_text())
    (kt.folder / "body").write_text(case["response"]["body"])
    for chunk in ("0", "1", "7"):
        done = kt("model", "decode", "--wire", "chat", "--stream", "--chunk", chunk, "body")
        told = json.loads(done.out)
        assert (done.code, told["error"], told["finish_raw"]) == (0, None, case["expected"]["finish"])
        assert told["tool_calls"] == case["expected"]["tool_calls"]
        assert told["usage_raw"] == case["expected"]["usage_raw"]
    nameless = json.loads(next((SHARED / "gemini").glob("*tool-call-arguments*.json")).read_text())
    (kt.folder / "ids").write_text(nameless["response"]["body"])
    told = json.loads(kt("model", "decode", "--wire", "gemini", "--stream", "ids").out)
    assert told["tool_calls"] == nameless["expected"]["tool_calls"]  # whose ids are None: the service gave none
    (kt.folder / "cut").write_text(case["response"]["body"][:300])
    (kt.folder / "odd").write_text("data: {\n\ndata: [DONE]\n\n")
    cut, odd = (
        kt("model", "decode", "--wire", "chat", "--stream", "cut"),
        kt("model", "decode", "--wire", "chat", "--stream", "odd"),
    )
    assert (cut.code, json.loads(cut.out)["error"]["code"]) == (0, "E-TRUNCATED")
    assert (odd.code, json.loads(odd.out)["error"]["code"]) == (65, "E-DATA")
    assert kt("model", "decode", "--wire", "chat", "nowhere").code == 66
    assert kt("model", "decode", "--wire", "chatt", "cut").code == 78
    assert kt("model", "decode", "cut").code == 2


def test_a_service_is_asked_what_it_has(kt: Any) -> None:
    server = subprocess.Popen(
        ["python3", "-c", "import http.server, sys\n"
         "class H(http.server.BaseHTTPRequestHandler):\n"
         "    def do_GET(self):\n"
         "        body = b'{\"data\": [{\"id\": \"b\"}, {\"id\": \"a\"}]}'\n"
         "        self.send_response(200); self.send_header('content-length', str(len(body))); self.end_headers()\n"
         "        self.wfile.write(body)\n"
         "    def log_message(self, *a): pass\n"
         "s = http.server.HTTPServer(('127.0.0.1', 0), H); print(s.server_port, flush=True); s.serve_forever()"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        assert kt("model", "add", "shelf", "--base-url", url).code == 0
        assert kt("model", "list", "shelf").out == "shelf/a\nshelf/b\n"
        server.terminate()
