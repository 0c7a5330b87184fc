"""What a call gets: what its tool declares, as far as it is granted; and what is refused where walls are missing."""

from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Context, Tool, ToolCall, ToolNeeds, tool
from kt.errors import ConfigError, UnknownName
from kt.testing import EventRecorder, ScriptedLLM, running
from kt_sandbox import probe
from kt_sandbox.events import SandboxReady
from kt_sandbox.launch import Direct
from kt_sandbox.wants import Want

pytestmark = pytest.mark.anyio


def reader(needs: ToolNeeds) -> Tool:
    @tool(name="reader", needs=needs)
    def read_it(ctx: Context[None], path: str) -> str:
        return ctx.files.read(path).decode()

    return read_it


def writer(needs: ToolNeeds) -> Tool:
    @tool(name="writer", needs=needs)
    def write_it(ctx: Context[None], path: str, text: str = "new") -> str:
        ctx.files.write(path, text.encode())
        return "written"

    return write_it


async def one(pwd: Path, given: Tool, arguments: dict[str, Any], **settings: Any) -> str:
    llm = ScriptedLLM([[(given.name, arguments)], "done"])
    async with running(llm, tools=[given], plugins=[{"sandbox": settings}], unguarded=True, pwd=pwd) as agent:
        (call,) = (await agent.run("go")).tool_calls
    return str(call.result or call.error)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("home/work/sub", "home/.ssh", "home/docs", "outside"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("home/work/a.txt", "home/.ssh/id_rsa", "home/docs/d.txt", "outside/o.txt"):
        (tmp_path / name).write_text(f"text of {name}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home/work"


async def test_a_tool_reads_the_working_folder_unless_it_says_otherwise(work: Path) -> None:
    assert await one(work, reader(ToolNeeds()), {"path": "a.txt"}) == "text of home/work/a.txt"
    outside = await one(work, reader(ToolNeeds(reads=())), {"path": "a.txt"})
    assert outside == "denied: 'a.txt' is outside the working folder"


async def test_a_folder_beside_is_read_where_it_is_granted_and_declared(work: Path) -> None:
    everything = reader(ToolNeeds(reads=("*",)))
    assert "denied" in await one(work, everything, {"path": "~/docs/d.txt"})
    assert await one(work, everything, {"path": "~/docs/d.txt"}, reads=["~/docs"]) == "text of home/docs/d.txt"
    named = reader(ToolNeeds(reads=("@path",)))
    assert await one(work, named, {"path": "~/docs/d.txt"}, reads=["~/docs"]) == "text of home/docs/d.txt"
    own = reader(ToolNeeds(reads=("$WS",)))
    assert "denied" in await one(work, own, {"path": "~/docs/d.txt"}, reads=["~/docs"])


async def test_keys_are_never_read_whatever_is_granted(work: Path) -> None:
    answer = await one(work, reader(ToolNeeds(reads=("*",))), {"path": "~/.ssh/id_rsa"}, reads=["~"])
    assert answer == "denied: '~/.ssh/id_rsa' is protected: no tool may see it"


async def test_a_tool_writes_only_what_it_declares(work: Path) -> None:
    assert await one(work, writer(ToolNeeds(writes=("@path",))), {"path": "b.txt"}) == "written"
    denied = await one(work, writer(ToolNeeds()), {"path": "b.txt"})
    assert denied == "denied: 'b.txt' may only be read by this tool"
    assert await one(work, writer(ToolNeeds(writes=("sub",))), {"path": "sub/c.txt"}) == "written"
    assert "denied" in await one(work, writer(ToolNeeds(writes=("sub",))), {"path": "c.txt"})


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", ".git/config", ".kt/config.toml", "sub/.git/hooks/x"])
async def test_what_git_or_we_would_run_is_never_written(work: Path, path: str) -> None:
    for repository in (work, work / "sub"):
        (repository / ".git/hooks").mkdir(parents=True)
        (repository / ".git/config").write_text("")
    (work / ".kt").mkdir()
    answer = await one(work, writer(ToolNeeds(writes=("*",))), {"path": path}, writes=["~"])
    assert answer == f"denied: {path!r} is protected: no tool may change it"


@pytest.mark.parametrize("path", [".github/workflows/ci.yml", ".envrc", "x.pth", "deep/sitecustomize.py"])
async def test_what_runs_by_itself_is_written_only_after_a_yes(work: Path, path: str) -> None:
    act = writer(ToolNeeds(writes=("@path",)))
    assert "runs by itself" in await one(work, act, {"path": path})
    async with running([], tools=[act], unguarded=True, pwd=work) as agent:
        call = ToolCall("c1", "writer", "", {"path": path})
        walls: Any = agent.sandbox
        assert walls.wants(call) == [Want("write", str(work / path))]
        walls.allow(call, walls.wants(call))
        assert walls.wants(call) == []
        walls.within(call).files.write(path, b"x")
        assert (work / path).read_bytes() == b"x"
        walls.forget(call)
        assert walls.wants(call) != []


async def wants(agent: Agent, name: str, **arguments: Any) -> list[str]:
    walls: Any = agent.sandbox
    return [str(w) for w in walls.wants(ToolCall("c", name, "", arguments))]


async def test_what_a_call_wants_beyond_the_grant(work: Path) -> None:
    def nothing() -> str:
        return ""

    tools = [
        Tool(nothing, name="fetch", needs=ToolNeeds(net=("@url",))),
        Tool(nothing, name="search", needs=ToolNeeds(net=("*",))),
        Tool(nothing, name="read", needs=ToolNeeds(reads=("@path",))),
        Tool(nothing, name="deploy", needs=ToolNeeds(secrets=("DEPLOY_KEY", "OTHER"))),
    ]
    settings = {"sandbox": {"net": ["*.example.com"], "reads": ["~/docs"], "secrets": ["OTHER"]}}
    async with running([], tools=tools, plugins=[settings], unguarded=True, pwd=work) as agent:
        assert await wants(agent, "fetch", url="https://a.example.com/x") == []
        assert await wants(agent, "fetch", url="https://evil.test/x") == ["reach evil.test:443"]
        assert await wants(agent, "search") == ["reach any host"]
        assert await wants(agent, "read", path="a.txt") == []
        assert await wants(agent, "read", path="~/docs/d.txt") == []
        assert await wants(agent, "read", path="/etc/hosts") == ["read /etc/hosts"]
        assert await wants(agent, "deploy") == ["use DEPLOY_KEY"]


@tool(needs=ToolNeeds(exec=("any",), secrets=("*",)))
async def shell(ctx: Context[None], command: str) -> str:
    return (await ctx.exec.run(command)).output


@tool(effect="read", needs=ToolNeeds(exec=("echo",)))
async def named(ctx: Context[None], program: str) -> str:
    return (await ctx.exec.run([program, "hi"])).output


async def test_programs_run_only_as_declared(work: Path) -> None:
    assert await one(work, named, {"program": "echo"}) == "hi\n"
    assert "does not declare that it runs 'cat'" in await one(work, named, {"program": "cat"})


async def test_secrets_reach_programs_by_name_only(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_KEY", "k1")
    monkeypatch.setenv("OTHER_KEY", "k2")
    got = await one(work, shell, {"command": "echo $DEPLOY_KEY/$OTHER_KEY"}, secrets=["DEPLOY_KEY"])
    assert got == "k1/\n"


async def test_the_level_stands_in_the_log_and_in_each_result(work: Path) -> None:
    llm = ScriptedLLM([[("shell", {"command": "true"})], "done"])
    async with await Agent.build({"name": "x"}, llm=llm, tools=[shell], guards=["sandbox"], pwd=work) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        assert agent.history[2].parts[0].x == {"sandbox": agent.sandbox.level}
        assert agent.sandbox.level == probe.best().level
    assert events.of(SandboxReady) == []  # it was recorded at the start, before anybody listened


async def test_where_walls_are_missing_the_turn_ends_and_says_what_to_do(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "best", Direct)
    llm = ScriptedLLM([[("shell", {"command": "echo ran > ran"})], "done"])
    async with await Agent.build({"name": "x"}, llm=llm, tools=[shell], guards=["sandbox"], pwd=work) as agent:
        result = await agent.run("go")
    assert (result.status, result.exit_code) == ("failed", 78)
    assert result.error is not None
    assert result.error.what.startswith("programs need a sandbox of level partial, and this machine has none")
    assert "apt install bubblewrap" in result.error.hint
    assert not (work / "ran").exists()


async def test_without_the_guard_too_nothing_runs_where_walls_are_missing(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "best", Direct)
    assert "programs need a sandbox" in await one(work, shell, {"command": "echo ran > ran"})
    assert not (work / "ran").exists()


async def test_a_backend_that_does_not_exist_or_work_is_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="no sandbox backend named 'bubblewarp'"):
        probe.choose("bubblewarp")
    monkeypatch.setattr(probe, "missing", lambda: {"bubblewrap": "no namespaces", "landlock": ""})
    with pytest.raises(ConfigError, match="the sandbox backend bubblewrap does not work here: no namespaces"):
        probe.choose("bubblewrap")


@pytest.mark.parametrize("bad", [{"require": "most"}, {"net": ["a*b"]}, {"backend": 3}, {"limits": {"memory": 1}}])
async def test_settings_that_do_not_fit_are_refused(work: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        await one(work, shell, {"command": "true"}, **bad)


@pytest.mark.parametrize("folder", ["home", "home/.ssh", "/tmp"])
async def test_no_creature_works_in_a_folder_of_keys_or_of_the_system(work: Path, folder: str) -> None:
    pwd = work.parent.parent / folder
    with pytest.raises(ConfigError, match="no creature can work in"):
        async with running([], tools=[shell], guards=["sandbox"], pwd=pwd):
            pass
    llm = ScriptedLLM([[("shell", {"command": "true"})], "done"])
    async with running(llm, tools=[shell], unguarded=True, pwd=pwd) as agent:
        (call,) = (await agent.run("go")).tool_calls
    assert "no creature can work in" in str(call.error)
