"""The keyring of the system as a place for keys: the kind `keys`."""

import keyring
from keyring.errors import KeyringError, PasswordDeleteError
from kt.errors import ConfigError, NotFound

SERVICE, NAMES = "kterrarium", "names"


class KeyringKeys:
    """Keep keys by the environment variable they stand in for; the environment itself goes first.

    A keyring cannot be listed, so the names stand in it under a name of their own. Raises ConfigError where there is
    no keyring.
    """

    file = "the keyring of the system"

    def names(self) -> list[str]:
        """Return the variables that have a key here."""
        return sorted((self._read(NAMES) or "").split())

    def get(self, variable: str) -> str:
        """Return the key, "" where there is none."""
        return self._read(variable)

    def put(self, variable: str, key: str) -> None:
        """Keep a key."""
        self._write(variable, key)
        self._write(NAMES, " ".join({*self.names(), variable}))

    def remove(self, variable: str) -> None:
        """Forget a key. Raises NotFound."""
        try:
            keyring.delete_password(SERVICE, variable)
        except PasswordDeleteError:
            raise NotFound(f"no key {variable!r} is kept") from None
        self._write(NAMES, " ".join({*self.names()} - {variable}))

    def _read(self, name: str) -> str:
        try:
            return keyring.get_password(SERVICE, name) or ""
        except KeyringError as error:
            raise ConfigError(f"the keyring can't be read: {error}", hint="pip uninstall kt-keyring") from None

    def _write(self, name: str, value: str) -> None:
        try:
            keyring.set_password(SERVICE, name, value)
        except KeyringError as error:
            raise ConfigError(f"the keyring can't be written: {error}", hint="pip uninstall kt-keyring") from None
