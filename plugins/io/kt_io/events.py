"""What inputs tell of themselves."""

from dataclasses import dataclass

from kt.events import Event


@dataclass(slots=True)
class InputListening(Event):
    """An input takes connections at `address`: "http://HOST:PORT/PATH", "tcp://HOST:PORT" or "unix:PATH".

    `token_file` is where clients find the token that they must show, "" where they were told it or need none.
    """

    input: str
    address: str
    token_file: str = ""


@dataclass(slots=True)
class InputEnded(Event):
    """An input has come to its end, as a file does: no more turns come from it."""

    input: str
