"""kt plugins: what is installed, who wraps whom, what it costs, and which plugins are left out."""

import json
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins
from kt.errors import UnknownName
from kt_cli.left_out import left_out
from kt_cli.measured import Stopwatch, Timing
from kt_cli.running import creature_of
from kt_cli.settings import RunSettings
from kt_cli.timing import imports_of
from kt_marketplace.index.search import official_packs
from kt_quarantine.ledger import settle

HEAVY = {"pydantic", "httpx2", "httpx", "rich", "mcp", "fastapi", "yaml", "pluggy", "anyio"}
LAYERS = """
import asyncio
from kt import ToolNeeds, hookimpl, tool


@tool(needs=ToolNeeds(net=("example.com",), reads=()))
def reach(url: str) -> str:
    "Reach it."
    return url


class Outer:
    tier = "outer"

    @hookimpl
    async def kt_around_llm_call(self, request, next):
        return await next(request)


class Slow:
    @hookimpl
    async def kt_around_llm_call(self, request, next):
        await asyncio.sleep(0.05)
        return await next(request)


class Boom:
    @hookimpl
    async def kt_around_turn(self, turn, next):
        raise ValueError("no luck")


@hookimpl
def kt_register(registry):
    registry.tool("reach", "kt_layers:reach", help="reach out")
    for name in ("Outer", "Slow", "Boom"):
        registry.plugin(name.lower(), f"kt_layers:{name}", help="a layer")
"""


@pytest.fixture
def layers(kt: Any, plugin: Any) -> Any:
    """Install kt-layers, approved, and return the `kt` that has it."""
    plugin("layers", LAYERS)
    kt.home.mkdir(exist_ok=True)
    return kt


def rows(kt: Any, *words: str) -> list[dict[str, Any]]:
    done = kt("plugins", "list", "--json", *words)
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


class TestList:
    """A row for each entry point and each registered thing."""

    def test_a_wheel_brings_its_rows_and_takes_them_along(self, kt: Any, plugin: Any, tmp_path: Path) -> None:
        before = rows(kt)
        plugin("layers", LAYERS)
        own = [row for row in rows(kt) if row["distribution"] == "kt-layers"]
        names = [("entry_point", "layers"), ("plugin", "boom"), ("plugin", "outer"), ("plugin", "slow")]
        assert [(row["kind"], row["name"]) for row in own] == [*names, ("tool", "reach")]
        assert {row["version"] for row in own} == {"1.2"}
        assert [row for row in rows(kt) if row["distribution"] != "kt-layers"] == before
        for item in (tmp_path / "site").iterdir():
            shutil.rmtree(item) if item.is_dir() else item.unlink()
        assert rows(kt) == before

    def test_it_tells_the_profiles_that_enable_a_plugin(self, kt: Any) -> None:
        kt.home.mkdir(exist_ok=True)
        (kt.home / "config.toml").write_text('[profile.ci]\nplugins = ["early"]\nguards = ["permissions"]\n')
        found = {row["name"]: row for row in rows(kt, "--kind", "plugin")}
        assert found["early"]["profiles"] == ["ci", "default"]
        assert found["permissions"]["guard_in"] == ["ci", "default"]
        assert (found["jobs"]["profiles"], found["jobs"]["guard_in"]) == ([], [])

    def test_a_tool_is_imported_for_its_needs_only_where_they_are_asked_for(self, kt: Any, plugin: Any) -> None:
        plugin("layers", LAYERS)
        needs = [
            {row["name"]: row["needs"] for row in rows(kt, "--kind=tool", *more)}["reach"] for more in ([], ["--needs"])
        ]
        assert needs == [None, {"net": ["example.com"]}]

    def test_a_packs_needs_are_those_of_its_manifest(self, kt: Any, plugin: Any, tmp_path: Path) -> None:
        plugin("small", "")
        package = tmp_path / "site" / "kt_small"
        package.mkdir()
        (tmp_path / "site" / "kt_small.py").rename(package / "__init__.py")
        pack = '[pack]\nname = "kt-small"\nversion = "1.2"\ndescription = "small"\nkt = ">=0.1"\n'
        (package / "kt-pack.toml").write_text(f'{pack}[needs]\nnet = ["example.com"]\n')
        (row,) = [row for row in rows(kt, "--kind", "entry_point") if row["name"] == "small"]
        assert (row["help"], row["needs"]) == ("small", {"net": ["example.com"]})
        assert "small" in kt("plugins", "list").out

    def test_a_broken_plugin_is_told_of_and_has_no_rows(self, kt: Any, plugin: Any) -> None:
        plugin("bad", "import nothing_of_that_name\n")
        done = kt("plugins", "list", "--skip-bad-plugins")
        assert done.code == 0
        assert "plugin 'bad' of kt-bad 1.2 does not load" in done.err
        assert "kt-bad" not in done.out

    @pytest.mark.parametrize(
        ("words", "code", "says"),
        [
            (("--kind", "tol"), 78, "did you mean tool"),
            (("--jsn",), 2, "did you mean --json"),
            (("--kind",), 78, "no kind ''"),
        ],
    )
    def test_what_it_does_not_know_is_named(self, kt: Any, words: tuple[str, ...], code: int, says: str) -> None:
        done = kt("plugins", "list", *words)
        assert (done.code, done.out) == (code, "")
        assert says in done.error

    def test_it_imports_nothing_heavy(self, kt: Any) -> None:
        command = [sys.executable, "-X", "importtime", "-m", "kt_cli", "plugins", "list"]
        done = subprocess.run(command, env=kt.env, cwd=kt.folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0
        lines = [line for line in done.stderr.splitlines() if line.startswith("import time")]
        assert {line.rpartition("|")[2].strip().partition(".")[0] for line in lines} & HEAVY == set()


class TestWhy:
    """Every implementation of a hook, in the order of the calls."""

    def test_who_wraps_whom(self, kt: Any, plugin: Any, tmp_path: Path) -> None:
        plugin("layers", LAYERS)
        uses = ("slow", "outer", "no:early", "no:compaction", "no:prices")
        given = ["--creature", "./c.yaml", *(word for use in uses for word in ("-p", use))]
        done = kt("plugins", "why", "kt_around_llm_call", *given)
        assert done.code == 0, done.err
        file = tmp_path / "site" / "kt_layers.py"
        lines = done.out.splitlines()
        assert lines[0] == "kt_around_llm_call  of tester: each wraps those below it"
        assert lines[1] == f"  outer   outer (kt-layers 1.2)  {file}:15"
        assert lines[2] == f"    -> normal  slow (kt-layers 1.2)  {file}:21"
        assert lines[3].startswith("      -> guard   redact (kt-redact 0.1.0)")
        assert lines[4] == "        -> the kernel sends the request to the provider"
        assert len(lines) == 5

    def test_the_call_is_copied_before_the_first_guard(self, kt: Any) -> None:
        lines = [
            line.strip()
            for line in kt("plugins", "why", "kt_around_tool_call", "--creature", "./c.yaml").out.splitlines()
        ]
        (copy,) = [number for number, line in enumerate(lines) if "copies the call" in line]
        assert "guard" not in lines[copy - 1]
        assert lines[copy + 1].startswith("-> guard")
        assert lines[-1] == "-> the kernel runs the tool"

    def test_a_hook_that_nobody_has_is_the_kernels_alone(self, kt: Any) -> None:
        kt.home.mkdir(exist_ok=True)
        (kt.home / "config.toml").write_text("[profile.bare]\n")
        (kt.folder / "plain.toml").write_text('name = "plain"\n')
        said = kt("plugins", "why", "kt_around_turn", "--profile", "bare", "--creature", "./plain.toml").out
        assert said.splitlines()[0] == "kt_around_turn  of plain: no plugin has it"
        assert "the kernel asks the model" in said
        said = kt("plugins", "why", "kt_prompt", "--profile", "bare", "--creature", "./plain.toml").out
        assert "the kernel alone" in said

    @pytest.mark.parametrize(
        ("hook", "line"), [("kt_register", "layers (kt-layers 1.2)"), ("kt_host_lifespan", "redact (kt-redact")]
    )
    def test_hooks_of_entry_modules(self, kt: Any, plugin: Any, hook: str, line: str) -> None:
        plugin("layers", LAYERS)
        done = kt("plugins", "why", hook)
        assert "called on entry modules" in done.out
        assert line in done.out

    def test_pluggy_asks_the_last_module_first(self, kt: Any, plugin: Any) -> None:
        for name in ("aa", "bb"):
            plugin(
                name, f"from kt import hookimpl\n@hookimpl\ndef kt_resolve(kind, name):\n    print('{name}', end=' ')\n"
            )
        shown = [line.split()[2] for line in kt("plugins", "why", "kt_resolve").out.splitlines()[1:]]
        assert shown == kt("run", "./nowhere", "hi").out.split()
        assert sorted(shown) == ["aa", "bb"]

    def test_an_unknown_hook_is_named_with_the_nearest(self, kt: Any) -> None:
        done = kt("plugins", "why", "kt_promt")
        assert done.code == 78
        assert done.error.startswith("error[E-UNKNOWN]: no hook 'kt_promt'")
        assert "kt_prompt" in done.error


class TestTime:
    """What plugins cost, measured."""

    def test_imports_and_hooks_of_one_turn(self, layers: Any) -> None:
        (layers.folder / "plain.toml").write_text('name = "plain"\n')
        done = layers("plugins", "time", "./plain.toml", "-p", "slow", "-p", "outer", "--json")
        assert done.code == 0, done.err
        data = json.loads(done.out)
        hooks = {(row["hook"], row["plugin"]): row for row in data["hooks"]}
        slow = hooks["kt_around_llm_call", "slow (kt-layers 1.2)"]
        assert slow["calls"] == 1
        assert slow["ms"] >= 50
        assert ("kt_around_llm_call", "outer (kt-layers 1.2)") in hooks
        imports = {row["distribution"]: row for row in data["imports"]}
        assert imports["kt-layers"]["entry_ms"] > 0
        assert {"kt-core", "kt-config", "kt-permissions", "python and libraries"} <= imports.keys()
        assert imports["kt-permissions"]["targets_ms"] > 0
        for what in ("imports", "hooks"):
            figures = [row["ms"] for row in data[what]]
            assert figures == sorted(figures, reverse=True)
            assert data[f"{what}_ms"] == pytest.approx(sum(figures))
        assert (data["status"], data["creature"]) == ("ok", "plain")

    def test_a_script_calls_tools(self, kt: Any) -> None:
        script = kt.script([{"tool": "echo", "args": {"text": "hi"}}], "done")
        done = kt("plugins", "time", "./c.yaml", "--scripted", script, "--prompt", "go")
        assert done.code == 0, done.err
        assert "kt_around_tool_call  permissions" in done.out
        assert done.out.splitlines()[-1].endswith("ms, ok")

    def test_a_module_of_the_working_folder_is_not_taken_for_one_of_ours(self, kt: Any) -> None:
        (kt.folder / "typer.py").write_text("raise SystemExit('from the working folder')\n")
        assert kt("plugins", "time", "./c.yaml", "--prompt", "hi").code == 0

    def test_what_fails_in_the_measured_run_fails(self, kt: Any) -> None:
        done = kt("plugins", "time", "./nowhere")
        assert (done.code, done.out) == (66, "")
        assert done.error.startswith("error[E-NOTFOUND]")


class Ticks:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.anyio
async def test_a_hooks_own_time_leaves_out_what_is_inside_next() -> None:
    clock = Ticks()
    stopwatch = Stopwatch(clock)

    async def inner(x: Any) -> Any:
        clock.now += 100
        return x

    async def hook(self: object, x: Any, next: Any) -> Any:
        clock.now += 1
        await next(x)
        clock.now += 2
        return await next(x)

    timed = stopwatch.timed(hook, "kt_around_turn", "p")
    assert await timed(None, x=7, next=inner) == 7
    assert stopwatch.timings == {("kt_around_turn", "p"): Timing(1, 3.0)}


@pytest.mark.anyio
async def test_a_scope_is_timed_at_both_ends_and_sees_what_is_raised_inside() -> None:
    clock, seen = Ticks(), []
    stopwatch = Stopwatch(clock)

    @asynccontextmanager
    async def hook(self: object) -> Any:
        clock.now += 1
        try:
            yield
        except ValueError as error:
            seen.append(error)
            raise
        finally:
            clock.now += 2

    async def use() -> None:
        async with stopwatch.timed(hook, "kt_lifespan", "p")(None):
            clock.now += 100
            raise ValueError("inside")

    with pytest.raises(ValueError):
        await use()
    assert len(seen) == 1
    assert stopwatch.timings["kt_lifespan", "p"].seconds == 3.0


def test_an_import_counts_for_who_is_or_caused_it() -> None:
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:      1000 |       1000 |     json.decoder",
        "import time:      2000 |       3000 |   json",
        "import time:       500 |        500 |     kt.events",
        "import time:      4000 |       7500 | kt_config",
        "import time:      8000 |       8000 | kt_config.profiles",
        "import time:       250 |        250 | site",
    ]
    rows = {row["distribution"]: row for row in imports_of(lines, Plugins())}
    assert rows["kt-config"] == {"distribution": "kt-config", "modules": 4, "entry_ms": 7.0, "targets_ms": 8.0}
    assert rows["kt-core"]["targets_ms"] == 0.5
    assert rows["python and libraries"]["modules"] == 1


class TestQuarantine:
    """What keeps failing is left out, and says so."""

    @pytest.fixture
    def boom(self, kt: Any, layers: Any) -> Any:
        """Return a function that runs the creature with the failing plugin in its file."""
        (kt.home / "config.toml").write_text('[profile.default]\nplugins = ["quarantine"]\n')
        (kt.folder / "c.yaml").write_text("name: tester\nplugins: [boom]\n")
        return lambda *words: kt.play("hi", *words)

    def test_after_three_failing_runs_it_is_left_out_until_it_is_released(self, kt: Any, boom: Any) -> None:
        for _ in range(3):
            done = boom()
            assert (done.code, "left out" in done.err) == (78, False)
        done = boom()
        assert (done.code, done.out) == (0, "Hello there.\n")
        said = "plugin 'boom' of kt-layers 1.2 is left out: it failed in 3 runs in a row, last with ValueError: no luck"
        assert done.err.splitlines() == [f"kt: {said} (kt plugins release boom)"]
        assert "IN QUARANTINE: ValueError: no luck" in kt("plugins", "list", "--kind", "plugin").out
        assert "boom" not in kt("plugins", "why", "kt_around_turn", "--creature", "./c.yaml").out
        assert kt("plugins", "release", "boom").out == "boom (kt-layers 1.2) acts again\n"
        assert boom().code == 78

    def test_it_is_said_once_and_only_where_it_would_have_acted(self, kt: Any, boom: Any) -> None:
        for _ in range(3):
            boom()
        explained = kt("run", "./c.yaml", "--explain", "--model", "nobody/none")
        assert explained.err.count("is left out") == 1
        (kt.folder / "c.yaml").write_text("name: other\n")
        assert boom().err == ""

    def test_what_the_command_line_names_acts(self, kt: Any, boom: Any) -> None:
        for _ in range(3):
            boom()
        done = boom("-p", "boom")
        assert (done.code, "left out" in done.err) == (78, False)

    def test_a_new_version_acts(self, kt: Any, boom: Any, tmp_path: Path) -> None:
        for _ in range(3):
            boom()
        info = tmp_path / "site" / "kt_layers-1.2.dist-info"
        info.rename(info.with_name("kt_layers-1.3.dist-info"))
        kt.approve("kt-layers", "1.3")
        assert boom().code == 78

    def test_a_guard_is_never_left_out(self, kt: Any, boom: Any) -> None:
        for _ in range(3):
            boom()
        (kt.home / "config.toml").write_text('[profile.default]\nplugins = ["quarantine"]\nguards = ["boom"]\n')
        done = boom()
        assert (done.code, "left out" in done.err) == (78, False)
        (kt.home / "config.toml").write_text('[profile.default]\nplugins = ["quarantine"]\n')
        (kt.folder / "c.yaml").write_text("name: tester\nguards: [boom]\n")
        assert boom().code == 78

    def test_a_session_goes_on_without_it_and_then_with_it(self, kt: Any, boom: Any) -> None:
        for _ in range(3):
            boom()
        assert boom("--session", "talk.ktlog").code == 0
        again = ("resume", "./talk.ktlog", "again", "--scripted", "script.json")
        assert "left out" in kt(*again).err
        kt("plugins", "release", "--all")
        assert kt(*again).code == 78

    @pytest.mark.parametrize(("words", "code"), [((), 2), (("boom", "--all"), 2), (("never",), 78)])
    def test_what_can_not_be_released_is_said(self, kt: Any, words: tuple[str, ...], code: int) -> None:
        assert kt("plugins", "release", *words).code == code


TEAM = """
terrarium:
  name: pair
  creatures:
    - name: lead
    - name: coder
      guards: [{guard}]
"""


@pytest.mark.parametrize(("guard", "out"), [("boom", {}), ("redact", {"boom": ""})])
def test_a_guard_of_a_teams_creature_is_never_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: str, out: dict[str, str]
) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    plugins = Plugins()
    plugins.registry.owner = ("kt-x", "1")
    plugins.registry.plugin("boom", object)
    for _ in range(3):
        settle(plugins.registry, {("boom", "kt-x", "1"): "no luck"}, set())
    (tmp_path / "team.yaml").write_text(TEAM.format(guard=guard))
    settings = RunSettings(plugins, cwd=tmp_path, profile=None, use=[])
    settings.creature = str(tmp_path / "team.yaml")
    assert left_out(settings, creature_of(settings), {"profile": "default"}) == out


def test_help_and_unknown_commands(kt: Any) -> None:
    for words in ((), ("--help",)):
        assert kt("plugins", *words).out.startswith("Usage: kt plugins COMMAND")
    for name in ("list", "why", "time", "release"):
        assert kt("plugins", name, "--help").out.startswith(f"Usage: kt plugins {name}")
    done = kt("plugins", "lst")
    assert (done.code, "did you mean list" in done.error) == (2, True)


def hint_for(plugins: Plugins, name: str) -> str:
    with pytest.raises(UnknownName) as caught:
        plugins.registry.entry("plugin", name)
    return caught.value.hint


def test_only_a_pack_that_is_known_to_bring_a_name_is_told_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = Plugins()
    assert hint_for(plugins, "bugdet") == "did you mean budget?"
    plugins.registry.drop("kt-budget")
    assert official_packs()["plugin", "budget"] == "kt-budget"
    assert "install" not in hint_for(plugins, "budget")  # it is installed, and its plugin is not there
    monkeypatch.setattr(sys, "path", [])  # nothing is installed
    assert hint_for(plugins, "budget") == "install it: kt install @kt-budget"
    assert "install" not in hint_for(plugins, "bugdet")
