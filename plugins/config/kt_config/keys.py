"""Keys of providers in a file that only its owner can read: keys.json in the folder of the user's settings."""

import json
import os
import re
import stat
from pathlib import Path
from secrets import token_hex

from kt.errors import ConfigError, DataError, NotFound, UsageError, nearest

from .home import config_folder

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class FileKeys:
    """The keys by the environment variable they stand in for; the environment itself goes first."""

    def __init__(self) -> None:
        self.file = config_folder() / "keys.json"

    def names(self) -> list[str]:
        """Return the variables that have a key here."""
        return sorted(self._read())

    def get(self, variable: str) -> str:
        """Return the key, "" where there is none. Raises ConfigError where others could read the file."""
        return self._read().get(variable, "")

    def put(self, variable: str, key: str) -> None:
        """Keep a key. Raises UsageError for a name or key that can't be one; its value is in no message."""
        if not _NAME.fullmatch(variable):
            raise UsageError(f"{variable!r} is no variable's name", hint="for example OPENAI_API_KEY")
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(f"what was given for {variable} is no key", hint="one line without spaces")
        self._write({**self._read(), variable: key})

    def remove(self, variable: str) -> None:
        """Forget a key. Raises NotFound."""
        keys = self._read()
        if variable not in keys:
            raise NotFound(f"no key {variable!r} is kept", hint=nearest(variable, keys))
        del keys[variable]
        self._write(keys)

    def _read(self) -> dict[str, str]:
        if not self.file.is_file():
            return {}
        if os.name == "posix" and stat.S_IMODE(self.file.stat().st_mode) & 0o077:
            raise ConfigError("the file of keys can be read by others", where=str(self.file), hint="chmod 600 it")
        try:
            keys = json.loads(self.file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"the file of keys is no JSON: {error}", where=str(self.file)) from None
        if not isinstance(keys, dict) or not all(isinstance(v, str) for v in keys.values()):
            raise DataError("the file of keys must map names to keys", where=str(self.file))
        return keys

    def _write(self, keys: dict[str, str]) -> None:
        write_private(self.file, json.dumps(keys, indent=1, sort_keys=True) + "\n")


def write_private(file: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only; its folder too, where it is new."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f".{file.name}.{token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
