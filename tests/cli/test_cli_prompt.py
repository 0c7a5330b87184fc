"""Where the prompt and the creature come from: the two words of the command line, and standard input."""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def sent(done: Any) -> str:
    """Return the user's message of a run with --output stream-json."""
    events = [json.loads(line) for line in done.out.splitlines()]
    (started,) = [e for e in events if e["type"] == "turn_started"]
    return str(started["message"]["parts"][0]["text"])


def play(kt: Any, *words: str, **options: Any) -> Any:
    return kt.play(*words, "--output", "stream-json", **options)


def test_the_word_is_the_prompt(kt: Any) -> None:
    assert sent(play(kt, "say hi")) == "say hi"


def test_a_pipe_alone_is_the_prompt(kt: Any) -> None:
    assert sent(play(kt, stdin="grüß\r\ngott\n".encode())) == "grüß\r\ngott\n"


def test_a_dash_reads_the_pipe(kt: Any) -> None:
    assert sent(play(kt, "-", stdin=b"from the pipe")) == "from the pipe"


def test_a_pipe_follows_the_prompt(kt: Any) -> None:
    assert sent(play(kt, "sum it up", stdin=b"1\n2\n")) == "sum it up\n\n<stdin>\n1\n2\n\n</stdin>"


def test_a_file_as_input_follows_the_prompt(kt: Any) -> None:
    (kt.folder / "data.txt").write_text("figures")
    with (kt.folder / "data.txt").open() as file:
        assert "<stdin>\nfigures\n</stdin>" in sent(play(kt, "sum it up", stdin=file))


@pytest.mark.parametrize("empty", [b"", b"\n \n"])
def test_an_empty_pipe_leaves_the_prompt_alone(kt: Any, empty: bytes) -> None:
    assert sent(play(kt, "say hi", stdin=empty)) == "say hi"


def test_a_pipe_that_stays_silent_is_left_alone_and_said(kt: Any) -> None:
    reading, writing = os.pipe()
    process = kt.start("run", "./c.yaml", "hi", "--scripted", kt.script("Hello."), stdin=reading)
    out, err = process.communicate(timeout=60)
    os.close(reading)
    os.close(writing)
    assert out == b"Hello.\n"
    assert b"standard input is open but silent" in err
    assert process.returncode == 0


def test_a_byte_order_mark_is_dropped(kt: Any) -> None:
    assert sent(play(kt, stdin=b"\xef\xbb\xbfhello")) == "hello"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "standard input is empty"),
        (b" \n\t\n", "standard input is empty"),
        (b"\xef\xbb\xbf", "standard input is empty"),
        (b"abc\xff", "not UTF-8 (byte 3)"),
        ("utf-16".encode("utf-16"), "not UTF-8 (byte 0)"),
        (b"ab\x00c", "NUL (character 2)"),
        (b"x" * (10 * 1024 * 1024 + 1), "larger than 10 MB"),
    ],
    ids=["empty", "blank", "mark only", "not UTF-8", "UTF-16", "NUL", "too large"],
)
@pytest.mark.parametrize("word", [(), ("-",)], ids=["pipe", "dash"])
def test_bad_standard_input_is_refused(kt: Any, word: tuple[str, ...], data: bytes, says: str) -> None:
    done = kt.play(*word, stdin=data)
    assert says in done.error
    assert done.code == 65


def write_without_end(descriptor: int) -> None:
    while True:
        os.write(descriptor, b"x" * 65536)


def test_input_without_end_is_refused_when_it_is_too_large(kt: Any) -> None:
    reading, writing = os.pipe()
    process = kt.start("run", "./c.yaml", "--scripted", kt.script("x"), stdin=reading)
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        write_without_end(writing)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 65
    assert b"larger than 10 MB" in err


def test_the_null_device_alone_is_an_empty_prompt(kt: Any) -> None:
    done = kt.play()
    assert done.code == 65
    assert "standard input is empty" in done.error


@pytest.mark.parametrize(("words", "code"), [((), 65), (("hi",), 0)])
def test_a_closed_standard_input_is_like_the_null_device(kt: Any, words: tuple[str, ...], code: int) -> None:
    assert kt.play(*words, preexec_fn=lambda: os.close(0)).code == code


class TestFirstWord:
    """The first word is a creature if it looks like one; else it is the prompt, and the settings name the creature."""

    @pytest.fixture(autouse=True)
    def configured(self, kt: Any) -> None:
        kt.home.mkdir(exist_ok=True)
        (kt.home / "config.toml").write_text(f'creature = "{kt.folder}/c.yaml"\n')

    def run(self, kt: Any, *words: str) -> Any:
        return kt("run", *words, "--scripted", kt.script("Hello."), "--output", "stream-json")

    def agent(self, done: Any) -> str:
        return str(json.loads(done.out.splitlines()[0])["agent"])

    @pytest.mark.parametrize(
        "prompt", ["hello", "what is in @kt-biome?", "explain ./c.yaml to me", "word " * 100, "two\nlines.yaml"]
    )
    def test_a_prompt_is_for_the_configured_creature(self, kt: Any, prompt: str) -> None:
        done = self.run(kt, prompt)
        assert self.agent(done) == "tester"
        assert sent(done) == prompt

    @pytest.mark.parametrize("form", ["./d.yaml", "d.yaml", "d.toml", "{folder}/d.yaml", "sub", "./sub", "../work/sub"])
    def test_a_file_or_folder_is_the_creature(self, kt: Any, form: str) -> None:
        (kt.folder / "d.yaml").write_text("name: other\n")
        (kt.folder / "d.toml").write_text('name = "other"\n')
        (kt.folder / "sub").mkdir()
        (kt.folder / "sub" / "creature.yaml").write_text("name: other\n")
        done = self.run(kt, form.format(folder=kt.folder), "hello")
        assert self.agent(done) == "other"
        assert sent(done) == "hello"

    def test_a_creature_alone_takes_its_prompt_from_the_pipe(self, kt: Any) -> None:
        (kt.folder / "d.yaml").write_text("name: other\n")
        script = kt.script("Hello.")
        done = kt("run", "d.yaml", "--scripted", script, "--output", "stream-json", stdin=b"piped")
        assert (self.agent(done), sent(done)) == ("other", "piped")

    def test_the_creature_of_a_trusted_project_comes_first(self, kt: Any) -> None:
        project = kt.folder / "project"
        (project / ".kt").mkdir(parents=True)
        (project / "below").mkdir()
        (project / "mine.yaml").write_text("name: mine\n")
        (project / ".kt" / "config.toml").write_text('creature = "./mine.yaml"\n')
        below = ("--cwd", str(project / "below"))
        assert self.agent(self.run(kt, "hello", *below)) == "tester"
        assert kt("trust", "project").code == 0
        assert self.agent(self.run(kt, "hello", *below)) == "mine"


def test_the_working_folder_is_where_tools_work(kt: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    started = json.loads(play(kt, "hi", "--cwd", str(elsewhere)).out.splitlines()[0])
    assert started["cwd"] == str(elsewhere)
