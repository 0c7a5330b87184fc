"""Profiles: what the built-in set, the user and a trusted project together say, and what a project may not say."""

from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins
from kt.errors import DataError, UnknownName
from kt.testing import ScriptedLLM
from kt_config.profiles import ReadProfile, load, names
from kt_config.trust import is_trusted, trust, trusted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a trusted folder."""
    folder = tmp_path / "project"
    (folder / ".kt").mkdir(parents=True)
    trust(folder)
    return folder


class Both:
    """Write the user's and the project's settings, and load profiles of them."""

    def __init__(self, plugins: Plugins, home: Path, project: Path) -> None:
        self.registry, self.home, self.project = plugins.registry, home, project

    def user(self, text: str) -> None:
        (self.home / "config.toml").write_text(text)

    def of_project(self, text: str) -> None:
        (self.project / ".kt" / "config.toml").write_text(text)
        if (self.home / "trusted.json").is_file():
            trust(self.project)

    def load(self, name: str = "default", creature: str = "") -> ReadProfile:
        return load(self.registry, name, self.project, creature)

    def refused(self, where: str, name: str = "default", creature: str = "") -> DataError:
        with pytest.raises(DataError) as raised:
            self.load(name, creature)
        assert raised.value.where.endswith(where)
        return raised.value


PLUGINS = ["skills", "early", "advice", "prices", "compaction", "checkpoints", "quarantine", "shell_hooks"]
"""What the default profile enables."""


@pytest.fixture
def both(plugins: Plugins, home: Path, project: Path) -> Both:
    return Both(plugins, home, project)


def test_the_built_in_profile_has_the_guard(both: Both) -> None:
    profile = both.load()
    assert (profile.plugins, profile.guards) == (
        dict.fromkeys(PLUGINS),
        ("permissions", "sandbox", "redact", "packs"),
    )


def test_the_user_adds_to_it_and_takes_away_from_it(both: Both) -> None:
    gone = [f'"no:{name}"' for name in (*PLUGINS, "permissions", "sandbox", "redact", "packs")]
    both.user(f'[profile.default]\nplugins = ["jobs", {", ".join(gone)}]\n')
    profile = both.load()
    assert (profile.plugins, profile.guards) == ({"jobs": None}, ())
    both.user('[profile.default]\nguards = ["mine"]\n')
    assert both.load().guards == ("mine",)


def test_settings_are_merged_along_the_line(both: Both) -> None:
    both.user(
        '[profile.base]\nextends = "default"\nplugins = ["a", "b"]\n[profile.base.config.a]\nx = 1\ny = 1\n'
        '[profile.ci]\nextends = "base"\nplugins = ["no:b", "c"]\n[profile.ci.config.a]\ny = 2\n'
    )
    profile = both.load("ci")
    assert list(profile.plugins.items()) == [
        *((name, None) for name in PLUGINS),
        ("a", {"x": 1, "y": 2}),
        ("c", None),
    ]
    assert profile.guards == ("permissions", "sandbox", "redact", "packs")
    assert both.load("base").plugins["a"] == {"x": 1, "y": 1}


def test_a_profile_that_extends_nothing_starts_empty(both: Both) -> None:
    both.user('[profile.bare]\nplugins = ["a"]\n')
    profile = both.load("bare")
    assert (profile.plugins, profile.guards) == ({"a": None}, ())


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ('[profile.a]\nextends = "a"\n', "config.toml:2:1", "a -> a"),
        ('[profile.a]\nextends = "b"\n[profile.b]\nextends = "a"\n', "config.toml:4:1", "a -> b -> a"),
        ('[profile.a]\nextends = "none"\n', "config.toml:2:1", "no profile 'none'"),
        ('[profile.a]\nextend = "default"\n', "config.toml:2:1", "unknown key 'extend'"),
        ("[profile]\na = 3\n", "config.toml:2:1", "profile.a must be a table"),
        ("[profile.a]\nplugins = 'jobs'\n", "config.toml:2:1", "a list of names"),
        ("[profile.a]\nplugins = [3]\n", "config.toml:2:1", "a list of names"),
        ("[profile.a.config]\njobs = 3\n", "config.toml:2:1", "profile.a.config.jobs must be a table"),
    ],
)
def test_a_profile_that_makes_no_sense_is_placed(both: Both, text: str, where: str, says: str) -> None:
    both.user(text)
    assert says in both.refused(where, "a").what


def test_an_unknown_profile_is_named_with_the_nearest(both: Both) -> None:
    both.user("[profile.ci]\n")
    with pytest.raises(UnknownName) as raised:
        both.load("cii")
    assert raised.value.hint == "did you mean ci?"


def test_a_trusted_project_adds_plugins_and_guards(both: Both) -> None:
    both.of_project(
        '[profile.default]\nplugins = ["jobs"]\nguards = ["budget"]\n'
        "[profile.default.config.jobs]\nx = 1\n[profile.default.config.budget]\nmax = 1\n"
    )
    profile = both.load()
    assert profile.plugins == {
        **dict.fromkeys(PLUGINS),
        "jobs": {"x": 1},
        "budget": {"max": 1},
    }
    assert profile.guards == ("permissions", "sandbox", "redact", "packs", "budget")


@pytest.mark.parametrize("guards", ["guards = []\n", 'guards = ["other"]\n'])
def test_a_project_cannot_drop_a_guard(both: Both, guards: str) -> None:
    both.of_project(f"[profile.default]\n{guards}")
    assert both.load().guards[0] == "permissions"


def test_a_project_cannot_disable_a_plugin(both: Both) -> None:
    both.of_project('[profile.default]\nplugins = ["no:permissions"]\n')
    assert "can't disable" in both.refused(".kt/config.toml:2:1").what


def test_a_project_cannot_change_a_guard(both: Both) -> None:
    both.of_project('[profile.default.config.permissions]\nmode = "auto"\n')
    assert "can't change guard 'permissions'" in both.refused(".kt/config.toml:1:2").what


def test_a_profile_of_the_project_alone_has_the_guards_of_the_default(both: Both) -> None:
    both.of_project('[profile.mine]\nplugins = ["jobs"]\nguards = []\n')
    profile = both.load("mine")
    assert (profile.plugins, profile.guards) == (
        dict.fromkeys([*PLUGINS, "jobs"]),
        ("permissions", "sandbox", "redact", "packs"),
    )
    both.user('[profile.strict]\nguards = ["permissions", "budget"]\n')
    both.of_project('[profile.mine]\nextends = "strict"\n')
    assert both.load("mine").guards == ("permissions", "budget")
    both.of_project('[profile.mine]\nextends = "none"\n')
    assert "no profile 'none'" in both.refused(".kt/config.toml:2:1", "mine").what


@pytest.mark.parametrize("text", ['model = "x"\n', "[models.x]\n", '[profile.default]\nmodel = "x"\n'])
def test_a_project_may_not_say_what_is_the_users(both: Both, text: str) -> None:
    both.of_project(text)
    assert "unknown key" in both.refused("").what


def test_a_project_that_is_not_trusted_says_nothing(plugins: Plugins, tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    (folder / ".kt").mkdir(parents=True)
    (folder / ".kt" / "config.toml").write_text("not even TOML [")
    assert load(plugins.registry, "default", folder).guards == ("permissions", "sandbox", "redact", "packs")


def test_all_profiles_are_listed(both: Both) -> None:
    both.user("[profile.ci]\n")
    both.of_project("[profile.mine]\n")
    assert names(both.registry, both.project) == ["ci", "default", "mine"]


class TestOfACreature:
    """What a profile says of one creature, by its name."""

    def test_it_comes_after_what_the_profile_says_of_all(self, both: Both) -> None:
        both.user(
            '[profile.ci]\nplugins = ["a", "b"]\nguards = ["permissions"]\n[profile.ci.config.a]\nx = 1\ny = 1\n'
            '[profile.ci.creature.swe]\nplugins = ["no:b", "c"]\nguards = ["budget"]\n'
            "[profile.ci.creature.swe.config.a]\ny = 2\n"
        )
        swe = both.load("ci", "swe")
        assert (swe.plugins, swe.guards) == ({"a": {"x": 1, "y": 2}, "c": None}, ("permissions", "budget"))
        for other in (both.load("ci"), both.load("ci", "owl")):
            assert (other.plugins, other.guards) == ({"a": {"x": 1, "y": 1}, "b": None}, ("permissions",))

    def test_a_profile_has_what_the_one_it_extends_says_of_a_creature(self, both: Both) -> None:
        both.user(
            '[profile.base.creature.swe]\nplugins = ["a", "b"]\n'
            '[profile.ci]\nextends = "base"\nplugins = ["z"]\n[profile.ci.creature.swe]\nplugins = ["no:b"]\n'
        )
        assert list(both.load("ci", "swe").plugins) == ["z", "a"]

    def test_a_built_in_profile_may_have_such_a_part(self, home: Path, project: Path) -> None:
        plugins = Plugins()
        plugins.registry.profile("mine", {"plugins": ["a"], "creature": {"swe": {"plugins": ["b"]}}})
        assert list(load(plugins.registry, "mine", project, "swe").plugins) == ["a", "b"]

    def test_guards_are_only_added(self, both: Both) -> None:
        both.user("[profile.default.creature.swe]\nguards = []\n")
        assert both.load(creature="swe").guards == ("permissions", "sandbox", "redact", "packs")

    @pytest.mark.parametrize("who", ["user", "of_project"])
    @pytest.mark.parametrize("guard", ["permissions", "sandbox", "redact", "packs"])
    def test_a_name_loosens_no_guard(self, both: Both, who: str, guard: str) -> None:
        getattr(both, who)(f'[profile.default.creature.swe]\nplugins = ["no:{guard}"]\n')
        assert "can't disable" in both.refused("config.toml:2:1", creature="swe").what
        getattr(both, who)(f"[profile.default.creature.swe.config.{guard}]\nx = 1\n")
        assert f"can't change guard '{guard}'" in both.refused("config.toml:1:2", creature="swe").what

    def test_a_name_does_not_set_up_what_grants_rights_where_it_is_no_guard(self, both: Both) -> None:
        both.user('[profile.mine]\nplugins = ["permissions"]\n[profile.mine.creature.swe.config.permissions]\nx = 1\n')
        assert "can't change guard 'permissions'" in both.refused("config.toml:3:2", "mine", "swe").what

    def test_a_project_adds_for_a_creature_and_takes_nothing_away(self, both: Both) -> None:
        both.user('[profile.default.creature.swe]\nguards = ["mine"]\n')
        both.of_project('[profile.default.creature.swe]\nplugins = ["jobs"]\nguards = ["budget"]\n')
        swe = both.load(creature="swe")
        assert "jobs" in swe.plugins
        assert swe.guards == ("permissions", "sandbox", "redact", "packs", "mine", "budget")
        assert "jobs" not in both.load().plugins
        both.of_project('[profile.default.creature.swe]\nplugins = ["no:skills"]\n')
        assert "a project can't disable" in both.refused(".kt/config.toml:2:1", creature="swe").what
        both.of_project("[profile.default.creature.swe.config.mine]\nx = 1\n")
        assert "can't change guard 'mine'" in both.refused(".kt/config.toml:1:2", creature="swe").what

    @pytest.mark.parametrize(
        ("text", "where", "says"),
        [
            ('[profile.a.creature.swe]\nextends = "b"\n', ":2:1", "unknown key 'extends'"),
            ("[profile.a.creature.swe]\nplugins = 'jobs'\n", ":2:1", "must be a list of names"),
            ("[profile.a.creature]\nswe = 3\n", ":2:1", "profile.a.creature.swe must be a table"),
            ("[profile.a]\ncreature = 'swe'\n", ":2:1", "profile.a.creature must be a table"),
            ("[profile.a.creature.swe.config]\njobs = 3\n", ":2:1", "config.jobs must be a table"),
        ],
    )
    def test_what_makes_no_sense_is_placed(self, both: Both, text: str, where: str, says: str) -> None:
        both.user(text)
        assert says in both.refused(f"config.toml{where}", "a").what

    @pytest.mark.anyio
    async def test_an_agent_has_what_is_said_of_its_creature(self, both: Both) -> None:
        both.user('[profile.ci]\nplugins = ["early"]\n[profile.ci.creature.swe]\nplugins = ["no:early", "advice"]\n')
        acting = {}
        async with Host() as host:
            for name in ("swe", "owl"):
                agent = await Agent.build({"name": name}, llm=ScriptedLLM(), profile="ci", host=host, pwd=both.project)
                acting[name] = [active.name for active in agent.active]
        assert acting == {"swe": ["advice"], "owl": ["early"]}


def test_it_is_known_who_said_what(both: Both) -> None:
    both.user('[profile.default]\nplugins = ["jobs"]\nguards = ["permissions"]\n[profile.default.config.jobs]\nx = 1\n')
    both.of_project('[profile.default.creature.swe]\nplugins = ["budget"]\nguards = ["budget"]\n')
    profile = both.load(creature="swe")
    user, project = both.home / "config.toml", both.project / ".kt" / "config.toml"
    assert profile.origins["skills"] == ["built-in (kterrarium)"]
    assert profile.origins["jobs"] == [f"{user}:2:1", f"{user}:4:2"]
    assert profile.origins["budget"] == [f"{project}:2:1"]
    assert profile.guard_origins == {"permissions": f"{user}:3:1", "budget": f"{project}:3:1"}
    assert set(profile.origins) == set(profile.plugins)


class TestTrust:
    """The list of trusted folders."""

    def test_a_folder_is_trusted_as_it_is_and_no_other(self, tmp_path: Path) -> None:
        folder, inside = tmp_path / "a", tmp_path / "a" / "b"
        (inside / ".kt").mkdir(parents=True)
        (folder / ".kt").mkdir()
        (folder / ".kt/config.toml").write_text("")
        assert not is_trusted(folder)
        trust(folder)
        assert is_trusted(folder)
        assert not any(is_trusted(f) for f in (inside, tmp_path, tmp_path / "ab"))

    @pytest.mark.parametrize("change", ["edit", "add", "remove", "move"])
    def test_a_change_of_what_was_trusted_ends_the_trust(self, tmp_path: Path, change: str) -> None:
        kept = tmp_path / ".kt/tools/a.py"
        kept.parent.mkdir(parents=True)
        kept.write_text("x = 1")
        trust(tmp_path)
        if change == "edit":
            kept.write_text("x = 2")
        elif change == "add":
            (tmp_path / ".kt/config.toml").write_text("")
        elif change == "remove":
            kept.unlink()
        else:
            kept.rename(tmp_path / ".kt/a.py")
        assert not is_trusted(tmp_path)
        trust(tmp_path)
        assert is_trusted(tmp_path)

    def test_a_link_is_what_it_points_at(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "other").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        trust(tmp_path / "link")
        assert list(trusted()) == [str(tmp_path / "real")]
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to(tmp_path / "other")
        assert not is_trusted(tmp_path / "link")

    @pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[]", '"/"', "\udcff"])
    def test_a_list_that_cannot_be_read_is_an_error_and_stays(self, home: Path, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        (home / "trusted.json").write_bytes(data)
        for ask in (lambda: is_trusted(home), lambda: trust(home)):
            with pytest.raises(DataError, match="trusted folders") as raised:
                ask()
            assert raised.value.where == str(home / "trusted.json")
        assert (home / "trusted.json").read_bytes() == data

    def test_a_folder_of_that_name_is_no_list(self, home: Path, both: Any) -> None:
        (home / "trusted.json").unlink()
        (home / "trusted.json").mkdir()
        both.of_project("")
        assert "can't read the list" in both.refused("trusted.json").what
