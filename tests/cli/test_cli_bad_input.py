"""Each bad input ends with its own exit code, one line on stderr that says what to do, and no traceback."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

HOME = "HOME/config.toml"


class Row(NamedTuple):
    """What is written to files, the command line, and what must come of it."""

    words: tuple[str | bytes, ...]
    code: int
    name: str
    says: tuple[str, ...]
    files: Mapping[str, str] = MappingProxyType({})


def run(*words: str | bytes) -> tuple[str | bytes, ...]:
    return ("run", "./c.yaml", *words, "--scripted", "script.json")


ROWS = {
    "unknown command": Row(("rnu",), 2, "E-USAGE", ("'rnu'", "did you mean run")),
    "unknown option": Row(("run", "--modle", "x"), 2, "E-USAGE", ("--modle", "--model")),
    "unknown option of list": Row(("list", "--jsn"), 2, "E-USAGE", ("--jsn", "--json")),
    "missing argument": Row(("info",), 2, "E-USAGE", ("kt info --help",)),
    "too many words": Row(run("a", "b"), 2, "E-USAGE", ("kt run --help",)),
    "missing file": Row(("run", "./d.yaml", "hi"), 66, "E-NOTFOUND", ("./d.yaml", "did you mean c.yaml")),
    "name too long": Row(("run", "./" + "a" * 300, "hi"), 66, "E-NOTFOUND", ("no creature",)),
    "unknown home": Row(("run", "~nobody-here/c.yaml", "hi"), 66, "E-NOTFOUND", ("~nobody-here",)),
    "folder without creature": Row(
        ("run", "./sub", "hi"), 66, "E-NOTFOUND", ("creature.yaml",), {"sub/notes.txt": "no creature"}
    ),
    "unknown pack": Row(
        ("run", "@kt-biom/creatures/general", "hi"), 66, "E-NOTFOUND", ("did you mean kt-biome", "kt install @kt-biom")
    ),
    "unknown creature of a pack": Row(
        ("run", "@kt-biome/creatures/genral", "hi"), 66, "E-NOTFOUND", ("'creatures/genral'", "did you mean general")
    ),
    "out of a pack": Row(("run", "@kt-biome/../kt_cli", "hi"), 66, "E-NOTFOUND", ("leads out of its pack",)),
    "tool file missing": Row(
        run("hi"), 66, "E-NOTFOUND", ("no_such.py", "c.yaml"), {"c.yaml": 'tools: ["./no_such.py:x"]\n'}
    ),
    "tool that does not load": Row(
        run("hi"), 78, "E-CONFIG", ("./broken.py:x", "ZeroDivisionError", "c.yaml"),
        {"c.yaml": 'tools: ["./broken.py:x"]\n', "broken.py": "1 / 0\n"},
    ),
    "unknown provider": Row(
        ("run", "./c.yaml", "hi", "--model", "scriptd/x"), 78, "E-UNKNOWN", ("'scriptd/x'", "did you mean scripted")
    ),
    "unknown plugin": Row(run("hi", "-p", "skils"), 78, "E-UNKNOWN", ("'skils'", "hint: did you mean skills?")),
    "unknown plugin of a creature": Row(
        run("hi"), 78, "E-UNKNOWN", ("'skils'", "did you mean skills"), {"c.yaml": "plugins: [skils]\n"}
    ),
    "unknown setting of a plugin": Row(
        run("hi"), 78, "E-PLUGIN", ("'permissions' has no setting 'mod'", "did you mean mode"),
        {HOME: '[profile.default]\n[profile.default.config.permissions]\nmod = "ask"\n'},
    ),
    "wrong setting of a plugin": Row(
        run("hi"), 78, "E-PLUGIN", ("'mode'", "'permissions'"),
        {HOME: '[profile.default]\n[profile.default.config.permissions]\nmode = "aks"\n'},
    ),
    "unknown profile": Row(run("hi", "--profile", "defalt"), 78, "E-UNKNOWN", ("'defalt'", "did you mean default")),
    "broken YAML": Row(run("hi"), 65, "E-DATA", ("broken YAML", "c.yaml:3:1"), {"c.yaml": "name: x\ntools: [a, b\n"}),
    "broken TOML": Row(
        ("run", "./c.toml", "hi"), 65, "E-DATA", ("broken TOML", "c.toml:2:10"), {"c.toml": 'name = "x"\ntools = [a]\n'}
    ),
    "unknown key in YAML": Row(
        run("hi"), 65, "E-DATA", ("'tols'", "c.yaml:2:1", "did you mean tools"), {"c.yaml": "name: x\ntols: []\n"}
    ),
    "unknown key below in YAML": Row(
        run("hi"), 65, "E-DATA", ("'max_turn'", "c.yaml:3:3", "did you mean max_turns"),
        {"c.yaml": "name: x\nlimits:\n  max_turn: 3\n"},
    ),
    "unknown key in TOML": Row(
        ("run", "./c.toml", "hi"), 65, "E-DATA", ("'max_turn'", "c.toml:3:1", "did you mean max_turns"),
        {"c.toml": 'name = "x"\n[limits]\nmax_turn = 3\n'},
    ),
    "wrong type": Row(run("hi"), 65, "E-DATA", ("tools", "c.yaml:2:1"), {"c.yaml": "name: x\ntools: 3\n"}),
    "key twice": Row(run("hi"), 65, "E-DATA", ("'name' stands twice", "c.yaml:2:1"), {"c.yaml": "name: x\nname: y\n"}),
    "not a mapping": Row(run("hi"), 65, "E-DATA", ("mapping", "c.yaml:1:1"), {"c.yaml": "- name\n"}),
    "variable not set": Row(
        run("hi"), 65, "E-DATA", ("NOT_SET_HERE", "c.yaml:1:1"), {"c.yaml": "prompt: ${NOT_SET_HERE}\n"}
    ),
    "no plugin for the format": Row(("run", "./c.ini", "hi"), 78, "E-CONFIG", (".ini", "c.ini"), {"c.ini": "x"}),
    "configuration too large": Row(
        run("hi"), 65, "E-DATA", ("too large", "c.yaml"), {"c.yaml": "name: x\n" + "# filler\n" * 130_000}
    ),
    "unknown key in the user's settings": Row(
        run("hi"), 65, "E-DATA", ("'modle'", "config.toml:1:1", "did you mean model"), {HOME: 'modle = "x"\n'}
    ),
    "wrong type in the user's settings": Row(
        run("hi"), 65, "E-DATA", ("profile.default.plugins", "config.toml:2:1"),
        {HOME: "[profile.default]\nplugins = 3\n"},
    ),
    "profiles in a circle": Row(
        run("hi", "--profile", "a"), 65, "E-DATA", ("a -> b -> a", "config.toml:4:1"),
        {HOME: '[profile.a]\nextends = "b"\n[profile.b]\nextends = "a"\n'},
    ),
    "script missing": Row(("run", "./c.yaml", "hi", "--scripted", "no.yaml"), 66, "E-NOTFOUND", ("no.yaml",)),
    "script broken": Row(
        ("run", "./c.yaml", "hi", "--scripted", "bad.yaml"), 65, "E-DATA", ("bad.yaml:2:3",),
        {"bad.yaml": "- hello\n- 3\n"},
    ),
    "no key": Row(
        ("run", "./c.yaml", "hi", "--model", "openai/gpt-x"), 78, "E-CONFIG", ("OPENAI_API_KEY", "kt run --local")
    ),
    "nobody there": Row(
        ("run", "./c.yaml", "hi", "--model", "openai-compat:http://127.0.0.1:9/v1#m"), 69, "E-DOWN",
        ("127.0.0.1:9", "attempts"),
    ),
    "no model chosen": Row(("run", "./c.yaml", "hi"), 78, "E-CONFIG", ("no model is chosen", "kt run --local")),
    "no folder": Row(run("hi", "--cwd", "nowhere"), 66, "E-NOTFOUND", ("'nowhere'", "--cwd")),
    "empty prompt": Row(run(""), 65, "E-DATA", ("the prompt is empty",)),
    "blank prompt": Row(run(" \n "), 65, "E-DATA", ("the prompt is empty",)),
    "prompt that is not UTF-8": Row(run(b"caf\xe9"), 65, "E-DATA", ("not UTF-8 (byte 3)",)),
    "output": Row(run("hi", "--output", "xml"), 2, "E-USAGE", ("xml", "stream-json")),
    "mode": Row(run("--mode", "gui"), 2, "E-USAGE", ("gui", "plain")),
    "mode with a prompt": Row(run("hi", "--mode", "plain"), 2, "E-USAGE", ("--mode",)),
    "surface without a terminal": Row(
        run("--mode", "tui"), 2, "E-USAGE", ("needs a terminal", "--mode plain goes without")
    ),
    "permissions": Row(run("hi", "--permissions", "none"), 2, "E-USAGE", ("none", "accept-edits")),
    **{
        f"{option} {value[:8]}": Row(run("hi", option, value), 2, "E-USAGE", (option,))
        for option, value in (
            ("--time-limit", "0"),
            ("--time-limit", "-1"),
            ("--time-limit", "nan"),
            ("--time-limit", "inf"),
            ("--max-turns", "0"),
            ("--max-turns", "1" + "0" * 400),
            ("--max-tokens", "-3"),
            ("--max-tokens", "many"),
        )
    },
    "nobody to edit with": Row(("edit", "./c.yaml"), 78, "E-CONFIG", ("EDITOR",)),
    "nothing of that name": Row(("info", "skils"), 66, "E-NOTFOUND", ("'skils'", "did you mean skills")),
    "trust of no folder": Row(("trust", "nowhere"), 66, "E-NOTFOUND", ("nowhere",)),
    "default model of no provider": Row(
        ("model", "default", "opnai/gpt"), 78, "E-UNKNOWN", ("'opnai'", "did you mean openai")
    ),
    "unknown command of model": Row(("model", "defualt"), 2, "E-USAGE", ("defualt", "did you mean default")),
    "kind of scaffold": Row(("new", "terarium", "x"), 2, "E-USAGE", ("terarium",)),
    "name of a scaffold": Row(("new", "tool", "Not A Name"), 2, "E-USAGE", ("Not A Name",)),
    "keyword as a name": Row(("new", "tool", "class"), 2, "E-USAGE", ("'class'",)),
    "scaffold that is there": Row(("new", "creature", "sub"), 73, "E-CREATE", ("'sub'",), {"sub/x": ""}),
    "install of nothing": Row(("install",), 2, "E-USAGE", ("kt install --help",)),
    "install of what no index has": Row(("install", "kt-nothing"), 66, "E-NOTFOUND", ("no distribution kt-nothing",)),
    "uninstall of kt": Row(("uninstall", "kt-core"), 2, "E-USAGE", ("kt-core",)),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_bad_input_is_named_with_what_to_do(kt: Any, name: str) -> None:
    row = ROWS[name]
    kt.script("Hello there.")
    for path, text in row.files.items():
        file = kt.home / "config.toml" if path == HOME else kt.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    kt.env.pop("EDITOR", None)
    kt.env.pop("VISUAL", None)
    (kt.folder / "uv.toml").write_text("[pip]\nno-index = true\n")
    kt.env["UV_CONFIG_FILE"] = "uv.toml"
    done = kt(*row.words)
    assert done.error.startswith(f"error[{row.name}]: "), done.err
    assert [says for says in row.says if says not in done.error] == []
    assert done.code == row.code
    assert done.out == ""


def test_an_unknown_tool_is_named_with_the_nearest(kt: Any, plugin: Callable[..., None]) -> None:
    plugin("m", "from kt import hookimpl\n@hookimpl\ndef kt_register(registry):\n    registry.tool('measure', 'm:m')\n")
    (kt.folder / "c.yaml").write_text("tools: [mesure]\n")
    done = kt.play("hi")
    where = f"{kt.folder}/c.yaml:1:9"
    assert done.error == f"error[E-UNKNOWN]: no tool named 'mesure' ({where}). hint: did you mean measure?"
    assert done.code == 78


def test_without_a_model_all_ways_are_named(kt: Any) -> None:
    done = kt("run", "./c.yaml", "hi")
    for way in ("kt run --local", "1.1 GB", "OPENAI_API_KEY", "openai-compat:", "--model scripted"):
        assert way in done.err


def test_a_key_that_is_set_is_pointed_at_but_never_shown(kt: Any) -> None:
    kt.env["OPENAI_API_KEY"] = "sk-secret-value"
    done = kt("run", "./c.yaml", "hi")
    assert "Found OPENAI_API_KEY (environment): kt model default openai-responses/" in done.err
    assert "sk-secret" not in done.err + done.out
    assert done.code == 78


@pytest.mark.parametrize(("mode", "name"), [("tui", "tui"), ("cli", "inline")])
def test_a_surface_that_is_not_installed_is_named(kt: Any, plugin: Callable[..., None], mode: str, name: str) -> None:
    plugin(name, "")
    done = kt.play("--mode", mode)
    assert done.error.startswith(f"error[E-CONFIG]: --mode {mode} comes with kt-{name}. hint: pip install kt-{name}")
    assert done.code == 78


def test_three_malformed_calls_end_the_turn(kt: Any) -> None:
    bad = {"tool": "echo", "args": {"txt": "x"}}
    done = kt.play("hi", "--output", "json", steps=(bad, bad, bad, "unreachable"))
    assert done.code == 1
    assert done.result["error"]["code"] == "E-ARGS"
    assert len(done.result["tool_calls"]) == 3


def test_the_script_of_a_failing_model_fails_the_turn(kt: Any) -> None:
    done = kt.play("hi", steps=())
    assert done.error.startswith("error[E-MODEL]: the script ended after 0 steps")
    assert done.code == 1


def test_a_turn_that_a_plugin_refuses_is_denied(kt: Any, plugin: Callable[..., None]) -> None:
    plugin(
        "stern",
        "from kt import Vetoed, hookimpl\n"
        "class Stern:\n"
        "    @hookimpl\n"
        "    async def kt_around_turn(self, turn, next):\n"
        "        raise Vetoed('not on Sundays')\n"
        "@hookimpl\n"
        "def kt_register(registry):\n"
        "    registry.plugin('stern', 'kt_stern:Stern')\n",
    )
    done = kt.play("hi", "-p", "stern", "--output", "json")
    assert done.code == 77
    assert done.result["status"] == "denied"
    assert "not on Sundays" in done.error


def test_a_control_sequence_of_an_error_does_not_reach_the_terminal(kt: Any) -> None:
    done = kt("run", "./\x1b[2Jevil.yaml", "hi")
    assert "\x1b" not in done.err
    assert done.code == 66


@pytest.mark.parametrize("below", ["", "/below"])
@pytest.mark.parametrize(
    "words",
    [("marketplace", "list"), ("model", "default", "scripted"), ("rollback",), ("plugins", "release", "x")],
    ids=lambda words: words[0],
)
def test_a_home_that_can_not_be_is_told_by_its_path(kt: Any, words: tuple[str, ...], below: str) -> None:
    kt.home.write_text("a file, and no folder")
    kt.env["KT_HOME"] = f"{kt.home}{below}"
    done = kt(*words)
    assert done.code == 74
    assert done.error.startswith(f"error[E-IO]: can't read or write {kt.home}")
    assert done.error.endswith("hint: KT_HOME names the folder of kt's own files")
