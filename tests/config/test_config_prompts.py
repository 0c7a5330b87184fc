"""Prompts with {{include FILE}} and {{variable}}, and files of a pack that stay in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import DataError, KTError, NotFound
from kt_config.beside import pack_of
from kt_config.creatures import load

Prompt = Callable[..., str]


@pytest.fixture
def prompt(plugins: Plugins, tmp_path: Path) -> Prompt:
    """Return a function that writes prompt.md and other files and returns the prompt of a creature with it."""

    def prompt(text: str, creature: str = "", **files: str) -> str:
        for name, content in {"prompt": text, **files}.items():
            (tmp_path / f"{name}.md").write_text(content)
        (tmp_path / "owl.yaml").write_text(f"prompt_file: prompt.md\n{creature}")
        return load(plugins, tmp_path / "owl.yaml").prompt

    return prompt


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("I am {{name}}: {{ description }}.", "I am owl: wise."),
        ("{{n}} {{x}} {{yes}} {{a-b}}", "3 1.5 true dash"),
        (r"\{{name}} is \{{ literal", "{{name}} is {{ literal"),
        ("{{include more.md}}!", "More of owl.!"),
        ("{{include more.md}} {{ include more.md }}", "More of owl. More of owl."),
        ("{name} {{}} {{ a b }} {{1}} {%x%} ${HOME} }}{{", "{name} {{}} {{ a b }} {{1}} {%x%} ${HOME} }}{{"),
        ("{{braces}}", "{{name}}"),
    ],
)
def test_forms_are_filled_in_and_other_braces_are_left(prompt: Prompt, text: str, filled: str) -> None:
    creature = "description: wise\nvariables: {n: 3, x: 1.5, 'yes': true, a-b: dash, braces: '{{name}}'}\n"
    assert prompt(text, creature, more="\nMore of {{name}}.\n\n") == filled


def test_a_prompt_in_the_file_and_one_of_a_variant_are_filled_in_too(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "more.md").write_text("more")
    (tmp_path / "c.toml").write_text(
        'prompt = "{{name}} {{include more.md}}"\n[variants.compact]\nprompt = "small {{name}}"\n'
    )
    creature = load(plugins, tmp_path / "c.toml")
    assert (creature.prompt, creature.variants["compact"].prompt) == ("c more", "small c")


def test_variables_may_come_from_the_environment_and_the_base(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY", "Rome")
    (tmp_path / "base.yaml").write_text("variables: {city: '${CITY}', tongue: Latin}\nprompt: '{{city}} {{tongue}}'\n")
    (tmp_path / "child.yaml").write_text("base: ./base.yaml\nvariables: {tongue: Greek}\n")
    assert load(plugins, tmp_path / "child.yaml").prompt == "Rome Greek"


def test_what_is_included_may_include_what_stands_beside_it(prompt: Prompt, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "one.md").write_text("one {{include two.md}}")
    (tmp_path / "far" / "two.md").write_text("two {{include ../three.md}}")
    assert prompt("{{include far/one.md}}", three="three") == "one two three"


@pytest.mark.parametrize(
    ("text", "files", "at", "what", "hint"),
    [
        ("a\nb {{nmae}}", {}, "prompt.md:2:3", "unknown variable 'nmae'", "did you mean name"),
        ("{{PATH}}", {}, "prompt.md:1:1", "unknown variable 'PATH'", ""),
        ("\n\n{{include more.md}}", {"more": "x\n {{oops}}"}, "more.md:2:2", "unknown variable 'oops'", ""),
        ("x {{include none.md}}", {"one": "x"}, "prompt.md:1:3", "none.md'", "did you mean one.md"),
        ('{{include "more.md"}}', {"more": "x"}, "prompt.md:1:1", '"more.md" has quotes', "{{include more.md}}"),
        ("{{include}}", {}, "prompt.md:1:1", "names no file", "{{include FILE}}"),
        ("x {{include .}}", {}, "prompt.md:1:3", "is no file", ""),
        ("{{include more.md}}", {"more": "\n{{include prompt.md}}"}, "more.md:2:1",
         "prompt.md -> more.md -> prompt.md", ""),
        ("{{include @kt-not-there/prompts/x.md}}", {}, "prompt.md:1:1", "no pack 'kt-not-there'", "kt install"),
    ],
)  # fmt: skip
def test_a_mistake_is_placed_in_the_prompt(
    prompt: Prompt, text: str, files: dict[str, str], at: str, what: str, hint: str
) -> None:
    with pytest.raises(KTError) as raised:
        prompt(text, **files)
    assert raised.value.where.endswith(f"/{at}")
    assert what in raised.value.what
    assert hint in raised.value.hint


def test_a_prompt_file_that_is_not_there_is_named_like_any_other_file(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "owl.yaml").write_text("prompt_file: promt.md\n")
    (tmp_path / "prompt.md").write_text("x")
    with pytest.raises(NotFound) as raised:
        load(plugins, tmp_path / "owl.yaml")
    assert raised.value.what == f"no prompt file '{tmp_path}/promt.md'"
    assert (raised.value.where, raised.value.hint) == (f"{tmp_path}/owl.yaml:1:1", "did you mean prompt.md?")


@pytest.mark.parametrize(
    ("creature", "at", "what"),
    [
        ("variables: {a b: x}\n", "owl.yaml:2:13", "'a b' can't be a variable"),
        ("variables: {a: [x]}\n", "owl.yaml:2:13", "variables.a must be text or a number"),
        ("prompt_mode: append\nvariants: {c: {prompt: '{{nmae}}'}}\n", "owl.yaml:3:16", "unknown variable 'nmae'"),
    ],
)
def test_a_mistake_of_the_creature_is_placed_there(prompt: Prompt, creature: str, at: str, what: str) -> None:
    with pytest.raises(DataError, match=what) as raised:
        prompt("x", creature)
    assert raised.value.where.endswith(f"/{at}")


@pytest.mark.parametrize("each", ["", "x" * 1000])
def test_prompts_that_double_without_end_are_refused(prompt: Prompt, each: str) -> None:
    files = {f"f{n}": f"{{{{include f{n + 1}.md}}}}{{{{include f{n + 1}.md}}}}" for n in range(30)}
    with pytest.raises(DataError, match=r"too long|more than 1000"):
        prompt("{{include f0.md}}", **files, f30=each)


class TestPack:
    """A pack on the import path, with a secret beside it."""

    @pytest.fixture(params=["manifest", "package"])
    def pack(self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        root = tmp_path / "site" / "kt_wood"
        (root / "creatures" / "elf").mkdir(parents=True)
        (root / "prompts").mkdir()
        (root / "prompts" / "house.md").write_text("House of {{name}}.")
        (root / "__init__.py").write_text("raise AssertionError('nothing of a pack is imported')\n")
        if request.param == "manifest":
            (root / "kt-pack.toml").write_text("[pack]\n")
        (tmp_path / "site" / "secret.md").write_text("secret")
        (tmp_path / "site" / "secret.yaml").write_text("prompt: secret\n")
        (tmp_path / "site" / "secret.py").write_text("def tool() -> None: ...\n")
        monkeypatch.syspath_prepend(str(root.parent))
        return root

    def test_its_own_files_are_used(self, plugins: Plugins, pack: Path, tmp_path: Path) -> None:
        folder = pack / "creatures" / "elf"
        (folder / "prompt.md").write_text("{{include ../../prompts/house.md}} {{include @kt-wood/prompts/house.md}}")
        (folder / "creature.yaml").write_text(
            "prompt_file: prompt.md\ntools: ['../../tools.py:x']\nsubagents: [../b]\n"
        )
        assert load(plugins, "@kt-wood/creatures/elf").prompt == "House of elf. House of elf."
        (tmp_path / "mine.yaml").write_text("base: '@kt-wood/creatures/elf'\n")
        creature = load(plugins, tmp_path / "mine.yaml")
        assert creature.tools == ("./site/kt_wood/creatures/elf/../../tools.py:x",)
        assert creature.prompt == "House of mine. House of mine."

    @pytest.mark.parametrize(
        "text",
        [
            "prompt_file: ../../../secret.md\n",
            "prompt_file: link.md\n",
            "prompt_file: /etc/hostname\n",
            "prompt_file: ~/x.md\n",
            "prompt: '{{include ../../../secret.md}}'\n",
            "prompt: '{{include link.md}}'\n",
            "prompt: '{{include @kt-wood/../secret.md}}'\n",
            "base: ../../../secret.yaml\n",
            "base: ../../../nothing-there.yaml\n",
            "base: ./link.yaml\n",
            "base: /etc/hosts.yaml\n",
            "tools: ['../../../secret.py:tool']\n",
            "tools: ['./link.py:tool']\n",
            "tools: ['${NO_SUCH_ROOT:/etc}/x.py:tool']\n",
            "subagents: [../../../secret.yaml]\n",
            "subagents: [{name: x, base: ../../../secret.yaml}]\n",
            "subagents: [{name: x, tools: ['../../../secret.py:tool']}]\n",
            "variants: {compact: {tools: ['../../../secret.py:tool']}}\n",
        ],
    )
    def test_no_file_leads_out_of_it(self, plugins: Plugins, pack: Path, tmp_path: Path, text: str) -> None:
        folder = pack / "creatures" / "elf"
        for ending in ("md", "yaml", "py"):
            (folder / f"link.{ending}").symlink_to(pack.parent / f"secret.{ending}")
        (folder / "creature.yaml").write_text(text)
        (tmp_path / "mine.yaml").write_text("base: '@kt-wood/creatures/elf'\n")
        for ref in ("@kt-wood/creatures/elf", folder, tmp_path / "mine.yaml"):
            with pytest.raises(NotFound, match="leads out of its pack") as raised:
                load(plugins, ref)
            assert raised.value.where.startswith(f"{folder}/creature.yaml:1:")

    def test_a_creature_that_is_a_link_out_of_it_is_not_found(self, plugins: Plugins, pack: Path) -> None:
        (pack / "creatures" / "elf" / "creature.yaml").symlink_to(pack.parent / "secret.yaml")
        with pytest.raises(NotFound, match="leads out of its pack"):
            load(plugins, "@kt-wood/creatures/elf")

    def test_a_plain_folder_may_name_any_file(
        self, plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "secret.md").write_text("mine")
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "__init__.py").write_text("")
        (tmp_path / "folder" / "c.yaml").write_text("prompt_file: ../secret.md\n")
        assert load(plugins, tmp_path / "folder" / "c.yaml").prompt == "mine"
        # A working folder that Python searches does not make a package of a project a pack.
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        assert pack_of(tmp_path / "folder" / "c.yaml") is None
        assert load(plugins, tmp_path / "folder" / "c.yaml").prompt == "mine"


@pytest.mark.parametrize("text", ['prompt_file: "a\\0b"\n', "prompt_file: loop/x\n", 'base: "a\\0b"\n'])
def test_what_can_be_no_path_is_told(plugins: Plugins, tmp_path: Path, text: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises((DataError, NotFound)) as raised:
        load(plugins, tmp_path / "c.yaml")
    assert raised.value.where == f"{tmp_path}/c.yaml:1:1"
