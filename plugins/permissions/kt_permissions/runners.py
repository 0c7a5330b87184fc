"""Commands that run other commands, and builtins that change what later words mean."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Words = tuple[str | None, ...]
"""The words of a command; None for one that only running it tells."""


@dataclass(frozen=True, slots=True)
class Inner:
    """What a command runs: `words` with variables set for it, or the shell text `script`; `doubt`: nobody can say."""

    words: Words = ()
    assignments: tuple[tuple[str, str | None], ...] = ()
    script: str | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """The options before a command: letters and long names, alone and with a value; `skip` operands; `sets` A=b."""

    alone: str = ""
    valued: str = ""
    long: tuple[str, ...] = ()
    long_valued: tuple[str, ...] = ()
    skip: int = 0
    sets: bool = False


PREFIXES = {
    "env": Options("i0v", "uC", ("ignore-environment", "null", "debug"), ("unset", "chdir"), sets=True),
    "nohup": Options(),
    "setsid": Options("cfw", "", ("ctty", "fork", "wait")),
    "timeout": Options("fpv", "ks", ("foreground", "preserve-status", "verbose"), ("kill-after", "signal"), skip=1),
    "nice": Options("0123456789", "n", (), ("adjustment",)),
    "ionice": Options("t", "cn", ("ignore",), ("class", "classdata")),
    "stdbuf": Options("", "ioe", (), ("input", "output", "error")),
    "time": Options("p"),
    "sudo": Options("AbEHkKnPSs", "CDghpRTUu", ("preserve-env", "non-interactive", "set-home"),
                    ("user", "group", "chdir"), sets=True),
    "doas": Options("ns", "uC"),
    "xargs": Options("0rtpxo", "nPLsdaEI", ("null", "no-run-if-empty", "verbose", "interactive", "exit"),
                     ("max-args", "max-procs", "max-lines", "max-chars", "delimiter", "arg-file", "replace")),
    "command": Options("pvV"),
    "builtin": Options(),
    "exec": Options("cl", "a"),
}  # fmt: skip
SHELLS = frozenset(("bash", "sh", "dash", "ash", "zsh", "ksh", "mksh", "rbash", "fish", "csh", "tcsh", "yash"))
UNREADABLE = frozenset(
    (
        *("eval", "source", ".", "trap", "alias", "unalias", "coproc", "enable", "hash", "shopt", "bind", "complete"),
        *("compgen", "fc", "let", "mapfile", "readarray", "parallel", "su", "runuser", "script", "watch", "flock"),
        *("strace", "ltrace", "unshare", "nsenter", "chroot", "systemd-run", "run0", "busybox", "toybox", "sudoedit"),
    )
)
RESERVED = frozenset(
    (
        *("if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "in", "while", "until", "for", "select"),
        *("function", "coproc", "{", "}", "!", "[[", "]]"),
    )
)
_DECLARE = frozenset(("export", "declare", "typeset", "local", "readonly"))
_SET = re.compile(r"[-+][eux]*o?|pipefail|errexit|nounset|xtrace")
_NAME = re.compile(r"[A-Za-z_]\w*", re.A)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.S | re.A)
_SETS = re.compile(r"[A-Za-z_]\w*(\+?=|\[)", re.A)
_CHANGES = re.compile(
    r"PATH|IFS|ENV|SHELL|PS[0-4]|CDPATH|HOME|PROMPT_COMMAND|SHELLOPTS|POSIXLY_CORRECT|EDITOR|VISUAL|BROWSER"
    r"|(LD|DYLD|BASH|GIT|PYTHON|PERL\d?|RUBY|NODE|NPM|JAVA|XDG|LESS|MAN|SSH|CARGO|RUST|GO|MAKE|SUDO)_?[A-Z0-9_]*"
    r"|.*(_COMMAND|_WRAPPER|_OPTIONS|OPTS?|FLAGS|_PRELOAD|PAGER|EDITOR|ASKPASS)|.*_proxy|npm_config_.*"
)
_NOT_POSIX = re.compile(r"\$['\"\[]|\[\[|\(\(|&>|>&[^0-9-]|[<>]\(|\+=|<<<|\|&")


def changes_what_runs(name: str) -> bool:
    """Return whether a variable of this name decides which code runs, in the shell or in a well-known program."""
    return _CHANGES.fullmatch(name) is not None


def assignment(word: str | None) -> tuple[str, str] | None:
    """Return name and value of a word like A=b."""
    found = _ASSIGNMENT.fullmatch(word or "")
    return (found[1], found[2]) if found else None


def inside(words: Words) -> Iterator[Inner]:
    """Yield what the command with these words runs besides itself, and the doubts about it."""
    if not words:
        return
    if words[0] is None:
        yield Inner(doubt="the name of a command is not literal")
        return
    name = words[0].rpartition("/")[2]
    if words[0] in RESERVED or _SETS.match(words[0]):
        yield Inner(doubt=f"the shell reads {words[0]!r} differently")
    if name in UNREADABLE:
        yield Inner(doubt=f"{name} can run or change anything")
    elif name in PREFIXES:
        yield from _prefixed(name, words)
    elif name in SHELLS:
        yield from _shell(name, words)
    elif name in _OTHERS:
        yield from _OTHERS[name](words)


def _prefixed(name: str, words: Words) -> Iterator[Inner]:
    options = PREFIXES[name]
    at, values, doubt = _after_options(words, options)
    if doubt:
        yield Inner(doubt=f"{name}: {doubt}")
        return
    if name == "command" and any(word in ("-v", "-V", "-pv", "-pV") for word in words[1:at]):
        return
    inner = words[at + options.skip :]
    if None in words[1 : at + options.skip]:
        yield Inner(doubt=f"{name}: an option is not literal")
    if name == "xargs" and inner:
        mark = values.get("I", values.get("replace"))
        inner = (*(None if mark and mark in (word or "") else word for word in inner), *(() if mark else (None,)))
    assignments = []
    while options.sets and inner and (pair := assignment(inner[0])):
        assignments.append(pair)
        inner = inner[1:]
    if inner:
        yield Inner(inner, tuple(assignments))


def _after_options(words: Words, options: Options) -> tuple[int, dict[str, str], str]:
    """Return where the operands begin, the options' values, and why that is not known."""
    values: dict[str, str] = {}
    at = 1
    while at < len(words):
        word = words[at]
        if word is None:
            return at, values, "an option is not literal"
        at += 1
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            at -= 1
            break
        name, value, doubt = _option(word, options)
        if doubt:
            return at, values, doubt
        if value is None:
            following = words[at] if at < len(words) else ""
            if following is None:
                return at, values, "an option is not literal"
            value, at = following, at + 1
        values[name] = value
    return at, values, "" if words[at : at + 1] != ("-",) else "the option - is not known here"


def _option(word: str, options: Options) -> tuple[str, str | None, str]:
    """Return the last option in the word, its value (None: in the next word), and why that is not known."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        if name not in (*options.long, *options.long_valued):
            return name, "", f"the option --{name} is not known here"
        return name, value if equals or name in options.long else None, ""
    for position, letter in enumerate(word[1:], 2):
        if letter in options.valued:
            return letter, word[position:] or None, ""
        if letter not in options.alone:
            return letter, "", f"the option -{letter} is not known here"
    return word[-1], "", ""


def _shell(name: str, words: Words) -> Iterator[Inner]:
    """The text of sh -c, to be read like the rest; a script in a file is one more program."""
    plain = Options("cefnuvxl", "oO", ("norc", "noprofile", "posix", "login"))
    at, values, doubt = _after_options(words, plain)
    if doubt:
        yield Inner(doubt=f"{name}: {doubt}")
        return
    if at >= len(words):
        yield Inner(doubt=f"{name} reads commands from its input")
    elif not any(re.fullmatch(r"-[a-z]*c[a-z]*", word or "") for word in words[1:at]):
        return
    elif (script := words[at]) is None:
        yield Inner(doubt=f"the text of {name} -c is not literal")
    else:
        if name != "bash" and (name not in ("sh", "dash", "ash") or _NOT_POSIX.search(script)):
            yield Inner(doubt=f"{name} reads its text differently than bash")
        if "O" in values:
            yield Inner(doubt="shell options change how a text is read")
        yield Inner(script=script)


def _find(words: Words) -> Iterator[Inner]:
    if None in words:
        yield Inner(doubt="find: a word that is not literal can be -exec")
    at = 0
    while at < len(words):
        at += 1
        if words[at - 1] not in ("-exec", "-execdir", "-ok", "-okdir"):
            continue
        inner: list[str | None] = []
        while at < len(words) and words[at] != ";" and not (words[at] == "+" and words[at - 1] == "{}"):
            word = words[at]
            inner.append(None if word is None or "{}" in word else word)
            at += 1
        yield Inner(tuple(inner))


def _set(words: Words) -> Iterator[Inner]:
    if not all(_SET.fullmatch(word or "?") for word in words[1:]):
        yield Inner(doubt="set changes how a text is read")


def _declare(words: Words) -> Iterator[Inner]:
    for word in words[1:]:
        value = assignment(word)
        name = value[0] if value else word or ""
        if not re.fullmatch(r"-[xrgp]+", name) and (not _NAME.fullmatch(name) or changes_what_runs(name)):
            yield Inner(doubt=f"{words[0]} changes what runs")


def _names(words: Words) -> Iterator[Inner]:
    """Builtins that set or forget variables: an index in a name is calculated, which can run commands."""
    for word in words[1:]:
        if word is None or "[" in word or changes_what_runs(word):
            yield Inner(doubt=f"{words[0]} changes what runs")


def _printf(words: Words) -> Iterator[Inner]:
    if len(words) > 1 and (words[1] is None or words[1].startswith("-v")):
        yield from _names(words[:3])


def _test(words: Words) -> Iterator[Inner]:
    if words[1:2] == (None,) or "-v" in words or "-R" in words:
        yield Inner(doubt=f"{words[0]} -v calculates an index, which can run commands")


_OTHERS: dict[str, Callable[[Words], Iterator[Inner]]] = {
    **{"find": _find, "set": _set, "read": _names, "unset": _names, "getopts": _names, "wait": _names},
    **{"printf": _printf, "test": _test, "[": _test},
    **dict.fromkeys(_DECLARE, _declare),
}
