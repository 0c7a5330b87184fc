"""What a slash command answers with, where words are not enough."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChatReply:
    """Tell a surface what a slash command wants: `text` to show, and at most one of the others.

    `say` becomes the person's next message to the model; `copy` goes to the clipboard. `open` is the session the
    conversation goes on with, a name or a path, "" for a fresh one; `leave` ends the conversation.
    """

    text: str = ""
    say: str = ""
    copy: str = ""
    open: str | None = None
    leave: bool = False
