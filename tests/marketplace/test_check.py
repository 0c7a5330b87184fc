"""kt check on an installed pack that is whole, and on the same one with one thing wrong at a time."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import NotFound
from kt_marketplace.check import problems, report
from kt_marketplace.commands.check import main

Edit = Callable[[str, str, str], None]

FILES = {
    "kt_grove/__init__.py": """
from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.tool("acorns", "kt_grove.tools:acorns", help="counts acorns")
    registry.plugin("shade", "kt_grove.plugin:Shade", help="says that it is dark")
    registry.provider("jay", "kt_grove.rest:jay", help="repeats what it is told", key_env="JAY_API_KEY")
    registry.trigger("autumn", "kt_grove.rest:autumn", help="a turn when leaves fall")
    registry.command("grove", "kt_grove.rest:main", help="what is in the grove")
    registry.format("leaf", "kt_grove.rest:leaf", help="files of leaves")
    registry.run_option("season", "kt_grove.rest:season", help="which one it is", metavar="NAME")
    registry.build_option("season", "kt_grove.rest:season", help="which one it is")
    registry.sandbox("hollow", "kt_grove.rest:hollow", help="the inside of a tree")
    registry.profile("dusk", {"plugins": ["shade"]}, help="everything is dark")
    registry.add("chat_command", "leaves", "kt_grove.rest:leaves", help="tells how many leaves there are")
    registry.add("subagent", "squirrel", "kt_grove.rest:SQUIRREL", help="looks for acorns")
    registry.add("doctor", "roots", "kt_grove.rest:roots", help="are there roots?")
    registry.add("skill", "climb", "kt_grove:skills/climb", help="how to climb")
    registry.creature("owl", "kt_grove:creatures/owl", help="sleeps by day")
""",
    "kt_grove/tools.py": """
from kt import Context, ToolNeeds, tool


@tool(effect="read", needs=ToolNeeds(net=("@tree",)))
def acorns(ctx: Context, tree: str) -> str:
    \"\"\"Count the acorns of a tree.\"\"\"
    return "3"
""",
    "kt_grove/plugin.py": """
from dataclasses import dataclass

from kt import hookimpl


@dataclass
class Settings:
    dark: bool = True


class Shade:
    Config = Settings

    def __init__(self, config):
        self.config = config

    @hookimpl
    def kt_prompt(self, agent):
        return "It is dark."
""",
    "kt_grove/rest.py": """
from contextlib import asynccontextmanager

from kt import Message, Text
from kt.errors import DataError

SQUIRREL = {"description": "Looks for acorns", "prompt": "You are a squirrel."}


class Jay:
    async def stream(self, request):
        yield Message("assistant", [Text("caw")], finish="stop")


def jay(model, options, host):
    return Jay()


@asynccontextmanager
async def autumn(agent, *, leaves):
    yield


def main(argv, plugins):
    print("Usage: kt grove")
    return 0


def leaf(text, path):
    raise DataError("no leaf", where=f"{path}:1:1")


def season(plan, value):
    pass


def hollow(agent):
    pass


async def leaves(agent, words):
    return "a thousand"


def roots():
    return [(True, "roots", "they are deep", "")]
""",
    "kt_grove/creatures/owl/creature.yaml": "description: Sleeps by day\nprompt: You are an owl.\ntools: [acorns]\n",
    "kt_grove/terrariums/wood/terrarium.yaml": (
        "terrarium:\n  creatures:\n    - {name: owl, base: '@kt-grove/creatures/owl'}\n  root: owl\n"
    ),
    "kt_grove/skills/climb/SKILL.md": "---\nname: climb\ndescription: How to climb. Use it below a tree.\n---\nUp.\n",
    "kt_grove/prompts/wood.md": "You are in a wood.\n",
    "kt_grove-1.0.dist-info/entry_points.txt": "[kt]\ngrove = kt_grove\n",
    "kt_grove-1.0.dist-info/METADATA": (
        "Metadata-Version: 2.4\nName: kt-grove\nVersion: 1.0\nSummary: A wood\nLicense-Expression: MIT\n"
        "Requires-Dist: kt-core>=0.1\n\n# kt-grove\n"
    ),
}
REGISTERED = {
    "tool": "acorns", "plugin": "shade", "provider": "jay", "trigger": "autumn", "command": "grove", "format": "leaf",
    "run_option": "season", "build_option": "season", "sandbox": "hollow", "profile": "dusk", "chat_command": "leaves",
    "subagent": "squirrel", "doctor": "roots", "skill": "climb", "creature": "owl", "terrarium": "wood",
    "prompt": "wood",
}  # fmt: skip
MANIFEST = """
[pack]
name = "kt-grove"
version = "1.0"
description = "A wood"
kt = ">=0.1,<1"
license = "MIT"
hooks = ["kt_prompt"]
[needs]
net = ["*"]
""" + "".join(f'[[provides]]\nkind = "{kind}"\nname = "{name}"\n' for kind, name in REGISTERED.items())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write the pack where the first Plugins() will find it installed."""
    site = tmp_path / "site"
    for name, text in {**FILES, "kt_grove/kt-pack.toml": MANIFEST}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(site)
    yield site
    for name in [name for name in sys.modules if name.partition(".")[0] == "kt_grove"]:
        del sys.modules[name]


@pytest.fixture
def edit(site: Path) -> Edit:
    def edit(file: str, old: str, new: str) -> None:
        text = (site / file).read_text()
        assert old in text
        (site / file).write_text(text.replace(old, new))

    return edit


def found() -> list[tuple[str, str]]:
    """Return (check, text) of each problem, looking for each fix."""
    given = problems("kt-grove", Plugins(skip_bad=True))
    assert all(problem.fix for problem in given), given
    return [(problem.name, problem.text) for problem in given]


def test_a_pack_that_is_whole_has_no_problem(site: Path) -> None:
    given = report("@kt-grove", Plugins())
    assert [outcome for outcome in given if outcome.problems] == []
    names = {outcome.name for outcome in given}
    assert names >= {f"{kind} {name}" for kind, name in REGISTERED.items() if kind not in ("terrarium", "prompt")}
    assert names >= {"@kt-grove/creatures/owl", "@kt-grove/terrariums/wood", "manifest", "provides", "hooks", "loading"}


MANIFESTS = {
    "name": ('name = "kt-grove"', 'name = "kt-grave"', "its name is kt-grave, the distribution's is kt-grove"),
    "version": ('version = "1.0"', 'version = "1.1"', "its version is 1.1, the distribution's is 1.0"),
    "licence": ('license = "MIT"', 'license = "BSD"', "its licence is BSD, the distribution's is MIT"),
    "range": (">=0.1,<1", ">=7", "its range >=7 does not admit the kernel that runs"),
    "no range": (">=0.1,<1", "new", "kt = 'new' is no range of versions"),
    "unknown key": ("[needs]", "[wants]", "unknown table 'wants'"),
    "no TOML": ("[needs]", "[needs", "broken TOML"),
}


@pytest.mark.parametrize(("old", "new", "says"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_wrong_is_named(edit: Edit, old: str, new: str, says: str) -> None:
    edit("kt_grove/kt-pack.toml", old, new)
    assert [name for name, text in found() if says in text] == ["manifest"]


def test_a_missing_manifest_is_named(site: Path) -> None:
    (site / "kt_grove" / "kt-pack.toml").unlink()
    assert found() == [("manifest", "kt_grove/kt-pack.toml is missing")]


def test_without_a_package_of_its_name_no_reference_finds_it(site: Path) -> None:
    (site / "kt_grove").rename(site / "grove")
    assert ("manifest", "there is no import package kt_grove") in found()


BROKEN = {
    "not listed": ("kt-pack.toml", 'kind = "tool"', 'kind = "format"', "provides", "tool acorns is not listed"),
    "not there": ("kt-pack.toml", 'name = "autumn"', 'name = "winter"', "provides", "trigger winter is listed and"),
    "file not listed": ("kt-pack.toml", 'kind = "prompt"', 'kind = "x"', "provides", "prompt wood is not listed"),
    "listed twice": (
        "kt-pack.toml", '[[provides]]\nkind = "tool"\nname = "acorns"\n',
        '[[provides]]\nkind = "tool"\nname = "acorns"\n' * 2, "provides", "tool acorns is listed 2 times",
    ),
    "hook not listed": ("kt-pack.toml", '"kt_prompt"', "", "hooks", "kt_prompt is implemented and not listed"),
    "hook not there": ("kt-pack.toml", '"kt_prompt"', '"kt_prompt", "kt_save"', "hooks", "kt_save is listed and not"),
    "needs": ("kt-pack.toml", 'net = ["*"]', "", "tool acorns", "it declares net @tree"),
    "heavy import": ("__init__.py", "from kt import", "import json\nfrom kt import", "entry module", "imports json"),
    "own import": ("__init__.py", "from kt import", "from . import tools\nfrom kt import", "entry module", "imports ."),
    "help": ("__init__.py", "counts acorns", "x.", "tool acorns", "its help is 'x.'"),
    "target": ("__init__.py", "tools:acorns", "tools:nuts", "tool acorns", "has no attribute 'nuts'"),
    "no import": ("__init__.py", "from kt import", "import nowhere\nfrom kt import", "loading", "named 'nowhere'"),
    "no docstring": ("tools.py", '    """Count the acorns of a tree."""\n', "", "tool acorns", "does not say what"),
    "other name": ("tools.py", "def acorns", "def nuts", "tool acorns", "has no attribute 'acorns'"),
    "effect": ("tools.py", 'net=("@tree",)', 'writes=("$WS",)', "tool acorns", 'its effect is "read", yet'),
    "unknown hook": ("plugin.py", "kt_prompt", "kt_promt", "plugin shade", "kt_promt"),
    "hook argument": ("plugin.py", "self, agent", "self, agnt", "plugin shade", "agnt"),
    "no class": ("plugin.py", "class Shade:", "Shade = 3\n\n\nclass Tree:", "plugin shade", "3 is no class"),
    "guard": ("plugin.py", "    Config =", "    tier = 'guard'\n    Config =", "plugin shade", "the tier 'guard'"),
    "scope": ("plugin.py", "    Config =", "    scope = 'world'\n    Config =", "plugin shade", "its scope is 'world'"),
    "settings": ("plugin.py", "self, config)", "self)", "plugin shade", "it can't be made of its Config"),
    "no Config": ("plugin.py", "@dataclass\n", "", "plugin shade", "is no dataclass and no pydantic model"),
    "no stream": ("rest.py", "async def stream", "async def flow", "provider jay", "a Jay, does not stream"),
    "provider": ("rest.py", "def jay(model, options, host)", "def jay(model)", "provider jay", "it raises TypeError"),
    "key": ("__init__.py", "JAY_API_KEY", "jay key", "provider jay", "'jay key' is no name of a variable"),
    "trigger": ("rest.py", "@asynccontextmanager\n", "", "trigger autumn", "does not return an async context manager"),
    "trigger's agent": ("rest.py", "autumn(agent, *, leaves)", "autumn(*, leaves)", "trigger autumn", "not the agent"),
    "usage": ("rest.py", "Usage: kt grove", "usage", "command grove", "--help prints 'usage'"),
    "help fails": ("rest.py", 'print("Usage: kt grove")', "1 / 0", "command grove", "ZeroDivisionError"),
    "format": ("rest.py", 'raise DataError("no leaf", where=f"{path}:1:1")', "1 / 0", "format leaf",
               "a broken file raises ZeroDivisionError"),
    "place": ("rest.py", "{path}:1:1", "{path}", "format leaf", "is at 'x.leaf'"),
    "option": ("rest.py", "def season(plan, value)", "def season(plan)", "run_option season", "can't be called with"),
    "run option": ("__init__.py", ', metavar="NAME"', "", "run_option season", "says not whether it takes a value"),
    "sandbox": ("rest.py", "def hollow(agent)", "def hollow()", "sandbox hollow", "can't be called with (agent)"),
    "profile": ("__init__.py", '["shade"]', '["shadow"]', "profile dusk", "there is no plugin 'shadow'"),
    "profile key": ("__init__.py", '{"plugins"', '{"plugin"', "profile dusk", "no key 'plugin'"),
    "slash command": ("rest.py", "async def leaves", "def leaves", "chat_command leaves", "it can't be awaited"),
    "sub-agent": ("rest.py", '"description": "Looks for acorns", ', "", "subagent squirrel", "has no description"),
    "doctor": ("rest.py", '[(True, "roots", "they are deep", "")]', "[(True, 3)]", "doctor roots", "is no row"),
    "doctor fails": ("rest.py", '[(True, "roots", "they are deep", "")]', "1 / 0", "doctor roots", "ZeroDivision"),
    "skill": ("skills/climb/SKILL.md", "name: climb", "name: jump", "texts", "skill climb: SKILL.md has no name"),
    "prompt": ("prompts/wood.md", "You are in a wood.", "", "texts", "prompt wood is empty"),
    "short name": ("__init__.py", "kt_grove:creatures/owl", "kt_grove:owl", "creature owl", "is no creature"),
    "creature": ("creatures/owl/creature.yaml", "[acorns]", "[nuts]", "@kt-grove/creatures/owl", "'nuts'"),
    "creature's key": ("creatures/owl/creature.yaml", "tools:", "tols:", "@kt-grove/creatures/owl", "'tols'"),
    "creature's purpose": (
        "creatures/owl/creature.yaml", "description: Sleeps by day\n", "", "@kt-grove/creatures/owl", "no description",
    ),
    "recipe": ("terrariums/wood/terrarium.yaml", "creatures/owl", "creatures/ow", "@kt-grove/terrariums/wood", "/ow'"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "check", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_named_with_a_fix(edit: Edit, file: str, old: str, new: str, check: str, says: str) -> None:
    edit(f"kt_grove/{file}", old, new)
    assert [(name, text) for name, text in found() if name == check and says in text], found()


def test_a_command_that_fails_ends_with_1_and_one_line_a_check(edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    edit("kt_grove/kt-pack.toml", '"kt_prompt"', "")
    assert main(["kt-grove"], Plugins()) == 1
    out = capsys.readouterr().out
    fix = 'hooks = [..., "kt_prompt"] in kt-pack.toml'
    assert f"\nFAIL hooks: kt_prompt is implemented and not listed. fix: {fix}\n" in out
    assert "\nok   tool acorns: loads and fits its kind\n" in out
    assert main(["kt-grove", "--json"], Plugins()) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"pack": "kt-grove", "ok": False, "name": "hooks", "text": "kt_prompt is implemented and not listed",
            "fix": fix} in rows  # fmt: skip
    assert len(rows) == len(out.splitlines())


def test_a_command_that_finds_nothing_ends_with_0(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kt-grove"], Plugins()) == 0
    assert all(line.startswith("ok   ") for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("target", ["kt-nowhere", "./nowhere", "/nowhere/x.whl", "@", "no name"])
def test_what_is_no_pack_is_not_found(target: str) -> None:
    with pytest.raises(NotFound):
        report(target, Plugins())
