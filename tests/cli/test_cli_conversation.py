"""Conversations: line by line through a pipe, and with a person at a terminal."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pexpect
import pytest

LAUNCH = [{"tool": "launch", "args": {"program": "x"}}]


def plain(kt: Any, data: bytes, *steps: Any) -> Any:
    return kt.play("--mode", "plain", steps=steps, stdin=data)


def test_each_line_is_a_turn_and_the_end_of_input_a_normal_end(kt: Any) -> None:
    done = plain(kt, b"first\n\n  \nsecond", "One.", "Two.")
    assert (done.code, done.out, done.err) == (0, "One.\nTwo.\n", "")


def test_no_input_at_all_is_a_normal_end(kt: Any) -> None:
    assert plain(kt, b"").code == 0
    assert kt.play("--mode", "plain").code == 0


def test_a_file_can_be_the_conversation(kt: Any) -> None:
    (kt.folder / "lines.txt").write_text("first\nsecond\n")
    with (kt.folder / "lines.txt").open() as file:
        assert kt.play("--mode", "plain", steps=("One.", "Two."), stdin=file).out == "One.\nTwo.\n"


def test_a_turn_that_fails_does_not_end_the_conversation(kt: Any) -> None:
    launch = {"tool": "echo", "args": {"nope": 1}}
    done = plain(kt, b"first\nsecond\n", launch, launch, launch, "Two.")
    assert (done.code, done.out) == (0, "Two.\n")
    assert done.error.startswith("error[E-ARGS]")


@pytest.mark.parametrize(
    ("line", "says"),
    [(b"a\xff\n", "not UTF-8"), (b"a\0b\n", "NUL"), (b"x" * (11 << 20), "10 MB")],
    ids=["not UTF-8", "NUL", "too long"],
)
def test_a_line_that_is_no_text_is_refused(kt: Any, line: bytes, says: str) -> None:
    done = plain(kt, line)
    assert says in done.error
    assert done.code == 65


def test_nobody_is_asked_through_a_pipe(kt: Any) -> None:
    done = plain(kt, b"go\nyes\n", LAUNCH, "Too bad.", "Bye.")
    assert (done.code, done.out) == (0, "Too bad.\nBye.\n")


def test_verbose_shows_the_calls(kt: Any) -> None:
    done = kt.play(
        "--mode", "plain", "--verbose", steps=([{"tool": "echo", "args": {"text": "a"}}], "Done."), stdin=b"x"
    )
    assert done.out == "Done.\n"
    assert '* echo {"text": "a"}' in done.err


def test_sigterm_ends_a_conversation_that_waits(kt: Any) -> None:
    process = kt.start("run", "./c.yaml", "--mode", "plain", "--scripted", kt.script("Ready."), stdin=subprocess.PIPE)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"Ready.\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert process.communicate()[1] == b""


Person = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def person(kt: Any) -> Iterator[Person]:
    """Start `kt run` line by line under a pseudo-terminal: `person(prompt, steps=...)`, or without a prompt."""
    started = []

    def start(*words: str, steps: tuple[Any, ...]) -> "pexpect.spawn[str]":
        args = ["run", "./c.yaml", *(words or ("--mode", "plain")), "--scripted", kt.script(*steps)]
        child = pexpect.spawn(
            kt.program, args, cwd=str(kt.folder), env=kt.env, encoding="utf-8", echo=False, timeout=30
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def ended(child: "pexpect.spawn[str]") -> int | None:
    child.expect(pexpect.EOF)
    child.close()
    code: int | None = child.exitstatus
    return code


def test_a_person_talks_and_ends_with_ctrl_d(person: Person) -> None:
    child = person(steps=("Hello you.", "Goodbye."))
    child.expect("tester on scripted in ")
    child.expect("> ")
    child.sendline("hi")
    child.expect("Hello you.\r\n> ")
    child.sendline("bye")
    child.expect("Goodbye.\r\n> ")
    child.sendeof()
    assert ended(child) == 0


@pytest.mark.parametrize(
    ("answer", "outcome"), [("1", "launch done"), ("yes", "launch done"), ("4", "said no to launch")]
)
def test_a_person_answers_a_question(person: Person, answer: str, outcome: str) -> None:
    child = person(steps=(LAUNCH, "Finished."))
    child.expect("> ")
    child.sendline("go")
    choices = r"1\. yes\s+2\. yes, in this session\s+3\. yes, always here\s+4\. no"
    child.expect(rf"Allow launch\? \(reach x:443\)\s+program: x\s+{choices}\s+\? ")
    child.sendline(answer)
    child.expect(outcome)
    child.expect("Finished.\r\n> ")
    child.sendeof()
    assert ended(child) == 0


def test_always_is_remembered_in_the_conversation(person: Person) -> None:
    other = [{"tool": "launch", "args": {"program": "y"}}]
    child = person(steps=(LAUNCH, "First.", LAUNCH, "Second.", LAUNCH, "Third.", other, "Fourth."))
    child.expect("> ")
    child.sendline("go")
    child.expect(r"\? $")
    child.sendline("2")
    child.expect("First.\r\n> ")
    # What it brought may be a stranger's words: that is another reason, so it is asked once more.
    child.sendline("again")
    child.expect("holds content from web")
    child.sendline("2")
    child.expect("Second.\r\n> ")
    child.sendline("and again")
    child.expect("Third.\r\n> ")
    assert "Allow" not in str(child.before)
    child.sendline("another")
    child.expect("program: y")
    child.sendline("4")
    child.expect("Fourth.")


def test_the_end_of_input_at_a_question_is_a_no(person: Person) -> None:
    child = person(steps=(LAUNCH, "Finished."))
    child.expect("> ")
    child.sendline("go")
    child.expect(r"4\. no\s+\? ")
    child.sendeof()
    child.expect(r"^\r\n! launch call_1: the user said no to launch")
    child.expect("Finished.")


def test_ctrl_c_at_a_question_ends_the_turn_and_takes_no_later_line(person: Person) -> None:
    child = person(steps=(LAUNCH, "Second turn."))
    child.expect("> ")
    child.sendline("go")
    child.expect(r"4\. no\s+\? ")
    child.sendintr()
    child.expect(r"\r\nerror\[E-CANCELLED\]: the turn was interrupted\r\n> ")
    child.sendline("and now")
    child.expect("Second turn.\r\n> ")
    child.sendeof()
    assert ended(child) == 0


def test_a_prompt_at_a_terminal_is_asked_about_as_well(person: Person) -> None:
    child = person("go", steps=(LAUNCH, "Finished."))
    child.expect(r"4\. no\s+\? ")
    child.sendline("1")
    child.expect("Finished.\r\n")
    assert ended(child) == 0


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_a_question_ends_the_run_at_once(person: Person, sent: signal.Signals, code: int) -> None:
    child = person("go", steps=(LAUNCH, "unreachable"))
    child.expect(r"4\. no\s+\? ")
    child.kill(sent)
    assert ended(child) == code


def test_what_a_model_says_cannot_move_the_cursor(person: Person) -> None:
    child = person("go", steps=("\x1b[2J\x1b]0;owned\x07 hidden\u202etext",))
    assert ended(child) == 0
    assert "\x1b" not in str(child.before)
    assert r"\x1b[2J\x1b]0;owned\x07 hidden\u202etext" in str(child.before)


def test_without_a_model_a_person_may_choose(kt: Any, person: Person) -> None:
    (kt.folder / "c.yaml").write_text("name: bare\n")
    spawn = {"cwd": str(kt.folder), "env": kt.env, "encoding": "utf-8", "echo": False, "timeout": 30}
    child = pexpect.spawn(kt.program, ["run", "./c.yaml", "hi"], **spawn)
    child.expect(r"(\d)\. the scripted demo")
    demo = str(child.match[1])
    child.expect("Choose .*: ")
    child.sendline(demo)
    child.expect("This is the scripted demo")
    assert ended(child) == 0
    child = pexpect.spawn(kt.program, ["run", "./c.yaml", "hi"], **spawn)
    child.expect("Choose .*: ")
    child.sendline("")
    child.expect("no model is chosen")
    assert ended(child) == 78


@pytest.mark.parametrize(("answer", "trusted"), [("y", True), ("", False)])
def test_a_projects_own_settings_are_asked_about_once(person: Person, kt: Any, answer: str, trusted: bool) -> None:
    (kt.folder / ".kt").mkdir()
    (kt.folder / ".kt/config.toml").write_text('[profile.default]\nplugins = ["jobs"]\n')
    child = person(steps=("Hello.",))
    child.expect(r'plugins = \["jobs"\]\s+Trust this folder as it is now\? \[y/N\] ')
    child.sendline(answer)
    child.expect("> " if trusted else "is ignored: not trusted, or changed since")
    child.sendeof() if trusted else child.close()
    assert (kt.home / "trusted.json").exists() == trusted
    headless = kt.play("hi", steps=("Hello.",))
    assert ("is ignored" in headless.err) == (not trusted)


def test_a_conversation_is_summarised_by_a_command(kt: Any) -> None:
    talk = b"first\n" + b"second " * 200 + b"\nthird\n/compact the numbers\n/etc/hosts is a file\n"
    done = plain(kt, talk, "One. " * 300, "Two. " * 300, "Three.", "It was about numbers.", "So it is.")
    assert done.code == 0
    assert done.out.endswith("So it is.\n")
    assert "the conversation was summarised: 6 messages became" in done.err


def test_a_command_that_fails_says_why(kt: Any) -> None:
    done = plain(kt, b"/compact\nhello\n", "Hello.")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert done.error.startswith("error[E-USAGE]: there is nothing to summarise yet")


def test_an_unknown_command_is_an_error_and_no_turn(kt: Any) -> None:
    done = plain(kt, b"/compct now\nhello\n", "Hello.")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert done.error.startswith("error[E-UNKNOWN]: no command /compct. hint: did you mean compact, ")


@pytest.mark.parametrize("line", ["/etc/hosts is a file", "//compact is a word", "/ is the root", "// a comment"])
def test_what_only_begins_like_a_command_goes_to_the_model(kt: Any, line: str) -> None:
    done = plain(kt, line.encode(), "Said.")
    assert (done.code, done.out, done.err) == (0, "Said.\n", "")


def test_help_lists_the_commands_and_the_way_out(kt: Any) -> None:
    done = plain(kt, b"/help\nhello\n", "Hello.")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert re.search(r"^/compact +summarise now: /compact \[FOCUS\]$", done.err, re.MULTILINE)
    assert "Ctrl-D ends the conversation" in done.err


ECHO = """
from kt import TurnResult, hookimpl


class Slash:
    chat_commands = ("shout",)

    @hookimpl
    async def kt_around_turn(self, agent, turn, next):
        text = turn.message.text
        return TurnResult(text=text.upper()) if text.startswith("/") else await next(turn)


@hookimpl
def kt_register(registry):
    registry.plugin("slash", "kt_loud:Slash", help="shouts")
"""


def test_a_plugin_that_says_so_answers_commands_itself(kt: Any, plugin: Any) -> None:
    plugin("loud", ECHO)
    talk = b"/shout it\n/whisper\n//whisper\n/help\nhello\n"
    done = kt.play("--mode", "plain", "-p", "slash", steps=("Hello.",), stdin=talk)
    assert (done.code, done.out) == (0, "/SHOUT IT\n/WHISPER\nHello.\n")
    assert "no command /whisper" in done.error
    assert re.search(r"^/shout +answered by slash$", done.err, re.MULTILINE)
