"""The registry: names by kind, where they come from, and what happens when two want the same."""

from typing import Any

import pytest
from kt import Registry
from kt.errors import NameClash, PluginError, UnknownName


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.owner = ("kt-one", "1.0")
    return made


def test_a_target_is_imported_on_first_use_only(registry: Registry) -> None:
    registry.tool("loads", "json:loads", help="Read JSON.")
    registry.tool("module", "json")
    import json

    entry = registry.entry("tool", "loads")
    assert (entry.target, entry.help, entry.dist, entry.version) == ("json:loads", "Read JSON.", "kt-one", "1.0")
    assert registry.get("tool", "loads") is json.loads
    assert registry.get("tool", "module") is json


def test_an_object_may_be_registered_itself(registry: Registry) -> None:
    thing: Any = object()
    registry.plugin("thing", thing)
    assert registry.get("plugin", "thing") is thing


def test_a_plugin_may_invent_a_kind_and_add_data(registry: Registry) -> None:
    registry.add("flavour", "sweet", "json:loads", colour="pink")
    assert registry.entry("flavour", "sweet").data == {"colour": "pink"}
    assert registry.names("flavour") == ["sweet"]
    assert registry.names("nothing") == []


def test_entries_are_sorted_by_kind_and_name(registry: Registry) -> None:
    for kind, name in (("tool", "b"), ("tool", "a"), ("command", "c")):
        registry.add(kind, name, "json")
    assert [(e.kind, e.name) for e in registry.entries()] == [("command", "c"), ("tool", "a"), ("tool", "b")]
    assert [e.name for e in registry.entries("tool")] == ["a", "b"]


def test_a_name_claimed_twice_names_both_distributions(registry: Registry) -> None:
    registry.tool("read", "json:load")
    registry.owner = ("kt-two", "2.1")
    with pytest.raises(NameClash) as caught:
        registry.tool("read", "json:loads")
    assert caught.value.what == "tool 'read' is registered by kt-one 1.0 and by kt-two 2.1"
    assert caught.value.exit_code == 78
    assert "override=True" in caught.value.hint


def test_the_same_name_in_two_kinds_is_no_clash(registry: Registry) -> None:
    registry.tool("read", "json:load")
    registry.command("read", "json:loads")
    assert registry.names("tool") == registry.names("command") == ["read"]


@pytest.mark.parametrize("first", ["override", "plain"])
def test_an_override_takes_the_name_whoever_comes_first(registry: Registry, first: str) -> None:
    claims = [("kt-one", "json:load", False), ("kt-two", "json:loads", True)]
    for dist, target, override in claims[:: -1 if first == "override" else 1]:
        registry.owner = (dist, "1.0")
        registry.tool("read", target, override=override)
    assert (registry.entry("tool", "read").dist, registry.entry("tool", "read").target) == ("kt-two", "json:loads")


def test_two_overrides_of_one_name_clash(registry: Registry) -> None:
    registry.tool("read", "json:load", override=True)
    registry.owner = ("kt-two", "2.0")
    with pytest.raises(NameClash, match=r"kt-one 1\.0 and by kt-two 2\.0"):
        registry.tool("read", "json:loads", override=True)


@pytest.mark.parametrize("first", ["override", "plain"])
def test_dropping_an_override_gives_the_name_back(registry: Registry, first: str) -> None:
    claims = [("kt-one", "json:load", False), ("kt-two", "json:loads", True)]
    for dist, target, override in claims[:: -1 if first == "override" else 1]:
        registry.owner = (dist, "1.0")
        registry.tool("read", target, override=override)
    registry.drop("kt-two")
    assert registry.get("tool", "read").__name__ == "load"


def test_dropping_a_distribution_forgets_all_its_names(registry: Registry) -> None:
    registry.tool("a", "json")
    registry.owner = ("kt-two", "2.0")
    registry.tool("b", "json")
    registry.command("b", "json")
    registry.drop("kt-two")
    assert [e.name for e in registry.entries()] == ["a"]


def test_an_unknown_name_has_the_nearest_and_where(registry: Registry) -> None:
    registry.tool("read", "json:load")
    with pytest.raises(UnknownName) as caught:
        registry.get("tool", "raed", where="bee.toml:3:1")
    assert str(caught.value) == "no tool named 'raed' (bee.toml:3:1)"
    assert (caught.value.hint, caught.value.exit_code) == ("did you mean read?", 78)


def test_no_distribution_is_made_up_for_an_unknown_plugin(registry: Registry) -> None:
    with pytest.raises(UnknownName) as caught:
        registry.entry("plugin", "bugdet")
    assert caught.value.hint == ""


def test_an_unknown_name_has_its_install_line_where_something_knows_it(registry: Registry) -> None:
    registry.plugin("owls", object)
    known = {("plugin", "owl"): "get an owl"}
    registry.add("packs", "bringing", lambda kind, name: known.get((kind, name), ""))
    for name, hint in (("owl", "get an owl"), ("owlz", "did you mean owls?")):
        with pytest.raises(UnknownName) as caught:
            registry.entry("plugin", name)
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("target", "cause"), [("kt_nowhere:x", "ModuleNotFoundError"), ("json:nope", "AttributeError")]
)
def test_a_target_that_does_not_load_names_distribution_version_and_cause(
    registry: Registry, target: str, cause: str
) -> None:
    registry.tool("odd", target)
    with pytest.raises(PluginError) as caught:
        registry.get("tool", "odd")
    assert caught.value.what.startswith(f"tool 'odd' of kt-one 1.0 does not load: {cause}: ")
    assert caught.value.where == target


def test_a_target_that_is_none_is_loaded_once(registry: Registry) -> None:
    registry.tool("nothing", "kt.errors:__doc__")
    assert registry.get("tool", "nothing") is registry.get("tool", "nothing")
