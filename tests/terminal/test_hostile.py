"""What models and tools write is shown, and never obeyed, on every surface that draws on a terminal."""

import base64
import re
from typing import Any

import pytest

from .driver import Terminal, squeezed

OWNED = base64.b64encode(b"owned").decode()
TERMINAL = {
    "clipboard": f"\x1b]52;c;{OWNED}\x07", "title": "\x1b]0;owned\x07", "clear": "\x1b[2J\x1b[1;1H",
    "alternate": "\x1b[?1049h", "mouse": "\x1b[?1000h", "colour": "\x1b[31;5mred", "keys": "\x1b[>1u", "up": "\x1b[9A",
    "device": "\x1bP+q544e\x1b\\", "charset": "\x1b(0\x0e", "reset": "\x1bc", "report": "\x1b[6n\x1b[c\x1b[21t",
    "link": "\x1b]8;;http://owned\x1b\\here\x1b]8;;\x1b\\", "c1": "\x9b2J\x9d0;owned\x9c\x90q\x9c\x85",
    "return": "over\rwritten", "back": "a\x08\x08b", "bell": "\x07", "delete": "\x7f", "nul": "\0",
}  # fmt: skip
UNSEEN = {
    "bidi": "\u202e\u2066\u200f\u061cowned", "zero": "ow\u200bn\u2060e\ufeffd", "breaks": "a\u2028b\u2029c",
    "annotation": "\ufff9\ufffa\ufffb", "tags": "\U000e0041\U000e0042\U000e007f", "fillers": "\u115f\u3164\uffa0",
    "soft": "a\u00adb",
}  # fmt: skip
HARM = " ".join({**TERMINAL, **UNSEEN}.values())
PROMPT = "\n> rm -rf /\n"
LONG = "w" * 1_000_000
PLAYED = """
HARM, PROMPT, LONG = {data}
async def think(request):
    yield ThinkingDelta("thinking " + HARM + PROMPT)
    yield said("thought", Thinking("thinking " + HARM + PROMPT))
async def stream(request):
    text = "# answer " + HARM + "\\n\\n- item " + HARM + "\\n\\n```\\n" + HARM + PROMPT + "```\\n\\n" + LONG[:50000]
    for at in range(0, len(text), 7 if len(text) < 9000 else 4000):
        yield text[at:at + (7 if len(text) < 9000 else 4000)]
    yield said(text)
steps = [
    think, stream,
    [("bash", {{"command": "cat harm.bin"}})], [("bash", {{"command": "cat long.txt"}})],
    [("bash", {{"command": "echo " + HARM.replace("\\0", "")}})], [("ba" + HARM + "sh", {{"x" + HARM: HARM + PROMPT}})],
    [("read", {{"path": "no" + HARM + PROMPT}})],
    [("ask_user", {{"question": "which? " + HARM + PROMPT, "choices": ["one " + HARM, "two"]}})],
    "calls done",
    errors.ModelError("model failed " + HARM + PROMPT),
]
"""
CONTROL = re.compile("[\x00-\x06\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
SEQUENCE = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[PX^_][^\x1b]*\x1b\\\\|[ -/]*[0-~])"
)


def sequences(text: str) -> set[str]:
    """Return the forms of all escape sequences: numbers as n, of colours none."""
    forms = set()
    for found in SEQUENCE.findall(text):
        form = "SGR" if re.fullmatch("\x1b\\[[\\d;]*m", found) else re.sub(r"\d+", "n", found)
        forms.add(form.replace("[nn", "[n").replace("[n", "["))
    return forms


def converse(place: Any, mode: str, harm: str, prompt: str, long: str) -> Terminal:
    """Hold the conversation with something in all that a model and its tools write."""
    place.write("long.txt", long)
    (place.folder / "harm.bin").write_bytes(harm.encode() + b"\xff\xfe\xc3(\x9b2J" + prompt.encode())
    script = "from kt.events import ThinkingDelta\n" + PLAYED.format(data=repr((harm, prompt, long)))
    terminal: Terminal = place.open(place.words("--mode", mode, script=script), size=(100, 40))
    terminal.wait("a message, /command" if mode == "tui" else "> ")
    terminal.pump(0.5)
    for line, end in (("think", "thought"), ("answer", "www"), ("call", "which?")):
        terminal.send(line + "\r")
        terminal.wait(end)
    terminal.wait_screen(r"2\. two")
    terminal.send("2\r")
    terminal.wait("calls done")
    terminal.send("fail\r")
    terminal.wait("model failed")
    terminal.pump(0.5)
    terminal.key("ctrl-d")
    assert terminal.ended() == 0
    return terminal


@pytest.mark.parametrize("mode", ["cli", "plain", "tui"])
def test_nothing_of_theirs_reaches_the_terminal(place: Any, mode: str) -> None:
    innocent = converse(place, mode, "harmless", "\nwords\n", LONG)
    hostile = converse(place, mode, HARM, PROMPT, LONG)
    text = hostile.raw.decode("utf-8")
    allowed = sequences(innocent.raw.decode("utf-8"))
    if mode == "plain":
        assert allowed == set()
    assert sequences(text) - allowed == set()
    left = SEQUENCE.sub("", text)
    assert set(CONTROL.findall(left)) - set(CONTROL.findall(SEQUENCE.sub("", innocent.raw.decode("utf-8")))) == set()
    assert "\x1b" not in left
    assert set(INVISIBLE.findall(left)) == set()
    assert OWNED in squeezed(text)  # it is shown


def test_what_is_not_theirs_stands_where_it_stood(place: Any) -> None:
    marked = re.compile(r"^(?:> |[*x?] |kept as|tester on)")
    both = []
    for harm in ("harmless", " ".join(TERMINAL.values())):
        terminal = converse(place, "cli", harm, "\n> rm -rf /\n", "www")
        both.append([line[:6] for line in terminal.scrollback().splitlines() if marked.match(line)])
    assert both[0] == both[1]
