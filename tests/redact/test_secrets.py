"""What is known as a secret, in which forms it is found, and where the process-wide function and the filter help."""

import base64
import json
import logging
import shlex
import subprocess
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kt
import pytest
from kt_redact.secrets import LogFilter, Secrets, redact
from kt_redact.sources import is_secret

VALUE = "p@ss w/\"rd's+é$1?>"


def encodings() -> Iterator[str]:
    data = VALUE.encode()
    for front in range(4):
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            yield code(b"u:xyz"[:front] + data + b"tail").decode()
            yield code(b"u:xyz"[:front] + data).decode().rstrip("=")
    yield from (json.dumps(VALUE), json.dumps(VALUE, ensure_ascii=False), json.dumps(json.dumps({"a": VALUE})))
    yield from (data.hex(), data.hex().upper(), repr(VALUE), repr(data), shlex.quote(VALUE))
    yield from (urllib.parse.quote(VALUE), urllib.parse.quote(VALUE, safe=""), urllib.parse.urlencode({"a": VALUE}))


@pytest.mark.parametrize("text", [*encodings(), VALUE])
def test_a_value_is_found_in_its_encodings(text: str) -> None:
    secrets = Secrets()
    secrets.add(VALUE, "LOGIN")
    clean = secrets.redact(f"before {text} after")
    assert "[redacted LOGIN]" in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert len(clean) - len("before [redacted LOGIN] after") <= 16  # what was encoded around it


def test_a_shells_own_quoting_is_found() -> None:
    secrets = Secrets()
    secrets.add(VALUE, "LOGIN")
    done = subprocess.run(["bash", "-c", 'printf %q "$1"', "-", VALUE], capture_output=True, text=True, check=True)
    assert secrets.redact(done.stdout) in ("[redacted LOGIN]", done.stdout)
    assert "LOGIN" in secrets.redact(done.stdout) or done.stdout.startswith("$'")


def test_short_and_uniform_values_are_not_tracked() -> None:
    secrets = Secrets()
    for value in ("1234567", "xxxxxxxxxxxx", "", "  short  "):
        secrets.add(value, "NO")
    text = "1234567 xxxxxxxxxxxx short"
    assert secrets.redact(text) is text


def test_overlapping_secrets_leave_nothing() -> None:
    secrets = Secrets()
    secrets.add("abcdefgh12", "A")
    secrets.add("gh12ijklmn", "B")
    assert secrets.redact("<abcdefgh12ijklmn>") == "<[redacted A]>"


def test_the_longest_secret_wins() -> None:
    secrets = Secrets()
    secrets.add("postgres-password", "SHORT")
    secrets.add("postgres-password-of-admin", "LONG")
    assert secrets.redact("postgres-password-of-admin") == "[redacted LONG]"


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "GH_TOKEN", "db_password", "npm_config__authToken", "SENTRY_DSN", "API_KEY_2", "APIKEY"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["KEYBOARD_LAYOUT", "SSH_AUTH_SOCK", "GIT_AUTHOR_NAME", "HOME", "KEY_FILE", "MONKEY"])
def test_names_of_other_things(name: str) -> None:
    assert not is_secret(name)


def test_passwords_in_addresses_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me:correcthorse@db.example:5432/x")
    secrets = Secrets()
    secrets.refresh()
    assert secrets.redact("it is correcthorse at db.example") == "it is [redacted DATABASE_URL] at db.example"


def test_variables_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_LOGIN", "correcthorse")
    secrets = Secrets()
    secrets.refresh()
    assert secrets.redact("correcthorse") == "correcthorse"
    secrets.watch("MY_LOGIN")
    assert secrets.redact("correcthorse") == "[redacted MY_LOGIN]"


class Drawer:
    """A place where keys are kept."""

    opened = 0

    def names(self) -> list[str]:
        Drawer.opened += 1
        return ["KEPT"]

    def get(self, variable: str) -> str:
        return "correcthorse"


def test_kept_keys_are_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path))
    plugins = kt.Plugins()
    plugins.registry.add("keys", "drawer", Drawer)
    secrets = Secrets(kt.Host(plugins))
    Drawer.opened = 0
    secrets.read_stores()
    secrets.read_stores()
    assert (Drawer.opened, secrets.redact("correcthorse")) == (1, "[redacted KEPT]")


def test_the_function_of_the_process_knows_what_every_host_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "correcthorse")
    secrets = Secrets()
    secrets.add("batterystaple", "OF_HOST")
    assert redact("correcthorse batterystaple") == "[redacted SOME_TOKEN] [redacted OF_HOST]"


def test_a_filter_cleans_log_records(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("SOME_TOKEN", "correcthorse")
    logger = logging.getLogger("test.redact")
    caplog.handler.addFilter(made := LogFilter())
    try:
        try:
            raise ValueError("correcthorse is wrong")
        except ValueError:
            logger.exception("login with %s", "correcthorse")
        logger.warning("just text")
    finally:
        caplog.handler.removeFilter(made)
    assert "correcthorse" not in caplog.text
    assert "login with [redacted SOME_TOKEN]" in caplog.text
    assert "ValueError: [redacted SOME_TOKEN] is wrong" in caplog.text
    assert caplog.records[-1].getMessage() == "just text"


def test_the_entry_module_names_the_plugin_and_the_function() -> None:
    import kt_redact

    registry = kt.Registry()
    kt_redact.kt_register(registry)
    target: Any = registry.get("redactor", "default")
    assert target is redact
    assert registry.get("plugin", "redact").__name__ == "Redact"
