"""Keys in a keyring, by the package's own interface for backends."""

from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import PasswordDeleteError
from kt.errors import ConfigError, NotFound
from kt_keyring.keys import KeyringKeys


class InMemory(KeyringBackend):
    """A keyring that forgets when the process ends."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


@pytest.fixture
def backend() -> Any:
    before, made = keyring.get_keyring(), InMemory()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_keys_are_kept_listed_and_forgotten(backend: InMemory) -> None:
    keys = KeyringKeys()
    assert (keys.names(), keys.get("A_KEY")) == ([], "")
    keys.put("B_KEY", "two")
    keys.put("A_KEY", "one")
    keys.put("A_KEY", "new")
    assert (keys.names(), keys.get("A_KEY"), keys.get("B_KEY")) == (["A_KEY", "B_KEY"], "new", "two")
    keys.remove("A_KEY")
    assert (keys.names(), keys.get("A_KEY")) == (["B_KEY"], "")
    with pytest.raises(NotFound):
        keys.remove("A_KEY")


def test_without_a_keyring_it_says_so(backend: InMemory) -> None:
    keyring.set_keyring(NoKeyring())
    for act in (lambda: KeyringKeys().get("A"), lambda: KeyringKeys().put("A", "x")):
        with pytest.raises(ConfigError, match="the keyring can't be"):
            act()
