"""Batches, with a model that is an object: how many run at once, what ends them all, and what is left behind."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins
from kt.errors import KeyRefused, KTError, ProviderDown
from kt.testing import ScriptedLLM
from kt_evals.batch import run_all
from kt_evals.document import load
from kt_evals.play import to_the_end
from kt_evals.stage import Stage

from .conftest import Bench
from .test_evals_command import TWO


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


@pytest.mark.anyio
async def test_a_folder_is_written_to_the_end_before_it_goes() -> None:
    began, released, ended = asyncio.Event(), threading.Event(), list[bool]()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(began.set)
        ended.append(released.wait(timeout=30))

    running = asyncio.create_task(to_the_end(work))
    await began.wait()
    running.cancel()
    loop.call_soon(released.set)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == [True]
