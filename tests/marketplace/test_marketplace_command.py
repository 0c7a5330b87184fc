"""kt marketplace, as the command line has it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kt import Plugins
from kt.errors import DataError, KTError, UsageError
from kt_marketplace.commands.marketplace import WORDS, main
from kt_marketplace.commands.publish import main as publish
from kt_marketplace.index.document import text_of
from kt_marketplace.index.signing import SigningKey

from .index_world import Web, a_pack, a_release, an_index, document, later, says, write_index


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KT_INDEX", raising=False)
    return tmp_path / "home" / "marketplace"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as web:
        yield web


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.create(tmp_path / "key.pem")


@pytest.fixture
def team(tmp_path: Path, key: SigningKey) -> Path:
    packs = {"kt-owl": a_pack(versions=VERSIONS), "kt-b1ome": a_pack(versions={"1.0": a_release(files=[])})}
    return write_index(tmp_path / "team", an_index(packs=packs), key)


VERSIONS = {
    "1.0": a_release(released="2026-01-31"),
    "2.0": a_release(files=[], hooks=["kt_around_turn"], yanked="it hoots by day"),
}


class Kt:
    """Run `kt marketplace` in this process; return what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], plugins: Plugins) -> None:
        self.capsys, self.plugins = capsys, plugins

    def __call__(self, *words: str | Path) -> str:
        return self.both(*words)[0]

    def both(self, *words: str | Path) -> tuple[str, str]:
        self.capsys.readouterr()
        assert main([*map(str, words)], self.plugins) == 0
        said = self.capsys.readouterr()
        return said.out, said.err

    def json(self, *words: str | Path) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def kt(capsys: pytest.CaptureFixture[str], plugins: Plugins) -> Kt:
    return Kt(capsys, plugins)


@pytest.mark.parametrize("words", [["--help"], *([word, "--help"] for word in WORDS)])
def test_every_command_has_help(kt: Kt, words: list[str]) -> None:
    assert kt(*words).startswith(" ".join(["Usage: kt marketplace", *words[:-1]]))


def test_a_hook_is_known_by_its_specification_or_by_a_pack(kt: Kt, plugins: Plugins, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        kt("search", "--hook", "kt_around_trun")
    assert raised.value.hint.startswith("did you mean kt_around_turn")
    assert "kt-quarantine" in kt("search", "--hook", "kt_around_turn")
    assert kt.both("search", "--hook", "kt_around_turn", "nobody-has-this") == ("", "nothing found\n")
    strange = {"1.0": a_release(files=[], hooks=["kt_around_hooting"])}
    kt("add", write_index(tmp_path / "team", an_index(packs={"owlery": a_pack(versions=strange)})), "--yes")
    assert kt("search", "--hook", "kt_around_hooting").startswith("owlery 1.0")


def test_publish_has_help(capsys: pytest.CaptureFixture[str], plugins: Plugins) -> None:
    assert publish(["--help"], plugins) == 0
    assert capsys.readouterr().out.startswith("Usage: kt publish")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "required: COMMAND"),
        (["serach"], "no command 'serach'"),
        (["search", "--king", "x"], "unrecognized arguments: --king"),
        (["add"], "URL|PATH"),
        (["refresh", "--timeout", "0"], "out of range"),
        (["add", "x", "--timeout", "nan"], "out of range"),
        (["search", "--kind", "creatur"], "no pack provides the kind 'creatur'"),
        (["search", "--hook", "kt_around_trun"], "there is no hook 'kt_around_trun'"),
        (["serve", ".", "--port", "99999"], "--port 99999 is out of range"),
    ],
)
def test_what_makes_no_sense_is_refused(plugins: Plugins, words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        main(words, plugins)
    assert says in raised.value.what


def test_a_search_says_what_it_found(kt: Kt, team: Path) -> None:
    kt("add", team, "--yes")
    text = kt("search", "owl", "agents")
    assert text.startswith("kt-owl 1.0  (team, by The team)\n  Owls for agents\n  tool\n  may reach example.org")
    assert "! easily mistaken for kt-biome" in kt("search", "b1ome")
    (found,) = kt.json("search", "kt-owl")
    assert (found["version"], found["matched"], found["downloads"]) == ("1.0", ["name"], None)
    assert kt.both("search", "unheard-of") == ("", "nothing found\n")
    assert kt.both("search", "kt-owwl") == ("", "nothing found; did you mean kt-owl?\n")
    assert kt.json("search", "unheard-of") == []


def test_a_pack_is_shown_with_all_its_versions(kt: Kt, team: Path) -> None:
    kt("add", team, "--yes")
    text = kt("show", "@team/kt-owl")
    assert text.splitlines()[:2] == ["kt-owl  (team, by The team)", "  Owls for agents"]
    assert text.splitlines()[2].startswith("  1.0 for kt-core ")
    assert text.splitlines()[-2:] == ["  2.0 was withdrawn: it hoots by day", "  kt install @team/kt-owl"]
    assert "    tool hoot: hoots at night\n" in text
    (pack,) = kt.json("show", "kt-owl")
    assert [v["version"] for v in pack["versions"]] == ["2.0", "1.0"]
    assert pack["versions"][1]["files"][0]["url"] == (team / "wheels/kt_owl-1.0-py3-none-any.whl").as_uri()
    with pytest.raises(KTError, match="no source has a pack '@official/kt-owl'") as raised:
        kt("show", "@official/kt-owl")
    assert raised.value.exit_code == 66


def test_the_sources_are_listed(kt: Kt, web: Web, key: SigningKey) -> None:
    web.pages["/index.json"] = says(document(an_index(version=3), key))
    kt("add", f"{web.address}/", "--key", text_of(key.public))
    text = kt("list")
    assert text.startswith(f"team  {web.address}/index.json\n  key ")
    assert "  version 3, 0 minutes old, expires " in text
    team, official = kt.json("list")
    assert (team["version"], team["packs"], team["usable"], team["key"]) == (3, 1, True, text_of(key.public))
    assert (official["name"], official["key"], official["fetched"]) == ("official", None, None)


def test_a_key_seen_for_the_first_time_needs_a_yes(kt: Kt, team: Path, home: Path, key: SigningKey) -> None:
    with pytest.raises(KTError, match="Is that the publisher's key") as raised:
        kt("add", team)
    assert raised.value.exit_code == 77
    assert not home.exists()
    out, err = kt.both("add", team, "--yes")
    assert out == "added team: version 1, 2 packs\n"
    assert "published by The team" in err
    assert "signed with the key " in err


def test_a_source_that_is_there_is_not_asked_about_again(kt: Kt, team: Path) -> None:
    kt("add", team, "--yes")
    with pytest.raises(UsageError, match="there is a source 'team' already"):
        kt("add", team)


def test_a_key_that_is_given_needs_none(kt: Kt, team: Path, key: SigningKey) -> None:
    assert kt("add", f"{team}#ed25519={text_of(key.public)}", "--name", "ours") == "added ours: version 1, 2 packs\n"


@pytest.mark.parametrize(("answer", "there"), [("y", True), ("n", False), ("", False)])
def test_on_a_terminal_one_is_asked(
    kt: Kt, team: Path, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, there: bool
) -> None:
    leader, follower = os.openpty()
    os.write(leader, f"{answer}\n".encode())
    with os.fdopen(follower, closefd=False) as typed, os.fdopen(follower, "w") as shown:
        monkeypatch.setattr(sys, "stdin", typed)
        monkeypatch.setattr(sys, "stderr", shown)
        if there:
            kt("add", team)
        else:
            with pytest.raises(KTError, match="you said no"):
                kt("add", team)
    os.close(leader)
    assert home.exists() == there


def test_an_unsigned_folder_is_taken_with_a_yes(kt: Kt, tmp_path: Path) -> None:
    folder = write_index(tmp_path / "mine", an_index(name="mine"))
    with pytest.raises(KTError, match="It is not signed"):
        kt("add", folder)
    kt("add", folder, "--yes")
    assert "mine  " in kt("list")
    assert kt("remove", "mine") == "removed mine\n"
    assert "mine  " not in kt("list")


def test_all_sources_are_refreshed_whatever_befalls_one(kt: Kt, web: Web, key: SigningKey) -> None:
    for name in ("bad", "good", "gone"):
        web.pages[f"/{name}/index.json"] = says(document(an_index(name=name), key))
        kt("add", f"{web.address}/{name}/", "--yes")
    web.pages["/bad/index.json"] = says(document(an_index(name="bad", version=2)))
    web.pages["/good/index.json"] = says(document(an_index(name="good", version=2), key))
    del web.pages["/gone/index.json"]
    with pytest.raises(KTError, match="answered 404"):
        kt("refresh")
    said = kt.capsys.readouterr()
    assert said.out == "good: version 2, 1 pack\n"
    assert "error[E-SIGNATURE]: the index 'bad' is not signed" in said.err
    assert kt("refresh", "good") == "good: version 2, 1 pack\n"


def test_without_sources_there_is_nothing_to_refresh(kt: Kt) -> None:
    assert kt.both("refresh") == ("", "no source was added; the official one comes with kt\n")


def test_a_source_that_is_not_well_is_remarked_on(kt: Kt, tmp_path: Path, home: Path, key: SigningKey) -> None:
    kt("add", write_index(tmp_path / "team", an_index(), key), "--yes")
    (home / "team.json").write_bytes(document(an_index(expires=later(-2)), key))
    out, err = kt.both("search", "owl")
    assert out.startswith("kt-owl 1.0")
    assert "team: its index expired on" in err
    (home / "team.json").write_bytes(b"{}")
    out, err = kt.both("search", "owl")
    assert (out, "what was kept of it is spoilt" in err) == ("", True)
    with pytest.raises(DataError, match="is spoilt"):
        kt("show", "kt-owl")


def test_kt_index_is_searched_first(kt: Kt, team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_INDEX", f"{team} {team.parent}/nowhere")
    out, err = kt.both("search", "kt-owl")
    assert out.startswith("kt-owl 1.0  (team,")
    assert "nowhere" in err


def test_serving_prints_the_address_and_answers(team: Path) -> None:
    kt = [sys.executable, "-c", "from kt_cli.main import main; main()", "marketplace", "serve", str(team)]
    with subprocess.Popen(kt, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        with urlopen(address, timeout=10) as answer:
            assert answer.read() == (team / "index.json").read_bytes()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert "Traceback" not in process.stderr.read()
