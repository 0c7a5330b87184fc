"""The library as its users see it: the names of the contract, what building refuses, what results carry."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kt
import pytest
from kt import Agent, tool
from kt.errors import ConfigError, DataError, KTError, MissingPlugin, NotFound, UnknownName, UsageError
from kt.testing import ScriptedLLM, running

pytestmark = pytest.mark.anyio


@tool
def count_words(text: str) -> str:
    """Count the words in a text."""
    return str(len(text.split()))


GENERAL = {"name": "general", "prompt": "You count."}


async def test_the_example_of_the_contract_works(tmp_path: Path) -> None:
    llm = ScriptedLLM([[("count_words", {"text": "a b c"})], "It has 3 words.", "bye"])
    agent = await Agent.build(
        GENERAL, llm=llm, tools=[count_words], pwd=tmp_path, output_type=None, profile=None, plugins=(),
        input=None, outputs=(), triggers=(), subagents=(),
    )  # fmt: skip
    await agent.start()
    result = await agent.run("How many words in the README?", timeout=300)
    assert (result.status, result.text, result.error, result.output) == (kt.Status.ok, "It has 3 words.", None, None)
    assert (result.status, f"{result.status}") == ("ok", "ok")
    assert result.usage.total > 0
    (record,) = result.tool_calls
    assert (record.id, record.name, record.arguments) == ("call_1", "count_words", {"text": "a b c"})
    assert (record.result, record.error) == ("3", None)
    assert record.duration >= 0.0
    assert (result.turns, result.ok, result.exit_code, result.unwrap()) == (2, True, 0, result)
    events = [event async for event in agent.run_stream("...")]
    assert isinstance(events[-1], kt.events.TurnEnded)
    assert (list(agent.tools), agent.pwd, agent.model) == (["count_words"], tmp_path, "scripted")
    await agent.stop()
    with pytest.raises(UsageError, match="'general' is not running"):
        await agent.run("more")


async def test_a_creature_object_is_taken_as_it_is() -> None:
    creature = kt.Creature(name="made", prompt="P")
    llm = ScriptedLLM(["hi"])
    async with await Agent.build(creature, llm=llm) as agent:
        (await agent.run("x")).unwrap()
    assert (agent.creature, llm.requests[0].system) == (creature, "P")


async def test_the_conversation_goes_on_over_runs() -> None:
    llm = ScriptedLLM(["one", "two"])
    async with running(llm) as agent:
        await agent.run("a")
        await agent.run("b")
    assert [m.text for m in llm.requests[1].messages] == ["a", "one", "b"]


def bare_python(code: str) -> str:
    """Return what a Python prints that sees the kernel's source and no installed distribution."""
    source = Path(kt.__file__).parent.parent
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=source, check=True)
    return done.stdout.strip()


def test_importing_kt_imports_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import kt; print(*(set(sys.modules) - before))"
    loaded = set(bare_python(code).split())
    assert "kt" in loaded
    assert not loaded & {"asyncio", "pydantic", "pydantic_core", "pluggy", "typing", "anyio", "importlib.metadata"}


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in dir(kt) if getattr(kt, name, None) is None] == []
    assert {"Agent", "tool", "Context", "Limits", "hookimpl", "Vetoed", "errors", "events"} <= set(dir(kt))


def test_a_name_that_a_missing_plugin_brings_says_how_to_get_it() -> None:
    code = (
        "import kt\ntry:\n    kt.Terrarium\nexcept kt.errors.MissingPlugin as error:\n    print(error, error.exit_code)"
    )
    assert bare_python(code) == "kt.Terrarium comes with kt-terrarium: pip install kt-terrarium 78"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        _ = kt.Agnet
    assert not hasattr(kt, "_nothing")


# What building refuses


async def refused(kind: type[KTError], creature: Any = None, **options: Any) -> KTError:
    with pytest.raises(kind) as caught:
        await Agent.build(GENERAL if creature is None else creature, **{"llm": ScriptedLLM(), **options})
    return caught.value


@pytest.mark.parametrize(
    ("creature", "what", "where", "hint"),
    [
        ({"nam": "x"}, "unknown key 'nam'", "nam", "did you mean name?"),
        ({"prompt-file": "x"}, "unknown key 'prompt-file'", "prompt-file", "did you mean prompt_file"),
        ({"limits": {"max-turns": 3}}, "unknown key 'max-turns'", "limits.max-turns", "max_turns"),
        ({"limits": {"max_turn": 3}}, "unknown key 'max_turn'", "limits.max_turn", "max_turns"),
        ({"variants": {"compact": {"promt": ""}}}, "unknown key 'promt'", "variants.compact.promt", "prompt"),
        ({"name": 3}, "name:", "name", ""),
        ({"limits": {"max_turns": "many"}}, "limits.max_turns", "limits.max_turns", ""),
    ],
)
async def test_a_creature_with_a_wrong_key_or_value_names_it(creature: Any, what: str, where: str, hint: str) -> None:
    error = await refused(DataError, creature)
    assert (error.where, error.exit_code) == (where, 65)
    assert what in error.what
    assert hint in error.hint


async def test_what_is_no_creature_is_a_usage_error() -> None:
    assert "int is no creature" in str(await refused(UsageError, 3))


@pytest.mark.parametrize(
    ("llm", "kind", "words"),
    [
        (None, ConfigError, "no model is chosen"),
        (3, ConfigError, "3 is no model"),
        ("", ConfigError, "no model"),
        ({}, ConfigError, "no model"),
        ("nothing-like-this", UnknownName, "nothing-like-this"),
        ("opnai/gpt", UnknownName, "opnai/gpt"),
        ({"provider": "opnai", "model": "gpt"}, UnknownName, "opnai"),
        ({"temperature": 1}, KTError, "model"),
    ],
)
async def test_a_bad_model_is_refused_with_what_to_do(llm: Any, kind: type[KTError], words: str) -> None:
    error = await refused(kind, llm=llm)
    assert words in error.what
    assert error.hint
    assert error.exit_code == 78


async def test_an_unknown_provider_is_told_with_the_nearest() -> None:
    plugins = kt.Plugins()
    plugins.registry.provider("wonderful", lambda model, options, host: ScriptedLLM())
    host = kt.Host(plugins)
    assert "did you mean wonderful" in (await refused(UnknownName, llm="wonderfull/x", host=host)).hint
    agent = await Agent.build(GENERAL, llm="wonderful/x", host=host)
    assert agent.model == "wonderful/x"


@pytest.mark.parametrize("thing", [3, None, {"name": "x"}, object()])
async def test_what_is_no_tool_is_refused(thing: Any) -> None:
    error = await refused(ConfigError, tools=[thing])
    assert "is no tool" in error.what
    assert "@kt.tool" in error.hint


async def test_an_unknown_tool_is_told_with_the_nearest_and_its_creature() -> None:
    plugins = kt.Plugins()
    plugins.registry.tool("measure", count_words)
    error = await refused(UnknownName, {"name": "c", "tools": ["mesure"]}, host=kt.Host(plugins))
    assert (error.what, error.where) == ("no tool named 'mesure'", "c")
    assert "did you mean measure" in error.hint


async def test_two_tools_of_one_name_are_refused() -> None:
    @tool(name="count_words")
    def other() -> None: ...

    error = await refused(ConfigError, tools=[count_words, other])
    assert (error.what, error.where) == ("two tools are named 'count_words'", "general")


async def test_a_bad_effect_is_refused_where_it_is_written() -> None:
    with pytest.raises(ConfigError, match="effect 'reed' is none of read, idempotent, once"):
        tool(effect="reed")(lambda: None)  # type: ignore[call-overload]


async def test_an_unknown_option_is_told_with_the_nearest() -> None:
    error = await refused(UsageError, tols=[count_words])
    assert error.what == "Agent.build has no option 'tols'"
    assert "tools" in error.hint


async def test_a_guard_is_needed_for_tools_that_execute_or_reach_the_network() -> None:
    shell, fetch = (
        kt.Tool(lambda: "", name=n, needs=kt.ToolNeeds(**{need: ("any",)}))
        for n, need in [("shell", "exec"), ("fetch", "net")]
    )
    error = await refused(ConfigError, tools=[shell, fetch, count_words])
    assert "nothing guards 'shell', 'fetch'" in error.what
    assert "unguarded=True" in error.hint
    await Agent.build(GENERAL, llm=ScriptedLLM(), tools=[shell], unguarded=True)
    await Agent.build(GENERAL, llm=ScriptedLLM(), tools=[shell], guards=[type("Guard", (), {})])
    await Agent.build(
        GENERAL, llm=ScriptedLLM(), tools=[kt.Tool(lambda: "", name="w", needs=kt.ToolNeeds(writes=("$WS",)))]
    )


async def test_a_working_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        error = await refused(NotFound, pwd=path)
        assert (str(path) in error.what, error.exit_code) == (True, 66)


async def test_an_unknown_plugin_is_told_and_no_distribution_made_up() -> None:
    error = await refused(UnknownName, plugins=["bugdet"])
    assert (error.what, error.hint) == ("no plugin named 'bugdet'", "did you mean budget?")


async def test_an_agent_that_was_not_started_does_not_run() -> None:
    agent = await Agent.build(GENERAL, llm=ScriptedLLM())
    for use in (agent.run, agent.run_stream, agent.send):
        with pytest.raises(UsageError, match="'general' is not running"):
            use("x")
    assert not agent.interrupt()
    await agent.stop()


async def test_an_unknown_plugin_of_an_agent_is_missing() -> None:
    async with running([]) as agent:
        with pytest.raises(MissingPlugin, match="plugin 'jobs' is not enabled in 'test'"):
            agent.plugin("jobs")


# What results carry


async def test_unwrap_raises_the_typed_error() -> None:
    async with running([kt.errors.KeyRefused("no key")]) as agent:
        result = await agent.run("x")
        with pytest.raises(kt.errors.KeyRefused, match="no key"):
            result.unwrap()
        assert (result.ok, result.exit_code) == (False, 77)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (kt.errors.ModelError, 1), (kt.errors.ContextTooLong, 1), (kt.errors.TruncatedStream, 1),
        (kt.errors.ProviderDown, 69), (kt.errors.KeyRefused, 77), (kt.errors.UnknownModel, 78),
        (kt.errors.StoreError, 74), (kt.errors.ArgumentsError, 1), (kt.errors.InternalError, 70),
    ],
)  # fmt: skip
async def test_exit_codes_follow_the_error(error: type[KTError], code: int) -> None:
    async with running([error("x")]) as agent:
        result = await agent.run("x")
    assert (type(result.error), result.exit_code, result.status) == (error, code, "failed")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (kt.errors.LimitReached, "limit", 3),
        (kt.errors.TurnTimeout, "timeout", 124),
        (kt.errors.TurnCancelled, "cancelled", 130),
        (kt.errors.Vetoed, "denied", 77),
    ],
)
async def test_statuses_follow_the_error(error: type[KTError], status: str, code: int) -> None:
    async with running([error("x")]) as agent:
        result = await agent.run("x")
    assert (result.status, result.exit_code) == (status, code)


def test_an_error_line_has_code_text_place_and_hint() -> None:
    error = ConfigError("it is\nwrong", where="file:1:2", hint="mend it")
    assert error.line() == "error[E-CONFIG]: it is wrong (file:1:2). hint: mend it"


@dataclass
class Deps:
    shelf: dict[str, str]


async def test_a_tool_gets_the_callers_dependencies_and_its_call_through_the_context(tmp_path: Path) -> None:
    seen: list[Any] = []

    @tool
    async def look_up(ctx: kt.Context[Deps], key: str) -> str:
        """Look a key up."""
        ctx.progress("looking", 0.5)
        seen.append((ctx.call.id, ctx.call.name, ctx.pwd, ctx.agent.name))
        return ctx.deps.shelf[key]

    llm = ScriptedLLM([[("look_up", {"key": "a"}), ("look_up", {"key": "b"})], "done"])
    async with running(llm, tools=[look_up], deps=Deps({"a": "apple"}), pwd=tmp_path) as agent:
        progress: list[tuple[str, str, float | None]] = []
        agent.bus.on(kt.events.ToolProgress, lambda e: progress.append((e.call_id, e.text, e.fraction)))
        result = (await agent.run("x")).unwrap()
    assert [(r.result, r.error) for r in result.tool_calls] == [("apple", None), (None, "KeyError: 'b'")]
    assert seen[0] == ("call_1", "look_up", tmp_path, "test")
    assert progress[0] == ("call_1", "looking", 0.5)
    assert set(look_up.parameters["properties"]) == {"key"}


async def test_parts_with_an_origin_taint_the_agent() -> None:
    def fetch() -> kt.Part:
        return kt.Text("page", origin="web")

    def open_file() -> list[kt.Part]:
        return [kt.Text("mine"), kt.Text("theirs", origin="file")]

    async with running([[("fetch", {})], [("open_file", {})], "done"], tools=[fetch, open_file]) as agent:
        taints: list[frozenset[str]] = []
        agent.bus.on(kt.events.LLMStarted, lambda event: taints.append(agent.taint))
        await agent.run(kt.Text("from afar", origin="channel"))
        assert taints == [{"channel"}, {"channel", "web"}, {"channel", "web", "file"}]


async def test_a_result_with_an_origin_taints_the_agent() -> None:
    def whole() -> kt.ToolResult:
        return kt.ToolResult("", [kt.Text("x")], origin="mcp:server")

    async with running([[("whole", {})], "done"], tools=[whole]) as agent:
        await agent.run("x")
        assert agent.taint == {"mcp:server"}


async def test_two_agents_share_a_host_and_leave_it_open() -> None:
    closed: list[bool] = []

    class Service:
        async def aclose(self) -> None:
            closed.append(True)

    async with kt.Host() as host:
        host.provide(Service())
        async with running(["a"], host=host) as one, running(["b"], host=host) as two:
            results = await asyncio.gather(one.run("x"), two.run("y"))
            assert [r.text for r in results] == ["a", "b"]
        assert closed == []
    assert closed == [True]
