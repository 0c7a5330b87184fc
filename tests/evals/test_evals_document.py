"""A file of evals: what stands in it is checked, and every error names its place."""

from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import DataError, NotFound
from kt_evals.document import file_of, load

from .conftest import Bench

GOOD = "tasks:\n- name: one\n  prompt: Go.\n  checks: [{answer: done}]\n"

WRONG = [
    ("tasks: []\n", "1:1", "there are no tasks", "is a list"),
    ("limits: {}\n", "1:1", "there are no tasks", "is a list"),
    ("tasks: [read]\n", "1:9", "a task is a table", ""),
    (GOOD + "task: 1\n", "5:1", "unknown key 'task'", "known: answers, limits"),
    (GOOD + "- prompt: Go.\n  checks: [{answer: a}]\n", "5:3", "'name' is missing", ""),
    (GOOD + "- name: two\n  prompt: Go.\n", "5:3", "a task needs checks", "is a list"),
    (GOOD + "- name: two\n  promt: Go.\n  checks: [{answer: a}]\n", "6:3", "unknown key 'promt'", "prompt"),
    (GOOD + "- name: a b\n  prompt: Go.\n  checks: [{answer: a}]\n", "5:3", "the name 'a b'", ""),
    (GOOD + "- name: two\n  prompt: ' '\n  checks: [{answer: a}]\n", "5:3", "the prompt is empty", ""),
    (GOOD + "- name: one\n  prompt: Go.\n  checks: [{answer: a}]\n", "5:3", "two tasks are called 'one'", ""),
    (GOOD + "  files: {../a: x}\n", "2:3", "is not below", ""),
    (GOOD + "  files: {/etc/a: x}\n", "2:3", "is not below", ""),
    (GOOD + "  committed: {.git/config: x}\n", "2:3", "is no file of", ""),
    (GOOD + "  files: {a: 5}\n", "5:11", "files.a: Input should be a valid string", ""),
    (GOOD + "  limits: {max_turns: many}\n", "5:12", "limits.max_turns: Input should be", ""),
    (GOOD + "  folder: nothing\n", "5:3", "there is no folder 'nothing'", ""),
    (GOOD + "  folder: ..\n", "5:3", "there is no folder '..'", ""),
    (GOOD + "  answers: [{to: '('}]\n", "5:13", "'answer' is missing", ""),
    (GOOD + "  answers: [{to: '(', answer: a}]\n", "5:13", "is no regular expression", ""),
    (GOOD.replace("answer: done", "anser: a"), "4:12", "a check has one of the keys of checks", "answer"),
    (GOOD.replace("answer: done", "answer: a, file: b"), "4:12", "a check has one of the keys", ""),
    (GOOD.replace("answer: done", "answer: '['"), "4:12", "is no regular expression", ""),
    (GOOD.replace("answer: done", "answer: a, code: 1"), "4:24", "unknown key 'code'", "known: answer"),
    (GOOD.replace("answer: done", "file: a, equals: a, matches: b"), "4:12", "one of equals", ""),
    (GOOD.replace("answer: done", "file: ../a"), "4:12", "is not below", ""),
    (GOOD.replace("answer: done", "run: a, code: many"), "4:21", "code: Input should be", ""),
    (GOOD.replace("[{answer: done}]", "done"), "4:3", "a task needs checks", ""),
]


@pytest.mark.parametrize(("text", "place", "what", "hint"), WRONG)
def test_an_error_names_its_place(tmp_path: Path, text: str, place: str, what: str, hint: str) -> None:
    file = tmp_path / "evals.yaml"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        load(file, Plugins().registry)
    assert (caught.value.where, what in caught.value.what) == (f"{file}:{place}", True), caught.value
    assert hint in caught.value.hint


def test_what_stands_beside_the_tasks_counts_for_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    file = tmp_path / "evals.toml"
    file.write_text("""
limits = {max_turns = 7, time_limit = 9}
answers = [{to = "colour", answer = "blue"}, {to = ".", answer = "so be it"}]
[[tasks]]
name = "one"
prompt = "Go."
folder = "tree"
limits = {max_turns = 3}
answers = [{to = "colour", answer = "red"}]
checks = [{answer = "done"}, {asked = true}]
""")
    (task,) = load(file, Plugins().registry)
    assert (task.limits.max_turns, task.limits.time_limit, task.source) == (3, 9, (tmp_path / "tree").resolve())
    assert [task.answer(q) for q in ("Which COLOUR?", "Shall I?")] == ["red", "so be it"]
    assert [str(judge) for judge in task.judges] == ["answer: done", "asked: True"]


def test_without_an_answer_it_is_a_no(tmp_path: Path) -> None:
    file = tmp_path / "evals.yaml"
    file.write_text(GOOD)
    assert load(file, Plugins().registry)[0].answer("Shall I?") == "no"


def test_the_file_stands_beside_that_of_the_creature_or_of_the_team(bench: Bench) -> None:
    plugins = Plugins()
    with pytest.raises(NotFound, match=r"has no evals\.yaml beside it"):
        file_of(plugins, str(bench.folder / "c"))
    assert file_of(plugins, str(bench.evals(GOOD).parent)) == bench.folder / "c" / "evals.yaml"
    team = bench.folder / "t"
    team.mkdir()
    (team / "terrarium.yaml").write_text("terrarium: {creatures: [{name: a}]}\n")
    (team / "evals.toml").write_text("")
    assert file_of(plugins, str(team)) == team / "evals.toml"
