"""kt eval: which tasks run, how often, on what model, what it prints and how it ends."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins, SessionReader, encode
from kt.errors import ConfigError, KeyRefused, KTError, NotFound, ProviderDown, UsageError
from kt.testing import ScriptedLLM
from kt_evals.batch import run_all
from kt_evals.command import main
from kt_evals.document import load
from kt_evals.stage import Stage

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


# Batches, with a model that is an object


def stage_of(bench: Bench, answer: Any) -> Stage:
    made = Stage(Plugins(), str(bench.folder / "c"), llm=ScriptedLLM(answer))
    made.prepare()
    return made


@pytest.mark.anyio
async def test_as_many_run_at_once_as_asked(bench: Bench) -> None:
    together = asyncio.Barrier(3)
    most = running = 0

    async def answer(request: Any) -> str:
        nonlocal most, running
        running += 1
        most = max(most, running)
        async with asyncio.timeout(30):
            await together.wait()
        running -= 1
        return "Hello."

    tasks = load(bench.evals(TWO), Plugins().registry)[:1]
    batch = await run_all(stage_of(bench, answer), tasks, repeat=6, jobs=3, told=lambda report: None)
    assert [report.number for report in batch.reports] == [1, 2, 3, 4, 5, 6]
    assert (most, batch.exit_code) == (3, 0)


@pytest.mark.anyio
@pytest.mark.parametrize(("error", "code"), [(ProviderDown("gone"), 69), (KeyRefused("no"), 77)])
async def test_what_says_nothing_of_the_creature_ends_the_batch(bench: Bench, error: KTError, code: int) -> None:
    answers = iter(["Hello.", error])
    tasks = load(bench.evals(TWO), Plugins().registry)[:1]
    batch = await run_all(stage_of(bench, lambda request: next(answers)), tasks, repeat=9, told=lambda report: None)
    assert (len(batch.reports), batch.error, batch.exit_code) == (1, error, code)


@pytest.mark.anyio
async def test_what_is_none_of_ours_comes_through_as_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.folder / "tmp").write_text("a file where folders are to be made")
    monkeypatch.setattr("tempfile.tempdir", str(bench.folder / "tmp"))
    tasks = load(bench.evals(TWO), Plugins().registry)
    with pytest.raises(NotADirectoryError):
        await run_all(stage_of(bench, ["Hello."]), tasks, told=lambda report: None)


@pytest.mark.anyio
async def test_each_run_has_a_folder_of_its_own_that_is_gone_afterwards(bench: Bench) -> None:
    seen: list[Path] = []

    def answer(request: Any) -> Any:
        if request.messages[-1].role == "user":
            return [("bash", {"command": "pwd; ls; git status --short; git log --oneline"})]
        text = request.messages[-1].parts[0].text
        seen.append(Path(text.splitlines()[0]))
        return text

    (bench.folder / "c" / "tree").mkdir()
    (bench.folder / "c" / "tree" / "from_tree.txt").write_text("x")
    file = bench.evals("""
tasks:
  - name: one
    prompt: Go.
    folder: tree
    committed: {a.txt: old}
    files: {a.txt: new, b.txt: x}
    checks:
      - {answer: from_tree.txt}
      - {answer: "^ M a.txt"}
      - {answer: "^.. b.txt"}
      - {answer: Start}
      - {run: git show HEAD:a.txt, output: ^old}
""")
    batch = await run_all(stage_of(bench, answer), load(file, Plugins().registry), repeat=2, told=lambda report: None)
    assert [(v.judge.where, v.why) for report in batch.reports for v in report.verdicts if v.why] == []
    assert len(set(seen)) == 2
    assert not any(folder.exists() for folder in seen)
