"""The AGENTS.md chain: which files, in which order, how much of them, and nothing from outside the project."""

import os
from pathlib import Path

import pytest
from kt.testing import running
from kt_skills.chain import CAP, read_chain

pytestmark = pytest.mark.anyio


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_chain_goes_from_the_user_over_the_root_to_the_folder(repo: Path, tmp_path: Path) -> None:
    write(tmp_path / "home" / "AGENTS.md", "user")
    write(repo / "AGENTS.md", "root\n")
    write(repo / "a" / "b" / "AGENTS.md", "\n\nnearest")
    write(repo.parent / "AGENTS.md", "outside the repository")
    write(repo / "c" / "AGENTS.md", "another branch")
    assert read_chain(repo / "a" / "b", tmp_path / "home") == [
        ("AGENTS.md", "user"), ("AGENTS.md", "root"), ("a/b/AGENTS.md", "nearest"),
    ]  # fmt: skip
    assert read_chain(repo) == [("AGENTS.md", "root")]


def test_without_a_repository_only_the_folder_itself_counts(tmp_path: Path) -> None:
    write(tmp_path / "AGENTS.md", "above")
    write(tmp_path / "x" / "AGENTS.md", "here")
    assert read_chain(tmp_path / "x") == [("AGENTS.md", "here")]


def test_a_worktree_has_its_root_where_its_git_file_is(repo: Path) -> None:
    write(repo / "AGENTS.md", "outer")
    (repo / "a" / ".git").write_text("gitdir: elsewhere\n")
    write(repo / "a" / "AGENTS.md", "inner")
    assert read_chain(repo / "a" / "b") == [("AGENTS.md", "inner")]


def test_in_each_folder_the_first_of_three_names_counts(repo: Path) -> None:
    write(repo / "CLAUDE.md", "claude")
    assert read_chain(repo) == [("CLAUDE.md", "claude")]
    write(repo / "AGENTS.md", "agents")
    assert read_chain(repo) == [("AGENTS.md", "agents")]
    write(repo / "AGENTS.override.md", "override")
    assert read_chain(repo) == [("AGENTS.override.md", "override")]


def test_no_file_and_an_empty_file_say_nothing(repo: Path) -> None:
    assert read_chain(repo) == []
    write(repo / "AGENTS.md", " \n\n")
    assert read_chain(repo) == []


def test_a_line_with_a_path_is_replaced_by_that_file(repo: Path) -> None:
    write(repo / "AGENTS.md", "first\n@docs/style.md\nmail me@example.org and @docs/style.md in a line\n  @docs/x.md\n")
    write(repo / "docs" / "style.md", "use tabs\n@deeper/more.md\n")
    write(repo / "docs" / "deeper" / "more.md", "four of them\n")
    assert read_chain(repo) == [
        ("AGENTS.md", "first\nuse tabs\nfour of them\nmail me@example.org and @docs/style.md in a line\n  @docs/x.md")
    ]


def test_a_circle_of_imports_ends(repo: Path) -> None:
    write(repo / "AGENTS.md", "one\n@b.md\nthree")
    write(repo / "b.md", "two\n@AGENTS.md\n@b.md")
    assert read_chain(repo) == [("AGENTS.md", "one\ntwo\nthree")]


def test_a_file_that_is_imported_twice_stands_twice(repo: Path) -> None:
    write(repo / "AGENTS.md", "@b.md\n@b.md")
    write(repo / "b.md", "two")
    assert read_chain(repo) == [("AGENTS.md", "two\ntwo")]


def test_imports_that_multiply_end(repo: Path) -> None:
    for depth in range(12):
        write(repo / f"{depth}.md", f"@{depth + 1}.md\n" * 30)
    write(repo / "AGENTS.md", "@0.md\nthe end")
    ((_, text),) = read_chain(repo)
    assert len(text.encode()) <= CAP + 200


def test_an_import_that_cannot_be_read_is_named_in_its_place(repo: Path) -> None:
    write(repo / "AGENTS.md", "before\n@none.md\n@a\nafter")
    ((_, text),) = read_chain(repo)
    assert text.startswith("before\n[none.md can't be read: No such file")
    assert "[a can't be read: Is a directory]" in text
    assert text.endswith("after")


@pytest.mark.parametrize("target", ["../secret.md", "/etc/hostname", "a/../../secret.md", "link.md", "up/secret.md"])
def test_an_import_does_not_leave_the_repository(repo: Path, target: str) -> None:
    write(repo.parent / "secret.md", "SECRET")
    (repo / "link.md").symlink_to(repo.parent / "secret.md")
    (repo / "up").symlink_to(repo.parent)
    write(repo / "AGENTS.md", f"before\n@{target}\nafter")
    assert read_chain(repo) == [("AGENTS.md", "before\n\nafter")]


def test_a_file_of_the_chain_that_leads_outside_is_left_out(repo: Path) -> None:
    write(repo.parent / "secret.md", "SECRET")
    (repo / "AGENTS.md").symlink_to(repo.parent / "secret.md")
    assert read_chain(repo) == []


def test_the_users_file_imports_from_the_users_folder_only(repo: Path, tmp_path: Path) -> None:
    write(tmp_path / "home" / "AGENTS.md", "@mine.md\n@../repo/theirs.md")
    write(tmp_path / "home" / "mine.md", "mine")
    write(repo / "theirs.md", "theirs")
    assert read_chain(repo, tmp_path / "home") == [("AGENTS.md", "mine")]


def test_the_nearest_are_kept_whole_when_it_is_too_much(repo: Path) -> None:
    write(repo / "AGENTS.md", "r" * 20_000)
    write(repo / "a" / "AGENTS.md", "m" * 20_000)
    write(repo / "a" / "b" / "AGENTS.md", "n" * 10_000)
    (_, root), (_, middle), (_, nearest) = read_chain(repo / "a" / "b")
    assert nearest == "n" * 10_000
    assert middle == "m" * 20_000
    assert root.startswith("r" * (CAP - 30_000) + "\n[cut: AGENTS.md goes on")
    assert root.count("r" * 100) == (CAP - 30_000) // 100


def test_what_has_no_room_at_all_is_left_out(repo: Path) -> None:
    write(repo / "AGENTS.md", "root")
    write(repo / "a" / "AGENTS.md", "é" * CAP)
    ((name, text),) = read_chain(repo / "a")
    assert name == "a/AGENTS.md"
    kept, _, note = text.partition("\n")
    assert kept == "é" * (CAP // 2)
    assert note.startswith("[cut: a/AGENTS.md goes on, 32 KiB")


def test_exactly_the_limit_is_not_cut(repo: Path) -> None:
    write(repo / "AGENTS.md", "x" * CAP)
    assert read_chain(repo) == [("AGENTS.md", "x" * CAP)]


def test_bytes_that_are_no_text_do_no_harm(repo: Path) -> None:
    (repo / "AGENTS.md").write_bytes(b"caf\xe9 \x00")
    assert read_chain(repo) == [("AGENTS.md", "caf\ufffd \x00")]


def test_a_pipe_of_that_name_does_not_block(repo: Path) -> None:
    os.mkfifo(repo / "AGENTS.md")
    assert read_chain(repo) == []


async def test_the_chain_is_a_section_of_the_prompt(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    write(tmp_path / "home" / "AGENTS.md", "Speak German.")
    write(repo / "AGENTS.md", "Use tabs.")
    creature = {"name": "t", "prompt": "You work."}
    async with running([], creature=creature, plugins=["skills"], pwd=repo) as agent:
        assert [owner for owner, _ in agent.prompt] == ["t", "skills"]
        assert agent.system == (
            "You work.\n\nInstructions of the user and of this project; the later ones win.\n\n"
            '<instructions file="AGENTS.md">\nSpeak German.\n</instructions>\n\n'
            '<instructions file="AGENTS.md">\nUse tabs.\n</instructions>'
        )
        write(repo / "AGENTS.md", "Use spaces.")
        await agent.refresh_prompt()
        assert "Use spaces." in agent.system


async def test_without_instructions_the_prompt_has_no_section(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    async with running([], creature={"name": "t"}, plugins=["skills"], pwd=repo) as agent:
        assert agent.prompt == ()
