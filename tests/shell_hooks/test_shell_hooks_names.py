"""The table of names: what programs are told comes back as it was, whatever the arguments are."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Host
from kt_shell_hooks.names import TOOLS, names_of, taken_back, told, told_name

PWD = Path("/green/wood")
LEAVES = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=9)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
NAMES = sorted({name for each in TOOLS.values() for name in each.arguments} | {"command", "pattern", "url", "odd"})
ITEMS = st.lists(st.fixed_dictionaries({"text": st.text(), "status": st.sampled_from(["pending", "active", "done"])}))


@given(st.sampled_from([*TOOLS, "unheard_of"]), st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_what_a_program_leaves_as_it_was_told_is_as_it_was(tool: str, arguments: dict[str, Any]) -> None:
    assert taken_back(tool, arguments, told(tool, arguments, PWD), PWD) == arguments


@given(ITEMS)
def test_a_list_that_a_program_wrote_anew_is_one_of_ours(items: list[Any]) -> None:
    other = told("todo", {"items": items}, PWD)
    assert taken_back("todo", {}, other, PWD) == {"items": items}


@pytest.mark.parametrize("tool", TOOLS)
def test_no_two_arguments_have_one_name(tool: str) -> None:
    names = [argument.name for argument in TOOLS[tool].arguments.values()]
    assert len(names) == len(set(names))


def test_no_name_means_two_tools() -> None:
    names = [name for tool in TOOLS for name in names_of(tool)]
    assert len(names) == len(set(names))


def test_the_table_speaks_of_tools_and_arguments_there_are() -> None:
    registry = Host().registry
    for name, counterpart in TOOLS.items():
        if name != "task":  # made for each agent
            function = registry.get("tool", name).function
            assert counterpart.arguments.keys() <= inspect.signature(function).parameters.keys(), name


@pytest.mark.parametrize(
    ("tool", "arguments", "other"),
    [
        ("read", {"path": "a/b.txt", "limit": 3}, {"file_path": "/green/wood/a/b.txt", "limit": 3}),
        ("write", {"path": "/etc/x", "content": "y"}, {"file_path": "/etc/x", "content": "y"}),
        ("edit", {"path": "a", "old": "x", "new": "y"},
         {"file_path": "/green/wood/a", "old_string": "x", "new_string": "y"}),
        ("bash", {"command": "ls", "timeout": 1.5}, {"command": "ls", "timeout": 1500}),
        ("grep", {"pattern": "x", "ignore_case": True}, {"pattern": "x", "-i": True}),
        ("todo", {"items": [{"text": "fly", "status": "active"}]},
         {"todos": [{"content": "fly", "status": "in_progress"}]}),
        ("task", {"agent": "scout", "prompt": "Look."}, {"subagent_type": "scout", "prompt": "Look."}),
        ("fetch", {"url": "http://a"}, {"url": "http://a"}),
    ],
)  # fmt: skip
def test_names_that_scripts_read(tool: str, arguments: dict[str, Any], other: dict[str, Any]) -> None:
    assert told(tool, arguments, PWD) == other


def test_the_name_of_a_call() -> None:
    assert told_name("edit", {"old": "x"}) == "Edit"
    assert told_name("edit", {"edits": [{}]}) == "MultiEdit"
    assert told_name("nothing_like_it", {}) == "nothing_like_it"
