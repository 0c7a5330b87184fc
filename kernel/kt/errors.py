"""The error tree. `code` is what users see, `exit_code` what a shell sees, `status` how a turn ends with it.

KTError                      E-KT 1
├── UsageError               E-USAGE 2
├── DataError                E-DATA 65        unparsable or invalid data; `where` is file:line:col
├── NotFound                 E-NOTFOUND 66    a missing file or reference
├── ConfigError              E-CONFIG 78
│   ├── UnknownName          E-UNKNOWN 78     a name in configuration that nothing registers
│   ├── NameClash            E-CLASH 78       two distributions claim one name
│   ├── PluginError          E-PLUGIN 78      a plugin that does not load or does not fit
│   └── MissingPlugin        E-MISSING 78     what is asked for comes with another distribution
├── InternalError            E-BUG 70         a defect of ours; please report it
├── StoreError               E-STORE 74       a log that cannot be made durable
├── Vetoed                   E-VETO 77        a hook refused; its text is the result the model sees
├── ModelError               E-MODEL 1        the provider answered with an error
│   ├── ContextTooLong       E-CONTEXT 1
│   ├── TruncatedStream      E-TRUNCATED 1    a reply without its end mark
│   ├── ProviderDown         E-DOWN 69        unreachable, or out of quota, after retries
│   ├── KeyRefused           E-KEY 77
│   └── UnknownModel         E-NOMODEL 78
├── ArgumentsError           E-ARGS 1         the model sent invalid arguments three times
└── TurnError                                 what ended a turn
    ├── LimitReached         E-LIMIT 3
    ├── TurnTimeout          E-TIMEOUT 124
    ├── TurnCancelled        E-CANCELLED 130
    └── TurnWaiting          E-WAITING 77
"""

from collections.abc import Iterable


class KTError(Exception):
    """Report what went wrong, where, and what to do about it.

    `what` is one line; `where` names a file, plugin or option; `hint` is one imperative sentence.
    """

    code = "E-KT"
    exit_code = 1
    status = "failed"

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        return self.what + (f" ({self.where})" if self.where else "")

    def line(self) -> str:
        """Return the one line that surfaces print: `error[E-CODE]: what (where). hint: do this`."""
        text = f"error[{self.code}]: {' '.join(str(self).split())}"
        return f"{text}{'' if text.endswith(('?', '!', '.')) else '.'} hint: {self.hint}" if self.hint else text


class UsageError(KTError):
    code, exit_code = "E-USAGE", 2


class DataError(KTError):
    code, exit_code = "E-DATA", 65


class NotFound(KTError):
    code, exit_code = "E-NOTFOUND", 66


class ConfigError(KTError):
    code, exit_code = "E-CONFIG", 78


class UnknownName(ConfigError):
    code = "E-UNKNOWN"


class NameClash(ConfigError):
    code = "E-CLASH"


class PluginError(ConfigError):
    code = "E-PLUGIN"


class MissingPlugin(ConfigError):
    code = "E-MISSING"


class InternalError(KTError):
    code, exit_code = "E-BUG", 70


class StoreError(KTError):
    code, exit_code = "E-STORE", 74


class Vetoed(KTError):
    """Refuse the turn or the call at hand; raised by a hook, its text goes to the model or the caller."""

    code, exit_code, status = "E-VETO", 77, "denied"


class ModelError(KTError):
    code = "E-MODEL"


class ContextTooLong(ModelError):
    code = "E-CONTEXT"


class TruncatedStream(ModelError):
    code = "E-TRUNCATED"


class ProviderDown(ModelError):
    code, exit_code = "E-DOWN", 69


class KeyRefused(ModelError):
    code, exit_code = "E-KEY", 77


class UnknownModel(ModelError):
    code, exit_code = "E-NOMODEL", 78


class ArgumentsError(KTError):
    code = "E-ARGS"


class TurnError(KTError):
    """End the turn; the base of what is no failure of model or plugin."""


class LimitReached(TurnError):
    code, exit_code, status = "E-LIMIT", 3, "limit"


class TurnTimeout(TurnError):
    code, exit_code, status = "E-TIMEOUT", 124, "timeout"


class TurnCancelled(TurnError):
    code, exit_code, status = "E-CANCELLED", 130, "cancelled"


class TurnWaiting(TurnError):
    code, exit_code, status = "E-WAITING", 77, "waiting"


def nearest(name: str, known: Iterable[str], *, n: int = 3) -> str:
    """Return "did you mean a, b?" or "known: a, b, c" for a hint; empty when nothing is known.

    That two names both begin with kt- makes them no more alike.
    """
    from difflib import get_close_matches

    names = {each.removeprefix("@").removeprefix("kt-"): each for each in sorted(known)}
    if close := get_close_matches(name.removeprefix("@").removeprefix("kt-"), names, n=n, cutoff=0.6):
        return f"did you mean {', '.join(names[each] for each in close)}?"
    return f"known: {', '.join([*names.values()][:12])}{' ...' if len(names) > 12 else ''}" if names else ""
