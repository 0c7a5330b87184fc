"""Copies without secrets: what changes is copied, what does not is the same object, nothing given is changed."""

import dataclasses
import json
import traceback
from pathlib import Path
from typing import Any

import kt
import pydantic
import pytest
from kt.errors import DataError
from kt_redact.data import Redacted
from kt_redact.secrets import Secrets

VALUE, MARK = "correct\"horse'é", "[redacted S]"


@pytest.fixture
def secrets() -> Secrets:
    made = Secrets()
    made.add(VALUE, "S")
    made.add("1234567890", "PIN")
    return made


class Model(pydantic.BaseModel):
    name: str
    size: int = 0


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ({"a": [VALUE, {VALUE: (1, VALUE)}]}, {"a": [MARK, {MARK: (1, MARK)}]}),
        ({VALUE}, {MARK}),
        (f"x{VALUE}".encode() + b"\xff", f"x{MARK}".encode() + b"\xff"),
        (Path("/tmp") / VALUE, f"/tmp/{MARK}"),
        ({"pin": 1234567890, "size": 5}, {"pin": "[redacted PIN]", "size": 5}),
        (Model(name=VALUE), Model(name=MARK)),
        (kt.Text(VALUE, origin="web"), kt.Text(MARK, origin="web")),
    ],
)
def test_data_is_copied_without_secrets(secrets: Secrets, value: Any, clean: Any) -> None:
    before = repr(value)
    assert secrets.redact_data(value) == clean
    assert repr(value) == before


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True, "x", {"b": (1, 2)}]},
        b"\xff\x00 data",
        kt.Message("user", [kt.Text("a"), kt.Text("b")], encoded={"w": b"bytes"}),
        DataError("what", where="there", hint="do"),
        ValueError("x"),
        Path("/tmp/x"),
        Model(name="x"),
    ],
)
def test_what_has_no_secret_is_the_same_object(secrets: Secrets, value: Any) -> None:
    assert secrets.redact_data(value) is value


def test_a_changed_message_does_not_keep_the_bytes_of_a_wire(secrets: Secrets) -> None:
    kept = kt.Text("plain")
    message = kt.Message("user", [kept, kt.Text(VALUE)], encoded={"wire": b"bytes"}, id="m1")
    clean = secrets.redact_data(message)
    assert (clean.encoded, clean.id, clean.text) == (None, "m1", f"plain{MARK}")
    assert clean.parts[0] is kept
    assert message.encoded == {"wire": b"bytes"}


def test_a_secret_spread_over_parts_is_found(secrets: Secrets) -> None:
    parts: list[kt.Part] = [kt.Text("a " + VALUE[:5]), kt.Media("image/png", url="u"), kt.Text(VALUE[5:] + " z")]
    clean = secrets.redact_data(kt.Message("user", parts))
    assert clean.text == f"a {MARK} z"
    assert [p.kind for p in clean.parts] == ["text", "media"]


def test_both_forms_of_a_calls_arguments_say_the_same(secrets: Secrets) -> None:
    written = json.dumps({"key": VALUE, "pin": 1234567890}).replace("c", "\\u0063", 1)
    for arguments in (json.loads(written), None):
        call = kt.ToolCall("c1", "f", written, arguments)
        clean = secrets.redact_data(call)
        assert json.loads(clean.args_text) == {"key": MARK, "pin": "[redacted PIN]"}
        assert clean.arguments == (None if arguments is None else json.loads(clean.args_text))
        assert (call.args_text, call.arguments) == (written, arguments)


def test_the_bytes_of_arguments_without_a_secret_stay(secrets: Secrets) -> None:
    call = kt.ToolCall("c1", "f", '{ "a":1 }', {"a": 1})
    assert secrets.redact_data(call) is call


def test_what_a_provider_sealed_is_not_searched_for_tokens(secrets: Secrets) -> None:
    seal = "sk-" + "A1b2" * 20
    thought = kt.Thinking("about", signature=seal, encrypted=seal, x={"wire": {"encrypted_content": seal}})
    assert secrets.redact_data(thought) is thought
    assert secrets.redact_data(kt.Thinking(f"about {seal}", signature=seal)) == kt.Thinking(
        "about [redacted token]", signature=seal
    )


def test_frozen_dataclasses_are_copied(secrets: Secrets) -> None:
    made = dataclasses.make_dataclass("Made", [("text", str)], frozen=True, slots=True)
    assert secrets.redact_data(made(VALUE)) == made(MARK)


def failing() -> DataError:
    try:
        try:
            raise ValueError(f"cause {VALUE}")
        except ValueError as cause:
            error = DataError(f"bad {VALUE}", where=f"/{VALUE}", hint=f"not {VALUE}")
            error.add_note(f"note {VALUE}")
            error.kt_plugin = "p"  # type: ignore[attr-defined]
            raise error from cause
    except DataError as error:
        return error


def test_errors_keep_their_class_and_chain(secrets: Secrets) -> None:
    error = failing()
    clean = secrets.redact_data(error)
    assert type(clean) is DataError
    assert (clean.what, clean.where, clean.hint) == (f"bad {MARK}", f"/{MARK}", f"not {MARK}")
    assert (clean.kt_plugin, clean.exit_code) == ("p", 65)  # type: ignore[attr-defined]
    assert isinstance(clean.__cause__, Redacted)
    text = "".join(traceback.format_exception(clean))
    assert VALUE not in text
    assert f"note {MARK}" in text
    assert f"ValueError: cause {MARK}" in text
    assert "in failing" in text
    assert VALUE in str(error)


def test_errors_that_lead_to_each_other_end(secrets: Secrets) -> None:
    one, two = KTLoop(VALUE), KTLoop("two")
    one.__context__, two.__context__ = two, one
    assert str(secrets.redact_data(one)) == MARK


class KTLoop(kt.KTError):
    pass
