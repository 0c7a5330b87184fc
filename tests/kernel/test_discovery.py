"""Wheels in a folder: found, loaded, and where one is bad, named with its distribution, version and cause."""

import sys
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, Host, Plugins
from kt.errors import MissingPlugin, NameClash, PluginError
from kt.testing import ScriptedLLM

pytestmark = pytest.mark.anyio
TOOL = """
from kt import hookimpl

@hookimpl
def kt_register(registry):
    registry.tool({name!r}, "{module}:function", help="A tool.", **{data!r})

def function() -> str:
    return "from {module}"
"""


def source(module: str, name: str = "fly", **data: object) -> str:
    return TOOL.format(module=module, name=name, data=data)


async def test_a_wheels_tool_is_found_and_used_with_no_other_step(wheels: Any) -> None:
    wheels.add("bee", source("kt_bee"), version="1.2")
    async with Host(Plugins()) as host:
        llm = ScriptedLLM([[("fly", {})], "done"])
        async with await Agent.build({"tools": ["fly"]}, llm=llm, host=host) as agent:
            result = await agent.run("go")
            assert [c.result for c in result.tool_calls] == ["from kt_bee"]
        entry = host.registry.entry("tool", "fly")
        assert (entry.dist, entry.version, entry.help) == ("kt-bee", "1.2", "A tool.")


async def test_a_wheels_tool_has_the_name_it_is_registered_under(wheels: Any) -> None:
    wheels.add("bee", source("kt_bee"))
    agent = await Agent.build({"tools": ["fly"]}, llm=ScriptedLLM(), host=Host(Plugins()))
    assert list(agent.tools) == ["fly"]


def test_only_the_entry_module_is_imported(wheels: Any) -> None:
    wheels.add("bee", 'def kt_register(registry): registry.tool("fly", "kt_bee_heavy:fly")')
    (wheels.folder / "kt_bee_heavy.py").write_text("fly = 1")
    plugins = Plugins()
    assert list(plugins.modules) == ["bee"]
    assert "kt_bee_heavy" not in sys.modules
    assert plugins.registry.get("tool", "fly") == 1


def test_an_entry_point_may_name_an_object_in_a_module(wheels: Any) -> None:
    code = 'class Entry:\n    def kt_register(self, registry): registry.tool("fly", "json")\nentry = Entry()'
    wheels.add("bee", code, point="bee = kt_bee:entry")
    assert Plugins().registry.names("tool") == ["fly"]


def test_wheels_of_other_groups_are_left_alone(wheels: Any) -> None:
    wheels.add("bee", "raise AssertionError", group="console_scripts")
    assert Plugins().modules == {}


def test_entry_points_that_are_no_text_are_passed_over(wheels: Any) -> None:
    wheels.add("bee", source("kt_bee"))
    (wheels.folder / "wasp-1.dist-info").mkdir()
    (wheels.folder / "wasp-1.dist-info" / "entry_points.txt").write_bytes(b"[kt]\nwasp = \xff\n")
    assert list(Plugins().modules) == ["bee"]


def test_the_first_of_two_copies_on_the_path_wins(wheels: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels.add("bee", source("kt_bee"), version="1.0")
    second = type(wheels)(tmp_path / "second")
    second.folder.mkdir()
    second.add("bee", source("kt_bee"), version="2.0")
    monkeypatch.setattr(sys, "path", [str(second.folder), *sys.path])
    assert Plugins().registry.entry("tool", "fly").version == "2.0"


def test_a_name_clash_names_both_distributions(wheels: Any) -> None:
    wheels.add("bee", source("kt_bee"), version="1.2")
    wheels.add("wasp", source("kt_wasp"), version="0.3")
    with pytest.raises(NameClash, match=r"tool 'fly' is registered by kt-bee 1\.2 and by kt-wasp 0\.3"):
        Plugins()


def test_of_a_clash_the_first_stays_where_bad_plugins_are_skipped(wheels: Any) -> None:
    wheels.add("bee", source("kt_bee"))
    wheels.add("wasp", source("kt_wasp"))
    plugins = Plugins(skip_bad=True)
    assert plugins.registry.entry("tool", "fly").dist == "kt-bee"
    assert isinstance(plugins.failed["wasp"], NameClash)


def test_an_override_is_no_clash(wheels: Any) -> None:
    wheels.add("bee", source("kt_bee"))
    wheels.add("wasp", source("kt_wasp", override=True))
    assert Plugins().registry.entry("tool", "fly").dist == "kt-wasp"


BROKEN = {
    "import": ("import kt_no_such_module", "ModuleNotFoundError: No module named 'kt_no_such_module'"),
    "syntax": ("def f(:", "SyntaxError"),
    "raises": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "register": ("def kt_register(registry): registry.tol('x', 'y')", "AttributeError"),
    "signature": ("def kt_register(): pass", "TypeError"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_entry_module_is_named_with_distribution_version_and_cause(wheels: Any, kind: str) -> None:
    code, cause = BROKEN[kind]
    wheels.add("bad", code, version="0.7")
    with pytest.raises(PluginError) as caught:
        Plugins()
    error = caught.value
    assert error.what.startswith("plugin 'bad' of kt-bad 0.7 does not load: ")
    assert cause in error.what
    assert (error.where, error.exit_code) == ("kt_bad", 78)
    assert "kt uninstall kt-bad" in error.hint
    assert "--skip-bad-plugins" in error.hint


@pytest.mark.parametrize("kind", BROKEN)
def test_the_rest_works_where_bad_plugins_are_skipped(wheels: Any, kind: str) -> None:
    wheels.add("bad", BROKEN[kind][0])
    wheels.add("bee", source("kt_bee"))
    plugins = Plugins(skip_bad=True)
    assert plugins.registry.names("tool") == ["fly"]
    assert list(plugins.failed) == ["bad"]


def test_what_a_plugin_registered_before_it_failed_is_forgotten(wheels: Any) -> None:
    wheels.add("bad", "def kt_register(registry):\n    registry.tool('half', 'json')\n    raise ValueError")
    assert Plugins(skip_bad=True).registry.names("tool") == []


WRONG_HOOKS = {
    "argument": "from kt import hookimpl\n@hookimpl\ndef kt_resolve(kind, nam): return None",
    "unknown": "from kt import hookimpl\n@hookimpl\ndef kt_resolv(kind, name): return None",
}


@pytest.mark.parametrize(("kind", "cause"), [("argument", "nam"), ("unknown", "kt_resolv")])
async def test_a_wrong_hook_in_an_entry_module_is_named(wheels: Any, kind: str, cause: str) -> None:
    wheels.add("bad", WRONG_HOOKS[kind], version="0.7")
    host = Host(Plugins())
    with pytest.raises(PluginError) as caught:
        await host.start()
    assert caught.value.what.startswith("plugin 'bad' of kt-bad 0.7 does not load: ")
    assert cause in caught.value.what


@pytest.mark.parametrize("kind", WRONG_HOOKS)
async def test_a_wrong_hook_is_an_error_each_time_not_only_the_first(wheels: Any, kind: str) -> None:
    wheels.add("bad", WRONG_HOOKS[kind])
    plugins = Plugins()
    for _ in range(2):
        with pytest.raises(PluginError):
            plugins.resolve("creature", "x")


@pytest.mark.parametrize("kind", WRONG_HOOKS)
async def test_a_wrong_hook_is_skipped_where_bad_plugins_are(wheels: Any, kind: str) -> None:
    wheels.add("bad", WRONG_HOOKS[kind])
    wheels.add("good", "from kt import hookimpl\n@hookimpl\ndef kt_resolve(name): return name.upper()")
    plugins = Plugins(skip_bad=True)
    assert plugins.resolve("creature", "bee") == "BEE"
    assert list(plugins.failed) == ["bad"]


async def test_a_profile_that_names_a_skipped_plugin_builds_without_it(wheels: Any) -> None:
    wheels.add("bad", "raise RuntimeError")
    profile = kt.Profile(plugins={"bad": None})
    agent = await Agent.build({}, llm=ScriptedLLM(), profile=profile, host=Host(Plugins(skip_bad=True)))
    assert list(agent.active) == []


async def test_a_guard_that_was_skipped_is_an_error_all_the_same(wheels: Any) -> None:
    wheels.add("bad", "raise RuntimeError")
    with pytest.raises(kt.errors.ConfigError, match="'bad'"):
        await Agent.build({}, llm=ScriptedLLM(), guards=["bad"], host=Host(Plugins(skip_bad=True)))


SPEC = """
from kt import hookimpl, hookspec
class Specs:
    @hookspec
    async def kt_around_dance(self, agent, dance, next): ...
@hookimpl
def kt_addhooks(manager): manager.add_hookspecs(Specs)
"""


class Dances:
    @kt.hookimpl
    async def kt_around_dance(self, dance: str, next: Any) -> str:
        return f"<{await next(dance)}>"


async def test_a_plugin_may_add_a_hook_that_others_implement(wheels: Any) -> None:
    wheels.add("dance", SPEC)
    agent = await Agent.build({}, llm=ScriptedLLM(), plugins=[Dances], host=Host(Plugins()))

    async def core(dance: str) -> str:
        return dance

    assert await agent.hooks.chain("kt_around_dance", agent, core)("waltz") == "<waltz>"


async def test_a_hook_of_an_absent_plugin_is_unknown(wheels: Any) -> None:
    with pytest.raises(PluginError, match="kt_around_dance"):
        await Agent.build({}, llm=ScriptedLLM(), plugins=[Dances], host=Host(Plugins()))


TERRARIUM, VIVARIUM = "Terrarium", "Vivarium"


def test_names_of_the_library_come_through_kt_api(wheels: Any) -> None:
    wheels.add("vivarium", "class Vivarium: pass", group="kt.api", point="Vivarium = kt_vivarium:Vivarium")
    try:
        assert getattr(kt, VIVARIUM) is sys.modules["kt_vivarium"].Vivarium
    finally:
        vars(kt).pop(VIVARIUM, None)


def test_a_name_whose_plugin_is_absent_says_how_to_get_it(wheels: Any) -> None:
    vars(kt).pop(TERRARIUM, None)
    with pytest.raises(MissingPlugin, match=r"^kt\.Terrarium comes with kt-terrarium: pip install kt-terrarium$"):
        getattr(kt, TERRARIUM)


def test_a_distribution_may_add_folders_behind_all_others(wheels: Any, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "kt_first.py").write_text("SHADOW = True\n")
    wheels.add("first", "SHADOW = False\n")
    wheels.add(
        "places", f"def folders():\n    return [{str(beside)!r}]\n", group="kt.path", point="p = kt_places:folders"
    )
    other = type(wheels)(beside)
    other.add(
        "second", "from kt import hookimpl\n@hookimpl\ndef kt_register(registry):\n    registry.tool('t', 'x:y')\n"
    )
    plugins = Plugins()
    assert {"first", "second"} <= plugins.modules.keys()
    assert plugins.registry.entry("tool", "t").dist == "kt-second"
    assert sys.path[-1] == str(beside)
    assert plugins.modules["first"][1].SHADOW is False
    Plugins()
    assert sys.path.count(str(beside)) == 1
