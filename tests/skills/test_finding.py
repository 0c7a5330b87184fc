"""Where skills are found: nearest first, none twice, none lost without a word, none from outside a project."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins, Registry
from kt_skills.find import Found, find_skills

from .conftest import SHIPPED

Write = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("home")


def found_in(pwd: Path) -> Found:
    return find_skills(pwd, Registry())


def test_all_places_are_looked_at_the_nearest_first(repo: Path, home: Path, write_skill: Write) -> None:
    places = [
        repo / "a" / "b" / ".agents/skills",
        repo / "a" / "b" / ".claude/skills",
        repo / "a" / ".agents/skills",
        repo / ".claude/skills",
        home / ".agents/skills",
    ]
    for number, place in enumerate(places):
        write_skill(place, f"s{9 - number}")
        write_skill(place, "same", f"from {place}")
    write_skill(repo.parent / ".agents/skills", "above")
    write_skill(repo / "c" / ".agents/skills", "beside")
    write_skill(home / ".claude/skills", "elsewhere")
    found = found_in(repo / "a" / "b")
    assert list(found.skills) == ["s9", "same", "s8", "s7", "s6", "s5"]
    assert found.skills["same"].body == f"from {places[0]}"
    assert [skill.own for skill in found.skills.values()] == [False, False, False, False, False, True]
    assert found.unfit == []
    assert found_in(repo).skills["same"].body == f"from {places[3]}"


def test_without_a_repository_only_the_folder_itself_counts(tmp_path: Path, write_skill: Write) -> None:
    write_skill(tmp_path / ".agents/skills", "above")
    write_skill(tmp_path / "x" / ".agents/skills", "here")
    assert list(found_in(tmp_path / "x").skills) == ["here"]


def test_in_the_home_folder_its_skills_are_found_once(home: Path, write_skill: Write) -> None:
    write_skill(home / ".agents/skills", "mine")
    (home / ".claude").mkdir()
    (home / ".claude/skills").symlink_to("../.agents/skills")
    (home / ".agents/skills/mine/SKILL.md").write_text("broken")
    assert len(found_in(home).unfit) == 1


def test_a_folder_without_the_file_is_no_skill(repo: Path, write_skill: Write) -> None:
    base = write_skill(repo / ".agents/skills", "pdf").parent
    (base / "empty").mkdir()
    (base / "README.md").touch()
    found = found_in(repo)
    assert (list(found.skills), found.unfit) == (["pdf"], [])


def test_what_does_not_fit_is_named_and_hides_nothing(repo: Path, home: Path, write_skill: Write) -> None:
    write_skill(repo / ".agents/skills", "pdf", text="---\nname: pdf\nversion: 1\n---\n")
    write_skill(home / ".agents/skills", "pdf", "the good one")
    found = found_in(repo)
    assert found.skills["pdf"].body == "the good one"
    assert list(map(str, found.unfit)) == [
        f"skill 'pdf' is left out: unknown key 'version' ({repo}/.agents/skills/pdf/SKILL.md:3:1)"
    ]


def test_what_cannot_be_read_is_named(repo: Path, write_skill: Write) -> None:
    base = repo / ".agents/skills"
    for name in ("folder", "pipe", "broken", "loop"):
        (base / name).mkdir(parents=True)
    (base / "folder/SKILL.md").mkdir()
    os.mkfifo(base / "pipe/SKILL.md")
    (base / "broken/SKILL.md").symlink_to("none")
    (base / "loop/SKILL.md").symlink_to("SKILL.md")
    found = found_in(repo)
    assert found.skills == {}
    assert [unfit.name for unfit in found.unfit] == ["broken", "folder", "loop", "pipe"]


def test_what_is_closed_to_us_is_named(plain_user: Path, monkeypatch: pytest.MonkeyPatch, write_skill: Write) -> None:
    monkeypatch.setenv("HOME", str(plain_user / "user"))
    closed = write_skill(plain_user / ".agents/skills", "closed")
    write_skill(plain_user / "user/.agents/skills", "mine")
    closed.chmod(0)
    (plain_user / "user/.agents/skills").chmod(0)
    try:
        found = found_in(plain_user)
    finally:
        closed.chmod(0o700)
        (plain_user / "user/.agents/skills").chmod(0o700)
    assert found.skills == {}
    assert [(u.name, "ermission denied" in u.why) for u in found.unfit] == [("closed", True), ("*", True)]


@pytest.mark.parametrize("link", [".agents/skills/out", ".agents/skills", ".agents"])
def test_a_projects_skill_does_not_lie_outside(link: str, repo: Path, tmp_path: Path, write_skill: Write) -> None:
    outside = tmp_path / "outside"
    write_skill(outside / "skills", "out")
    (repo / link).parent.mkdir(parents=True, exist_ok=True)
    (repo / link).symlink_to(
        {"out": outside / "skills/out", "skills": outside / "skills"}.get(Path(link).name, outside)
    )
    found = found_in(repo)
    assert found.skills == {}
    (unfit,) = found.unfit
    assert (unfit.name, unfit.why) == ("out", "its folder is a link that leads out of the project")


def test_a_skill_does_not_link_its_text_out_of_its_folder(home: Path, repo: Path, write_skill: Write) -> None:
    folder = write_skill(home / ".agents/skills", "pdf")
    (folder / "SKILL.md").rename(home / "SKILL.md")
    (folder / "SKILL.md").symlink_to(home / "SKILL.md")
    (unfit,) = found_in(repo).unfit
    assert "leads out of the skill's folder" in unfit.why


def test_links_within_a_project_or_of_the_user_are_followed(repo: Path, home: Path, write_skill: Write) -> None:
    shared = write_skill(repo / "shared", "pdf")
    (repo / ".claude").mkdir()
    (repo / ".claude/skills").symlink_to("../shared")
    mine = write_skill(home / "work", "mine")
    (home / ".agents/skills").mkdir(parents=True)
    (home / ".agents/skills/mine").symlink_to(mine)
    found = found_in(repo)
    assert {s.name: s.folder for s in found.skills.values()} == {"pdf": shared, "mine": mine}


def test_there_is_a_limit_to_what_one_folder_holds(repo: Path, write_skill: Write) -> None:
    for number in range(201):
        write_skill(repo / ".agents/skills", f"s{number}")
    found = found_in(repo)
    assert len(found.skills) == 200
    assert [unfit.why for unfit in found.unfit] == ["there are more than 200 skills"]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_skill: Write) -> Iterator[Callable[..., Path]]:
    """Yield a function that installs a package with skills, registered as told, beside what is installed."""
    monkeypatch.syspath_prepend(tmp_path / "site")

    def install(**skills: str) -> Path:
        package = tmp_path / "site" / "kt_pages"
        package.mkdir(parents=True)
        lines = [f"    registry.add('skill', {n!r}, {target!r}, help='of the test')" for n, target in skills.items()]
        (package / "__init__.py").write_text("def kt_register(registry):\n" + "\n".join(lines))
        info = tmp_path / "site" / "kt_pages-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kt-pages\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[kt]\npages = kt_pages\n")
        importlib.invalidate_caches()
        return package

    yield install
    sys.modules.pop("kt_pages", None)


def test_a_wheel_brings_skills(wheel: Any, repo: Path, home: Path, write_skill: Write) -> None:
    package = wheel(pdf="kt_pages:skills/pdf", mine="kt_pages:skills/mine")
    write_skill(package / "skills", "pdf")
    write_skill(package / "skills", "mine", "the wheel's")
    write_skill(home / ".agents/skills", "mine", "the user's")
    found = find_skills(repo, Plugins().registry)
    assert found.unfit == []
    assert found.skills["pdf"].folder == package / "skills/pdf"
    assert found.skills["pdf"].own
    assert found.skills["mine"].body == "the user's"


TARGETS = {
    "kt_pages:skills/none": "no file 'SKILL.md'",
    "kt_pages:../../outside": "its folder lies outside the package",
    "kt_pages:skills/other": "it is called 'other'",
    "kt_pages:skills/bad": "it has no description",
    "kt_none:skills/pdf": "there is no package 'kt_none'",
    "json.decoder:x": "there is no package 'json.decoder'",
    "re:x": "no file 'SKILL.md'",
    "__main__:x": "there is no package '__main__'",
}


@pytest.mark.parametrize(("target", "why"), TARGETS.items(), ids=TARGETS)
def test_a_wheels_skill_that_does_not_fit_is_named(
    target: str, why: str, wheel: Any, repo: Path, write_skill: Write
) -> None:
    package = wheel(pdf=target)
    write_skill(package / "skills", "other")
    write_skill(package / "skills", "bad", text="---\nname: bad\n---\n")
    found = find_skills(repo, Plugins().registry)
    assert list(found.skills) == SHIPPED
    (unfit,) = found.unfit
    assert unfit.name == "pdf"
    assert why in unfit.why
