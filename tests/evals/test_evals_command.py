"""kt eval: which tasks run, how often, on what model, what it prints and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kt import Creature, Plugins, SessionReader, encode
from kt.errors import ConfigError, KTError, NotFound, UsageError, Vetoed
from kt_evals.command import main

from .conftest import Bench

TWO = """
limits: {max_turns: 5}
tasks:
  - name: hello
    prompt: Say hello.
    checks: [{answer: hello}]
  - name: write
    prompt: Write a.txt.
    files: {a.txt: old}
    checks: [{file: a.txt, equals: new}, {answer: done}]
"""
NEW = [("write", {"path": "a.txt", "content": "new"})]


def test_every_task_runs_and_a_failed_check_is_told(bench: Bench) -> None:
    bench.evals(TWO)
    code, out = bench("--scripted", bench.script("Hello."))
    assert code == 1
    head, hello, write, *why, transcript, last = out.splitlines()
    assert head.split() == ["task", "result", "model", "calls", "tokens", "USD", "seconds"]
    assert hello.split()[:3] == ["hello", "passed", "1"]
    assert write.split()[:3] == ["write", "failed", "1"]
    assert why == ["  file: a.txt, equals: new: it holds 'old'", "  answer: done: the answer is 'Hello.'"]
    assert transcript.startswith("  kt sessions show ")
    assert last.startswith("2 runs: 1 passed, 1 failed; ")


def test_all_passed_is_zero_and_each_task_has_its_own_script(bench: Bench) -> None:
    bench.evals(TWO)
    scripts = Path(bench.script("Hello.", name="s/hello")).parent
    bench.script([("read", {"path": "a.txt"})], NEW, "Done.", name="s/write")
    code, out = bench("--scripted", str(scripts), "--jobs", "2", "--repeat", "2")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[1:-1]] == [
        ["hello", "#1", "passed"], ["hello", "#2", "passed"], ["write", "#1", "passed"], ["write", "#2", "passed"],
    ]  # fmt: skip


def test_only_the_named_tasks_run(bench: Bench) -> None:
    bench.evals(TWO)
    assert bench("--scripted", bench.script("Hello."), "--task", "hello")[0] == 0
    with pytest.raises(NotFound, match="no task 'helo'") as caught:
        bench("--task", "helo", "--scripted", bench.script("Hello."))
    assert caught.value.hint == "did you mean hello?"


def test_json_has_everything_and_out_keeps_it(bench: Bench) -> None:
    bench.evals(TWO)
    kept = bench.folder / "result.json"
    _, out = bench("--scripted", bench.script("Hello."), "--json", "--out", str(kept))
    told = json.loads(out)
    assert json.loads(kept.read_text()) == told
    assert (told["model"], told["passed"], told["failed"], told["error"]) == ("scripted", 1, 1, None)
    hello, write = told["runs"]
    assert (hello["task"], hello["answer"], hello["model_calls"], hello["usd"]) == ("hello", "Hello.", 1, None)
    assert write["checks"][0]["check"] == {"file": "a.txt", "equals": "new"}
    assert write["checks"][0]["where"].endswith("evals.yaml:10:14")
    assert Path(hello["session"]).parent == bench.folder / "home" / "evals"
    assert Path(hello["session"]).is_file()


def test_a_file_of_evals_may_stand_elsewhere(bench: Bench) -> None:
    other = bench.folder / "other.yaml"
    other.write_text(TWO)
    assert bench("--evals", str(other), "--task", "hello", "--scripted", bench.script("Hello."))[0] == 0


def test_the_user_of_an_eval_answers_and_grants_nothing(bench: Bench) -> None:
    bench.evals("""
answers: [{to: colour, answer: green}, {to: ., answer: "yes"}]
tasks: [{name: one, prompt: Go., checks: [{asked: colour}, {answer: done}]}]
""")
    ask = [("ask_user", {"question": "Which colour?"})]
    reach = [("bash", {"command": "true", "hosts": ["example.com"]})]
    _, out = bench("--scripted", bench.script(ask, reach, "Done."), "--json")
    (run,) = json.loads(out)["runs"]
    assert [(q["text"].partition("?")[0], q.get("topic", "input")) for q in run["questions"]] == [
        ("Which colour", "input"), ("Allow bash", "approval"),
    ]  # fmt: skip
    listing = _session(Path(run["session"]))
    assert "green" in listing
    assert "the user said no to bash" in listing


def _session(path: Path) -> str:
    with SessionReader(str(path)) as reader:
        return json.dumps([encode(message) for message in reader.conversation()])


def test_options_of_a_run_are_options_of_an_eval(bench: Bench) -> None:
    bench.evals("tasks: [{name: one, prompt: Go., checks: [{answer: done}]}]\n")
    reach = [("bash", {"command": "true", "hosts": ["example.com"]})]
    _, out = bench("--scripted", bench.script(reach, "Done."), "--permissions", "auto", "--json")
    assert json.loads(out)["runs"][0]["questions"] == []
    with pytest.raises(UsageError, match="--permissions maybe"):
        bench("--permissions", "maybe", "--scripted", bench.script("Done."))


def test_the_limits_of_the_command_line_go_before_those_of_the_file(bench: Bench) -> None:
    bench.evals(TWO)
    _, out = bench("--scripted", bench.script(NEW, "Done."), "--task", "write", "--max-turns", "1", "--json")
    assert json.loads(out)["runs"][0]["status"] == "limit"


@pytest.mark.parametrize("words", [["--jobs", "0"], ["--repeat", "-1"], ["--time-limit", "no"], ["--nothing"], []])
def test_a_wrong_command_line_is_an_error_of_usage(words: list[str]) -> None:
    with pytest.raises(UsageError):
        main(words if not words else ["./c", *words], Plugins())


def test_what_cannot_be_written_is_said_before_anything_runs(bench: Bench) -> None:
    bench.evals(TWO)
    with pytest.raises(NotFound, match="no folder for"):
        bench("--out", str(bench.folder / "no" / "x.json"), "--scripted", "missing.json")


def test_without_a_model_it_says_what_to_do(bench: Bench) -> None:
    bench.evals(TWO)
    with pytest.raises(ConfigError, match="no model is chosen"):
        bench()
    with pytest.raises(NotFound, match="no script file"):
        bench("--scripted", "missing.json")


def test_the_help_explains(bench: Bench) -> None:
    assert main(["--help"], Plugins()) == 0
    assert bench.capsys.readouterr().out.startswith("Usage: kt eval ")


class Consent:
    """An entry of the kind `consent`, which takes note of what it is asked, and refuses if told to."""

    def __init__(self, error: KTError | None = None) -> None:
        self.error, self.asked = error, list[tuple[Any, ...]]()

    def __call__(self, plugins: Plugins, creature: Creature, files: Any, named: Any) -> None:
        self.asked.append((creature.name, [path.name for path in files], list(named)))
        if self.error is not None:
            raise self.error


def test_consent_is_asked_for_once_and_of_all_who_have_a_say(bench: Bench) -> None:
    bench.evals(TWO)
    (bench.folder / "base.yaml").write_text("name: base\n")
    (bench.folder / "c" / "creature.yaml").write_text("base: ../base.yaml\nname: owl\nprompt: Go.\n")
    plugins, below, above = Plugins(), Consent(), Consent()
    plugins.registry.add("consent", "judge", below)
    plugins.registry.owner = ("kt-evals", "0.1.0")
    plugins.registry.add("consent", "judge", above, override=True)
    words = ["--scripted", bench.script("Hello."), "-p", "early", "--task", "hello", "--repeat", "2"]
    assert main([str(bench.folder / "c"), *words], plugins) == 0
    assert above.asked == below.asked
    ((name, files, named),) = above.asked
    assert (name, sorted(set(files))) == ("owl", ["base.yaml", "creature.yaml"])
    assert {("plugin", "early"), ("plugin", "permissions"), ("provider", "scripted")} <= set(named)


def test_without_consent_nothing_is_built(bench: Bench) -> None:
    bench.evals(TWO)
    (bench.folder / "c" / "creature.yaml").write_text("prompt: Go.\ntools: [./t.py:x]\n")
    (bench.folder / "c" / "t.py").write_text(f"open({str(bench.folder / 'ran')!r}, 'w').close()\n")
    plugins, judge = Plugins(), Consent(Vetoed("nobody looked at it"))
    plugins.registry.add("consent", "judge", judge)
    with pytest.raises(Vetoed):
        main([str(bench.folder / "c"), "--model", "openai/x"], plugins)
    assert ("provider", "openai") in judge.asked[0][2]
    assert not (bench.folder / "ran").exists()


def test_sigterm_leaves_nothing_behind(bench: Bench) -> None:
    bench.evals("tasks: [{name: one, prompt: Go., checks: [{answer: done}]}]\n")
    (bench.folder / "tmp").mkdir()
    script = bench.script([("bash", {"command": "touch began; sleep 600"})], "Done.")
    environment = {**os.environ, "TMPDIR": str(bench.folder / "tmp")}
    words = [sys.executable, "-m", "kt_cli.main", "eval", str(bench.folder / "c"), "--scripted", script]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as running:
        while not list((bench.folder / "tmp").glob("kt-eval-*/work/began")):
            assert running.poll() is None, running.communicate()
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 143
    assert "terminated" in errors
    assert list((bench.folder / "tmp").glob("kt-eval-*")) == []
