"""SKILL.md: what fits and what does not, by a table, by the reference validator, and for any text at all."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt.errors import DataError, KTError, Vetoed
from kt_skills.folder import files_of, read_bytes
from kt_skills.prompt import MAX_CHARACTERS, skill_lines
from kt_skills.skill import Skill, load

GOOD = {
    "the least": "name: pdf\ndescription: d",
    "all keys": "name: pdf\ndescription: d\nlicense: MIT\ncompatibility: needs git\nmetadata:\n  version: '1'\n"
    "allowed-tools: Read Bash(git:*)",
    "a folded description": "name: pdf\ndescription: >-\n  reads\n  pages",
    "quotes": "name: \"pdf\"\ndescription: 'use it: now'",
    "1,024 characters": f"name: pdf\ndescription: {'d' * 1024}",
    "500 characters": f"name: pdf\ndescription: d\ncompatibility: {'c' * 500}",
    "comments": "# ours\nname: pdf # the name\n\ndescription: d",
    "a number of a version": "name: pdf\ndescription: d\nmetadata:\n  version: 1.10",
    "what YAML 1.1 takes for a bool": "name: pdf\ndescription: yes",
    "an empty value": "name: pdf\ndescription: d\nlicense:",
    "a list of tools": "name: pdf\ndescription: d\nallowed-tools:\n  - Read\n  - Bash(git add:*)",
}
BAD: dict[str, tuple[str, str]] = {
    "no name": ("description: d", "it has no name"),
    "an empty name": ("name: ''\ndescription: d", "it has no name"),
    "no description": ("name: pdf", "it has no description"),
    "an empty description": ("name: pdf\ndescription: '  '", "it has no description"),
    "a long description": (f"name: pdf\ndescription: {'d' * 1025}", "description has 1,025 characters, 1,024 are"),
    "a long compatibility": (f"name: pdf\ndescription: d\ncompatibility: {'c' * 501}", "compatibility has 501"),
    "another name": ("name: doc\ndescription: d", "'doc' is not that of its folder, 'pdf'"),
    "capitals": ("name: Pdf\ndescription: d", "must be lower-case letters, digits and single hyphens"),
    "a hyphen first": ("name: -pdf\ndescription: d", "single hyphens"),
    "a hyphen last": ("name: pdf-\ndescription: d", "single hyphens"),
    "two hyphens": ("name: p--df\ndescription: d", "single hyphens"),
    "an underscore": ("name: p_df\ndescription: d", "single hyphens"),
    "a path": ("name: ../pdf\ndescription: d", "single hyphens"),
    "a long name": (f"name: {'p' * 65}\ndescription: d", "name has 65 characters"),
    "another key": ("name: pdf\ndescription: d\nversion: 1", r"unknown key 'version' \(.*SKILL.md:4:1\)"),
    "a key twice": ("name: pdf\ndescription: d\nname: pdf", r"'name' stands twice \(.*SKILL.md:4:1\)"),
    "broken YAML": ("name: pdf\ndescription: use when: now", r"broken YAML: .* \(.*SKILL.md:3:22\)"),
    "a list": ("- name: pdf", "must hold keys and values"),
    "nothing": ("", "must hold keys and values"),
    "a name that is a list": ("name: [pdf]\ndescription: d", "name must be a text"),
    "tools that are a map": ("name: pdf\ndescription: d\nallowed-tools: {a: b}", "allowed-tools must be"),
    "metadata that is a text": ("name: pdf\ndescription: d\nmetadata: x", "metadata must be a map of texts"),
    "metadata that is deep": ("name: pdf\ndescription: d\nmetadata: {a: {b: c}}", "only texts may stand here"),
    "metadata twice": ("name: pdf\ndescription: d\nmetadata: {a: b, a: c}", "a key in it stands twice"),
    "a key that is a list": ("name: pdf\ndescription: d\n[x]: y", "only texts may stand here"),
    "a control character": ("name: pdf\ndescription: d\x07", "broken YAML"),
    "brackets without end": ("name: pdf\ndescription: " + "[" * 5000, "broken YAML"),
}


def written(tmp_path: Path, text: str, name: str = "pdf") -> Path:
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    (folder / "SKILL.md").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_what_fits_is_read(fields: str, tmp_path: Path) -> None:
    skill = load(written(tmp_path, f"---\n{fields}\n---\n# Pages\n\n---\nend\n"))
    assert (skill.name, skill.body, skill.folder) == ("pdf", "# Pages\n\n---\nend", tmp_path / "pdf")
    assert skill.description


@pytest.mark.parametrize(("fields", "why"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused_with_a_reason(fields: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=why) as refused:
        load(written(tmp_path, f"---\n{fields}\n---\nBody.\n"))
    assert refused.value.where.startswith(str(tmp_path / "pdf" / "SKILL.md"))


@pytest.mark.parametrize("text", ["", "# Pages\n", " ---\nname: pdf\n---\n", "---\nname: pdf\ndescription: d\n", "---"])
def test_without_front_matter_there_is_no_skill(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no front matter"):
        load(written(tmp_path, text))


def test_values_are_the_text_that_stands_there(tmp_path: Path) -> None:
    fields = "name: pdf\ndescription: yes\nlicense: 0x10\nmetadata:\n  version: 1.10\n  1: on"
    skill = load(written(tmp_path, f"---\n{fields}\nallowed-tools: Read Bash(git:*)\n---\n"))
    assert (skill.description, skill.license, skill.body) == ("yes", "0x10", "")
    assert skill.metadata == {"version": "1.10", "1": "on"}
    assert skill.allowed_tools == ("Read", "Bash(git:*)")
    listed = load(written(tmp_path, "---\nname: pdf\ndescription: d\nallowed-tools: [Read, Bash(git add:*)]\n---\n"))
    assert listed.allowed_tools == ("Read", "Bash(git add:*)")


def test_windows_lines_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    (folder / "SKILL.md").write_bytes(b"\xef\xbb\xbf---\r\nname: pdf\r\ndescription: d\r\n--- \r\nBody.\r\n")
    assert load(folder).body == "Body."


def test_letters_of_any_script_may_be_in_a_name(tmp_path: Path) -> None:
    assert load(written(tmp_path, "---\nname: käse-3\ndescription: d\n---\n", "ka\u0308se-3")).name == "käse-3"


def test_aliases_do_not_multiply(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"k{n}: &k{n} [*a, *a]\n" for n in range(50))
    with pytest.raises(DataError, match="unknown key 'a'"):
        load(written(tmp_path, f"---\n{bomb}---\n"))
    with pytest.raises(DataError, match="only texts may stand here"):
        load(written(tmp_path, "---\nname: pdf\nmetadata: &m {x: *m}\n---\n"))


@pytest.mark.parametrize(("data", "why"), [(b"---\nname: \xe9\n", "not UTF-8 at byte 10"), (b"-" * 300_000, "256 KiB")])
def test_a_file_that_is_no_text_or_huge_is_refused(data: bytes, why: str, tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    (folder / "SKILL.md").write_bytes(data)
    with pytest.raises(DataError, match=why):
        load(folder)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("-: \n'\"&*[]{}|>!#namepdfdescription\u2028\x85\x07é"), max_size=80), st.text())
def test_any_text_is_a_skill_or_a_reason(tmp_path_factory: pytest.TempPathFactory, fields: str, body: str) -> None:
    folder = written(tmp_path_factory.getbasetemp(), f"---\nname: pdf\n{fields}\n---\n{body}")
    try:
        name, where = load(folder).name, ""
    except DataError as error:
        name, where = "", error.where
    assert name == "pdf" or where.startswith(str(folder / "SKILL.md"))


UNCHECKED = {"metadata that is a text", "a control character"}
"""What the reference validator does not look at, and what it fails on itself."""
CHECKED = {**GOOD, **{name: fields for name, (fields, _) in BAD.items() if name not in UNCHECKED}}


@pytest.mark.parametrize(("name", "fields"), CHECKED.items(), ids=CHECKED)
def test_the_reference_validator_says_the_same(name: str, fields: str, tmp_path: Path) -> None:
    validate: Any = pytest.importorskip("skills_ref.validator").validate
    refusals = validate(written(tmp_path, f"---\n{fields}\n---\nBody.\n"))
    assert (refusals == []) == (name in GOOD)


def test_files_are_read_beneath_the_folder_only(tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    (folder / "references").mkdir()
    (folder / "references" / "a.md").write_text("inside")
    (folder / "link.md").symlink_to("references/a.md")
    (folder / "out.md").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / ".env").write_text("SECRET")
    (folder / "loop").symlink_to("loop")
    (tmp_path / "secret").write_text("SECRET")
    assert read_bytes(folder, "references/a.md", 100) == read_bytes(folder, "link.md", 100) == b"inside"
    assert read_bytes(folder, "references/../references/a.md", 2) == b"in"
    for path in ("out.md", "up/secret", "../secret", str(tmp_path / "secret"), "references/../../secret", ".env"):
        with pytest.raises(Vetoed):
            read_bytes(folder, path, 100)
    for path in ("references", ".", "none.md", "references/a.md/x", "loop", "a\0b", "x" * 5000):
        with pytest.raises(KTError):
            read_bytes(folder, path, 100)
    assert files_of(folder) == ["link.md", "references/a.md"]


def test_a_list_of_files_has_an_end(tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    for number in range(1_005):
        (folder / f"{number}.txt").touch()
    assert len(files_of(folder)) == 1_000


NAMES = st.lists(st.from_regex(r"[a-z]{1,64}", fullmatch=True), max_size=120, unique=True)


@given(NAMES, st.text(max_size=1024))
def test_the_lines_of_the_prompt_keep_their_limit_and_lose_no_skill(names: list[str], description: str) -> None:
    lines, left = skill_lines(Skill(name, description or "d", Path(), "") for name in names)
    assert sum(map(len, lines)) <= MAX_CHARACTERS
    assert not any(character in line for line in lines for character in "\n\r\x85\u2028")
    assert [line.partition(":")[0].removeprefix("- ") for line in lines] == names[: len(names) - left]
    if left:
        assert set(lines) == {f"- {name}" for name in names[: len(lines)]}


def test_descriptions_are_cut_evenly_until_all_skills_fit() -> None:
    def skills(number: int) -> list[Skill]:
        return [Skill(f"s{n:02}", "word " * 200, Path(), "") for n in range(number)]

    whole, _ = skill_lines(skills(3))
    assert whole[0] == "- s00: " + " ".join(["word"] * 200)
    cut, left = skill_lines(skills(20))
    assert {len(line) for line in cut} == {len("- s00: ") + 100 + len(" ...") - 1}
    assert left == 0
