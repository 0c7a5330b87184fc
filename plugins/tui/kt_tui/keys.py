"""The keys, and one that Textual does not know from older terminals."""

from enum import Enum

from textual.binding import Binding, BindingType

HELP = (
    ("enter", "send; while a turn runs it joins that turn"),
    ("alt-enter", "a new line; while a turn runs: send it for the next turn"),
    ("ctrl-j", "a new line"),
    ("esc", "interrupt the turn; in a question: no"),
    ("up", "on an empty prompt: take back what waits, else the history"),
    ("tab", "complete; without a completion: to the next part of the screen"),
    ("ctrl-p", "the commands, and what else the screen can do"),
    ("ctrl-o", "unfold the last output, or fold it again; in a question: see all of the change"),
    ("ctrl-n", "in a question: the next of several"),
    ("ctrl-g", "write the prompt in $EDITOR"),
    ("ctrl-b", "put the running command into the background"),
    ("ctrl-l", "clear the conversation from the screen"),
    ("ctrl-c", "copy what is selected; else clear the prompt, interrupt; twice: leave"),
    ("ctrl-d", "leave, on an empty prompt"),
    ("f1", "show or hide the panes"),
    ("f2 ... f6", "creatures, jobs, to-do list, files, events"),
    ("f7", "the creatures of a team side by side, or one conversation"),
    ("f8", "other colours: the terminal's own, dark, light"),
)
PANES = ("creatures", "jobs", "todo", "files", "events")
BINDINGS: list[BindingType] = [
    Binding("escape", "escape", "interrupt", show=False),
    Binding("ctrl+c", "stop", "stop", show=False, priority=True),
    Binding("ctrl+d", "leave", "leave", show=False),
    Binding("ctrl+o", "unfold", "unfold", show=False, priority=True),
    Binding("ctrl+b", "to_background", "background", show=False, priority=True),
    Binding("ctrl+l", "clear", "clear", show=False, priority=True),
    Binding("ctrl+g", "edit", "editor", show=False, priority=True),
    Binding("f1", "side", "panes", show=False, priority=True),
    *(Binding(f"f{key}", f"pane('{name}')", name, show=False, priority=True) for key, name in enumerate(PANES, 2)),
    Binding("f7", "columns", "side by side", show=False, priority=True),
    Binding("f8", "colours", "colours", show=False, priority=True),
]


class _More(Enum):
    """Keys that are missing in `textual.keys.Keys`."""

    ALT_ENTER = "alt+enter"


def know_alt_enter() -> None:
    """Tell Textual what terminals without kitty's protocol send for alt-enter; it takes that for enter."""
    from textual import _ansi_sequences

    known: dict[str, object] = _ansi_sequences.ANSI_SEQUENCES_KEYS  # type: ignore[assignment]
    known["\x1b\r"] = (_More.ALT_ENTER,)
