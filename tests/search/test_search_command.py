"""kt search and kt embedding as a shell sees them."""

import json
import sys

import pytest
from kt import Plugins
from kt.errors import NotFound, UsageError
from kt_search.command import main
from kt_search.embedding import main as embedding

from .conftest import Write, answered, asked

Printed = pytest.CaptureFixture[str]


def test_hits_are_shown_with_session_turn_time_and_role(write: Write, plugins: Plugins, capsys: Printed) -> None:
    write(asked("where is the owl?", 3), answered("The Owl sleeps.", 3))
    assert main(["owl"], plugins) == 0
    first, _, rest = capsys.readouterr().out.partition("\n\n")
    name, turn, _, who = first.splitlines()[0].split("  ")
    assert (name, turn) == ("owl", "turn 3")
    assert {who, rest.splitlines()[0].split("  ")[3]} == {"swe user", "swe assistant"}
    assert "  The [Owl] sleeps." in (first + "\n" + rest).splitlines()


def test_the_session_may_go_first(write: Write, plugins: Plugins, capsys: Printed) -> None:
    write(asked("an owl of one"), name="one")
    write(asked("an owl of two"), name="two")
    assert main(["one", "owl"], plugins) == 0
    assert main(["--session", "one", "owl"], plugins) == 0
    assert main(["owl", "of"], plugins) == 0
    of = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines() if not line.startswith("  ")]
    assert of == ["one", "one", "two"]
    assert main(["on", "owl"], plugins) == 0
    assert capsys.readouterr().err == "nothing found in two\n"
    assert main(["--all", "owl", "of", "--limit", "1"], plugins) == 0
    assert capsys.readouterr().out.count("[owl]") == 1


def test_a_query_may_begin_with_a_dash(write: Write, plugins: Plugins, capsys: Printed) -> None:
    write(asked("try --dry-run first"))
    assert main(["--", "--dry-run"], plugins) == 0
    assert "try --[dry-run] first" in capsys.readouterr().out
    with pytest.raises(UsageError):
        main(["--dry-run"], plugins)


def test_nothing_found_is_no_failure(write: Write, plugins: Plugins, capsys: Printed) -> None:
    assert main(["owl", "--all"], plugins) == 0
    assert capsys.readouterr() == ("", "nothing found: there are no sessions\n")
    write(asked("a fox"))
    assert main(["owl"], plugins) == 0
    assert capsys.readouterr() == ("", "nothing found in owl\n")
    assert main(["owl", "--json"], plugins) == 0
    assert capsys.readouterr() == ("[]\n", "nothing found in owl\n")


def test_json_is_a_list_of_objects(write: Write, plugins: Plugins, capsys: Printed) -> None:
    path = write(asked("where is the owl? 天气"))
    main(["--json", "天"], plugins)
    expected = {
        "session": str(path), "event": 1, "stream": "swe", "turn": 1, "time": 1_700_000_000.0, "kind": "turn_started",
        "role": "user", "text": "where is the owl? 天气", "score": 0.016393,
    }  # fmt: skip
    assert json.loads(capsys.readouterr().out) == [expected]


def test_what_was_said_does_not_steer_the_terminal(write: Write, plugins: Plugins, capsys: Printed) -> None:
    write(asked("an owl \x1b]0;evil\x07 \x1b[2J \u202eback"))
    main(["owl"], plugins)
    out = capsys.readouterr().out
    assert all(c.isprintable() for c in out.replace("\n", ""))


@pytest.mark.parametrize(
    "argv", [[], ["owl", "--mode", "magic"], ["owl", "--limit", "0"], ["--all", "--session", "x", "owl"]]
)
def test_a_wrong_command_line_is_a_usage_error(plugins: Plugins, argv: list[str]) -> None:
    with pytest.raises(UsageError):
        main(argv, plugins)


def test_a_session_that_is_named_must_be_there(write: Write, plugins: Plugins) -> None:
    write(asked("owl"))
    with pytest.raises(NotFound):
        main(["--session", "nowhere", "owl"], plugins)
    with pytest.raises(NotFound):
        embedding(["nowhere"], plugins)


def test_help_says_how_queries_are_read(plugins: Plugins, capsys: Printed) -> None:
    assert main(["--help"], plugins) == 0
    assert embedding(["--help"], plugins) == 0
    out = capsys.readouterr().out
    assert "begin*" in out
    assert "wordllama" in out


def test_embedding_says_what_is_missing_for_vectors(
    write: Write, plugins: Plugins, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    path = write(asked("owl"), answered("yes"))
    assert embedding([str(path)], plugins) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "2 new events indexed, 2 in all, in owl.ktlog-search"
    assert second.startswith("no vectors: the embedder wordllama needs ")
    assert second.endswith("pip install 'kt-search[memory]'")
    assert embedding([str(path)], plugins) == 0
    assert capsys.readouterr().out.startswith("0 new events indexed, 2 in all")
