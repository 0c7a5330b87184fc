"""What the keys do."""

from typing import TYPE_CHECKING

from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent
from prompt_toolkit.keys import Keys

if TYPE_CHECKING:
    from .surface import Surface


def bindings(surface: "Surface") -> KeyBindings:
    """Return what the keys do on a surface."""
    keys = KeyBindings()
    for bind in (_typing, _acting, _answering, _everywhere):
        bind(keys, surface)
    return keys


def _typing(keys: KeyBindings, surface: "Surface") -> None:
    """Bind what edits the prompt, sends it, and leaves."""
    asking = Condition(lambda: surface.dialog is not None)
    empty = Condition(lambda: not surface.screen.prompt.text)
    completing = Condition(lambda: surface.screen.prompt.complete_state is not None)

    @keys.add("enter", filter=~asking & ~completing)
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.text.endswith("\\"):
            buffer.delete_before_cursor(1)
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("enter", filter=completing)
    def _complete(event: KeyPressEvent) -> None:
        buffer, state = event.current_buffer, event.current_buffer.complete_state
        chosen = state is not None and state.current_completion is not None
        buffer.complete_state = None
        if not chosen:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=~asking)
    def _later(event: KeyPressEvent) -> None:
        if surface.chat is not None and surface.chat.busy:
            surface.queueing = True
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.insert_text("\n")

    @keys.add("c-j", filter=~asking)
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-d", filter=~asking & empty)
    def _leave(event: KeyPressEvent) -> None:
        surface.leave()

    @keys.add("up", filter=~asking & empty)
    def _back(event: KeyPressEvent) -> None:
        if not surface.take_back():
            event.current_buffer.auto_up()


def _acting(keys: KeyBindings, surface: "Surface") -> None:
    """Bind what is done from the prompt beside typing."""
    asking = Condition(lambda: surface.dialog is not None)

    @keys.add("c-b", filter=~asking)
    def _background(event: KeyPressEvent) -> None:
        surface.to_background()

    @keys.add("c-g", filter=~asking)
    def _editor(event: KeyPressEvent) -> None:
        event.current_buffer.open_in_editor()

    @keys.add("c-v", filter=~asking)
    def _image(event: KeyPressEvent) -> None:
        surface.paste_image()

    @keys.add("s-tab", filter=~asking)
    def _mode(event: KeyPressEvent) -> None:
        surface.next_mode()

    @keys.add(Keys.BracketedPaste, filter=~asking)
    def _paste(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(surface.pastes.taken(event.data))


def _answering(keys: KeyBindings, surface: "Surface") -> None:
    """Bind what answers a question."""
    asking = Condition(lambda: surface.dialog is not None)

    @keys.add("enter", filter=asking)
    def _answer(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    untyped = Condition(lambda: not surface.screen.typed.text)

    for digit in "123456789":

        @keys.add(digit, filter=asking & untyped)
        def _choose(event: KeyPressEvent) -> None:
            if not surface.choose(int(event.data)):
                event.current_buffer.insert_text(event.data)

    @keys.add("up", filter=asking)
    def _previous(event: KeyPressEvent) -> None:
        surface.move(-1)

    @keys.add("down", filter=asking)
    def _next(event: KeyPressEvent) -> None:
        surface.move(1)


def _everywhere(keys: KeyBindings, surface: "Surface") -> None:
    """Bind what is the same at the prompt and in a question."""

    @keys.add("escape")
    def _interrupt(event: KeyPressEvent) -> None:
        surface.escape()

    @keys.add("c-c")
    def _stop(event: KeyPressEvent) -> None:
        surface.control_c()

    @keys.add("c-o")
    def _unfold(event: KeyPressEvent) -> None:
        surface.unfold()

    @keys.add("c-l")
    def _clear(event: KeyPressEvent) -> None:
        event.app.renderer.clear()
