"""The commands beside `run`: what they print, what they change, and their exit codes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

PLUGIN = """
from kt import ToolNeeds, hookimpl, tool


@tool(effect="read", needs=ToolNeeds(net=("@url",)))
def fetch(url: str) -> str:
    \"\"\"Fetch a page.\"\"\"
    return url


class Counter:
    pass


@hookimpl
def kt_register(registry):
    registry.tool("fetch-it", "kt_extra:fetch", help="fetches a page")
    registry.plugin("counter", "kt_extra:Counter", help="counts")
"""

FAILING = """
from kt import hookimpl


class Counter:
    @hookimpl
    async def kt_around_turn(self, agent, turn, next):
        raise ValueError("no count")


@hookimpl
def kt_register(registry):
    registry.plugin("counter", "kt_extra:Counter", help="counts")
"""


def test_list_shows_the_creatures_of_packs(kt: Any) -> None:
    out = kt("list").out
    assert "@kt-biome/creatures/general works with files" in " ".join(out.split())
    assert "(kt-biome 0.1.0)" in out
    rows = json.loads(kt("list", "--json").out)
    assert {"@kt-biome/creatures/general", "@kt-biome/creatures/swe"} <= {row["name"] for row in rows}
    assert all(set(row) == {"kind", "name", "help", "distribution", "version"} for row in rows)


def test_list_all_shows_what_is_registered_and_by_whom(kt: Any, plugin: Any) -> None:
    plugin("extra", PLUGIN)
    rows = json.loads(kt("list", "--all", "--json").out)
    (row,) = [row for row in rows if row["name"] == "fetch-it"]
    assert row == {
        "kind": "tool", "name": "fetch-it", "help": "fetches a page", "distribution": "kt-extra", "version": "1.2",
    }  # fmt: skip
    assert {"tool", "plugin", "provider", "command", "format", "creature"} <= {row["kind"] for row in rows}


def test_info_tells_what_a_reference_is(kt: Any, plugin: Any) -> None:
    plugin("extra", PLUGIN)
    general = kt("info", "@kt-biome/creatures/general").out
    assert general.startswith("creature general (")
    assert "tools    read, write, edit" in general
    tool = kt("info", "fetch-it").out
    assert "from kt-extra 1.2, kt_extra:fetch" in tool
    assert "effect read; needs net" in tool
    assert '"url"' in tool
    pack = kt("info", "@kt-extra").out
    assert pack == kt("info", "kt-extra").out
    assert "plugin counter: counts" in pack
    assert kt("info", "./c.yaml").out.startswith(f"creature tester ({kt.folder}/c.yaml)")


def test_info_names_the_tools_that_are_missing(kt: Any) -> None:
    (kt.folder / "c.yaml").write_text("name: lame\ntools: [no-such-tool]\n")
    assert "problem  no tool named 'no-such-tool'" in kt("info", "./c.yaml").out


def test_edit_opens_the_file_of_a_reference(kt: Any) -> None:
    (kt.folder / "editor.py").write_text("import sys; print('edits', sys.argv[1]); sys.exit(7)")
    kt.env["EDITOR"] = f"{sys.executable} editor.py"
    kt.env.pop("VISUAL", None)
    done = kt("edit", "./c.yaml")
    assert done.out == f"edits {kt.folder}/c.yaml\n"
    assert done.code == 7
    kt.env["EDITOR"] = "no-such-editor"
    assert kt("edit", "./c.yaml").error.startswith("error[E-CONFIG]: the editor 'no-such-editor' is not there")


def test_the_default_model_is_set_shown_and_used(kt: Any) -> None:
    assert kt("model", "default").code == 78
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text("# mine\n[models.quick]\nmodel = 'scripted'\n")
    assert kt("model", "default", "quick").code == 0
    assert kt("model", "default").out == "scripted\n"
    assert (kt.home / "config.toml").read_text().startswith('model = "quick"\n# mine\n[models.quick]')
    (kt.folder / "bare.yaml").write_text("name: bare\n")
    assert "scripted demo" in kt("run", "./bare.yaml", "hi").out
    listed = [line.split(None, 1) for line in kt("model", "list").out.splitlines()]
    assert ["default", '{"model": "scripted"}'] in listed
    assert ["quick", '{"model": "scripted"}'] in listed


def test_the_model_can_come_from_the_environment(kt: Any) -> None:
    (kt.folder / "bare.yaml").write_text("name: bare\nllm: nonsense/x\n")
    kt.env["KT_MODEL"] = "scripted"
    assert "scripted demo" in kt("run", "./bare.yaml", "hi").out
    assert "model     scripted\n" in kt("run", "./bare.yaml", "--explain").out


def checks(done: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(done.out)["checks"]}


def test_the_doctor_finds_a_healthy_installation_healthy(kt: Any) -> None:
    kt("model", "default", "scripted")
    done = kt("doctor", "./c.yaml", "--ping")
    assert [line for line in done.out.splitlines() if not line.startswith(("ok   ", "note "))] == []
    assert done.code == 0
    assert f"ok   creature ./c.yaml: {kt.folder}/c.yaml: 4 tools" in done.out
    assert "ok   ping: scripted answered in" in done.out
    (keyless,) = [line for line in done.out.splitlines() if line.startswith("note no key of: ")]
    assert ", openai, " in keyless
    assert keyless.endswith(". fix: kt login PROVIDER")


def test_the_doctor_names_what_is_wrong_and_its_fix(kt: Any, plugin: Any) -> None:
    plugin("bad", "import nothing_of_that_name\n")
    (kt.folder / "c.yaml").write_text("tols: []\n")
    done = kt("doctor", "./c.yaml", "--json")
    found = checks(done)
    assert done.code == 1
    bad = found["plugin bad"]
    assert bad["ok"] is False
    assert "kt-bad 1.2" in bad["what"]
    assert "ModuleNotFoundError" in bad["what"]
    assert "kt uninstall kt-bad" in bad["hint"]
    assert found["creature ./c.yaml"]["hint"] == "did you mean tools?"
    assert found["default model"]["ok"] is False
    assert found["python"]["ok"] is True


def test_the_doctor_goes_on_where_the_settings_are_broken(kt: Any) -> None:
    kt.home.mkdir()
    (kt.home / "config.toml").write_text("model = \n")
    kt.env["KT_INDEX"] = str(kt.folder / "nowhere")
    done = kt("doctor", "./c.yaml", "--json")
    found = checks(done)
    assert done.code == 1
    assert [name for name, row in found.items() if row["ok"] is False] == ["settings"]
    assert "config.toml:1:9" in found["settings"]["what"]
    assert found["creature ./c.yaml"]["ok"] is True
    assert "no index at" in found["source index1"]["what"]


def test_the_doctor_tells_of_plugins_in_quarantine(kt: Any, plugin: Any) -> None:
    plugin("extra", FAILING)
    for _ in range(3):
        kt.play("hi", "-p", "counter")
    found = checks(kt("doctor", "--json"))
    assert found["plugin counter"]["what"].startswith("in quarantine, it failed 3 times, last with ")
    assert found["plugin counter"]["hint"] == "kt plugins release counter"


@pytest.mark.parametrize(
    "words", ["context", "doctor", "edit", "info", "list", "new", "resume", "run", "schema", "trust", "model default",
              "plugins list", "profile list", "config key list"]
)  # fmt: skip
def test_every_command_has_a_short_option_for_its_help(kt: Any, words: str) -> None:
    done = kt(*words.split(), "-h")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: kt {words.split()[0]}")


def test_help_of_a_command_is_that_commands_help(kt: Any) -> None:
    assert kt("help", "run").out == kt("run", "--help").out
    assert kt("help", "model", "list").out == kt("model", "list", "--help").out
    assert kt("help").out == kt("--help").out
    assert kt("help", "rnu").code == 2


def test_the_doctor_loads_what_is_registered(kt: Any, plugin: Any) -> None:
    plugin(
        "lazy",
        "from kt import hookimpl\n@hookimpl\ndef kt_register(registry):\n    registry.tool('x', 'kt_lazy:gone')\n",
    )
    found = checks(kt("doctor", "--json"))
    assert "kt-lazy 1.2 does not load" in found["tool x"]["what"]


def test_the_doctor_sees_a_key_but_does_not_show_it(kt: Any) -> None:
    kt.env["OPENAI_API_KEY"] = "sk-secret-value"
    done = kt("doctor", "--json")
    assert checks(done)["key of openai"]["ok"] is True
    assert "sk-secret" not in done.out + done.err


def test_trust_is_for_the_folder(kt: Any) -> None:
    (kt.folder / "below").mkdir()
    done = kt("trust")
    assert done.out == f"{kt.folder} is trusted\n"
    assert list(json.loads((kt.home / "trusted.json").read_text())) == [str(kt.folder)]


@pytest.mark.parametrize("words", [("install", "--help"), ("uninstall", "--help"), ("model", "--help"), ("help",), ()])
def test_help_is_no_error(kt: Any, words: tuple[str, ...]) -> None:
    done = kt(*words)
    assert (done.code, done.err) == (0, "")
    assert "usage: kt" in done.out.lower()


class TestExplain:
    """--explain prints what would act, asks no model, and needs none."""

    def explain(self, kt: Any, *words: str) -> list[str]:
        done = kt("run", "./c.yaml", "--explain", *words)
        assert done.code == 0, done.err
        return [" ".join(line.split()) for line in done.out.splitlines()]

    def test_it_names_everything_that_acts(self, kt: Any) -> None:
        lines = self.explain(kt, "--max-turns", "5")
        assert f"creature tester ({kt.folder}/c.yaml)" in lines
        assert f"folder {kt.folder}" in lines
        assert "profile default" in lines
        assert lines.index("normal skills (kt-skills 0.1.0)") < lines.index("guard permissions (kt-permissions 0.1.0)")
        assert "echo read" in lines
        assert "launch once needs net @program" in lines
        assert "limits max_turns 5" in lines
        assert any(line.startswith("model default (no default model is set") for line in lines)

    def test_the_command_line_and_the_environment_change_the_set(self, kt: Any) -> None:
        kt.env["KT_PLUGINS"] = "jobs, no:skills"
        lines = self.explain(kt, "--model", "scripted")
        assert "normal jobs (kt-jobs 0.1.0)" in lines
        assert not [line for line in lines if "skills" in line]
        assert "model scripted" in lines
        assert "normal jobs (kt-jobs 0.1.0)" not in self.explain(kt, "-p", "no:jobs")

    def test_the_settings_of_a_folder_that_is_not_trusted_are_named(self, kt: Any) -> None:
        (kt.folder / ".kt").mkdir()
        (kt.folder / ".kt" / "config.toml").write_text('[profile.default]\nplugins = ["jobs"]\n')
        assert f"ignored {kt.folder}/.kt/config.toml (the folder is not trusted: kt trust)" in self.explain(kt)
        kt("trust")
        lines = self.explain(kt)
        assert not [line for line in lines if line.startswith("ignored")]
        assert "normal jobs (kt-jobs 0.1.0)" in lines

    def test_a_problem_that_is_not_the_models_is_an_error(self, kt: Any) -> None:
        assert kt("run", "./c.yaml", "--explain", "-p", "nonsense").code == 78


def test_a_guard_can_be_taken_away_only_by_the_user(kt: Any, tmp_path: Path) -> None:
    launch = {"tool": "launch", "args": {"program": "x"}}
    done = kt.play("hi", "-p", "no:permissions", "-p", "no:sandbox", steps=(launch, "unreachable"))
    assert "nothing guards 'launch'" in done.error
    (kt.folder / "c.yaml").write_text("plugins: ['no:permissions']\n")
    assert "a creature can't disable a plugin" in kt.play("hi").error
