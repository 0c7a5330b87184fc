"""Names that two distributions would register, and names that are taken: refused before anything changes."""

from pathlib import Path

import pytest
from kt.errors import KTError
from kt_marketplace.install.errors import InstallFailed, Refused

from .installing import Home
from .test_install_folders import git, project
from .wheels import make_pack

OVER = """from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.tool("croak", "kt_lake:croak", help="croaks", override=True)


def croak():
    return "croak"
"""


def named(folder: Path, name: str) -> Path:
    """Write the source of a pack of this name."""
    source = project(folder)
    for file in (source / "pyproject.toml", source / "kt_pond" / "kt-pack.toml"):
        file.write_text(file.read_text().replace("kt-pond", name))
    return source


def test_no_pack_is_called_like_what_is_there(home: Home, tmp_path: Path) -> None:
    source = named(tmp_path / "pond", "kt-biome")
    git("init", "-q", "-b", "main", cwd=source)
    git("add", ".", cwd=source)
    git("commit", "-q", "-m", "one", cwd=source)
    says = "kt-biome is part of this installation, and a pack can't replace it"
    for word in (make_pack(tmp_path, "kt-biome", "99.0"), source, f"git+file://{source}"):
        with pytest.raises(InstallFailed, match=says):
            home.install(word)
    with pytest.raises(InstallFailed, match=says):
        home.install(source, editable=True)
    assert home.versions == {}


def test_a_name_of_the_base_is_refused_before_the_question(home: Home, tmp_path: Path) -> None:
    wheel = make_pack(tmp_path, "kt-pond", provides=[("tool", "read")])
    with pytest.raises(Refused, match=r"kt-pond 1.0 can't be installed: tool read is registered by kt-builtin-tools 0"):
        home.install(wheel)
    source = project(tmp_path / "pond")
    manifest = source / "kt_pond" / "kt-pack.toml"
    manifest.write_text(manifest.read_text().replace('name = "croak"', 'name = "read"'))
    with pytest.raises(Refused, match="tool read is registered by kt-builtin-tools"):
        home.install(source, editable=True)
    assert home.versions == {}


def test_a_name_of_another_pack_is_refused_unless_it_is_taken_over(home: Home, tmp_path: Path) -> None:
    home.install(make_pack(tmp_path, "kt-pond", provides=[("tool", "croak")]))
    with pytest.raises(Refused, match=r"kt-reeds 1.0 can't be installed: tool croak is registered by kt-pond 1.0"):
        home.install(make_pack(tmp_path, "kt-reeds", provides=[("tool", "croak")]))
    home.install(make_pack(tmp_path, "kt-lake", files={"kt_lake/__init__.py": OVER}, provides=[("tool", "croak")]))
    home.install(make_pack(tmp_path, "kt-pond", "2.0", provides=[("tool", "croak")]))
    assert home.versions == {"kt-pond": "2.0", "kt-lake": "1.0"}


def test_two_that_come_together_do_not_share_a_name(home: Home, tmp_path: Path) -> None:
    both = [make_pack(tmp_path, name, provides=[("tool", "croak")]) for name in ("kt-pond", "kt-reeds")]
    with pytest.raises(Refused, match=r"kt-reeds 1.0 can't be installed: tool croak is registered by kt-pond 1.0"):
        home.install(*both)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('kt = ">=0.1"', 'kt = ">=9"', "kt-pond needs kt-core >=9, and this is"),
        ('kt = ">=0.1"', 'kt = "new"', "is no range of versions"),
        ('version = "1.0"', 'version = "1.1"', "calls it kt-pond 1.1, pyproject.toml kt-pond 1.0"),
        ('name = "kt-pond"', 'name = "kt-reeds"', "calls it kt-reeds 1.0, pyproject.toml kt-pond 1.0"),
        ("", None, "has no kt-pack.toml that says what it needs"),
    ],
)
def test_the_manifest_of_an_editable_pack_is_held_to(
    home: Home, tmp_path: Path, before: str, after: str | None, says: str
) -> None:
    source = project(tmp_path / "pond")
    manifest = source / "kt_pond" / "kt-pack.toml"
    if after is None:
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text().replace(before, after, 1))
    with pytest.raises(KTError, match=says):
        home.install(source, editable=True)
    assert home.versions == {}


def test_needs_that_an_editable_pack_got_since_are_asked_about(home: Home, tmp_path: Path) -> None:
    source = project(tmp_path / "pond")
    home.install(source, editable=True)
    project(source, needs='[needs]\nnet = ["a.example"]\n')
    with pytest.raises(Refused, match="Install kt-pond"):
        home.install(source, editable=True, yes=False)
    _, person = home.install(make_pack(tmp_path, "kt-reeds"))
    assert "NEW      may reach a.example" in person.text
