"""What a text for bash can run: a table, the tricks that get round permission systems, and bash itself as the judge."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kt_permissions.shell import MAX_BYTES, Simple, parts_of
from kt_permissions.words import literal

BASH = shutil.which("bash") or ""
needs_bash = pytest.mark.skipif(not BASH, reason="bash is the judge")


def shown(part: Simple) -> str:
    """Return the command as the tables write it: ? is a word that is not known."""
    words = ["?" if w is None else w if w and " " not in w else repr(w) for w in part.words]
    words += [f"{name}={'?' if value is None else value}" for name, value in part.assignments]
    return " ".join([*words, *(f">{w or '?'}" for w in part.writes), *(f"<{w or '?'}" for w in part.reads)])


CERTAIN = [
    ("git status", ["git status"]),
    ("", []),
    ("# git push", []),
    ("a; b", ["a", "b"]),
    ("a && b || c", ["a", "b", "c"]),
    ("a & b", ["a", "b"]),
    ("a &", ["a"]),
    ("a\nb", ["a", "b"]),
    ("a | b |& c", ["a", "b", "c"]),
    ("(a; b)", ["a", "b"]),
    ("{ a; b; }", ["a", "b"]),
    ("! a", ["a"]),
    ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
    ("while a; do b; done", ["a", "b"]),
    ("until a; do b; done", ["a", "b"]),
    ("for x in 1 2; do a $x; done", ["x=?", "a ?"]),
    ("case $x in a|b) c;; *) d;; esac", ["c", "d"]),
    ("[ -f x ] && a", ["[ -f x ]", "a"]),
    ("[[ -f $(a) ]] && b", ["a", "b"]),
    ("echo $(a)", ["echo ?", "a"]),
    ("echo `a b`", ["echo ?", "a b"]),
    ('echo "x $(a "y $(b)")"', ["echo ?", "a ?", "b"]),
    ("diff <(a) <(b)", ["diff ? ?", "a", "b"]),
    ("a > >(b)", ["a >?", "b"]),
    ("echo ${x:-$(a)}", ["echo ?", "a"]),
    ("echo $((1 + 2))", ["echo ?"]),
    ("x=$(a)", ["x=?", "a"]),
    ("x=(1 $(a))", ["x=?", "a"]),
    ("A=1 b", ["b A=1"]),
    ("make A=1", ["make A=1"]),
    ("a > f", ["a >f"]),
    ("a >| f", ["a >f"]),
    ("a >> f 2>&1", ["a >f"]),
    ("a &> f", ["a >f"]),
    ("a &>> f", ["a >f"]),
    ("a >& f", ["a >f"]),
    ("a 2>/dev/null", ["a >/dev/null"]),
    ("a >&2 2>&-", ["a"]),
    ("a < f", ["a <f"]),
    ('a > "$f"', ["a >?"]),
    ("a > f b c", ["a b c >f"]),
    ("> f a b", ["a b >f"]),
    ("> f", [">f"]),
    ("echo $(> f)", ["echo ?", ">f"]),
    ("(a; b) > f", [">f", "a", "b"]),
    ("a | b > f", ["a", "b >f"]),
    ("[[ -n x ]] > f", [">f"]),
    ("cat <<< $(a)", ["cat", "a"]),
    ("cat <<E\n$(a) $x\nE\nb", ["cat", "a", "b"]),
    ("cat <<'E'\n$(a) `\nE\nb", ["cat", "b"]),
    ("cat <<-E\n\t$a\n\tE", ["cat"]),
    ("python - <<'E' > f a\nx\nE", ["python - a >f"]),
    ("cat <<E | b > f && c\nx\nE", ["cat", "b >f", "c"]),
    ("git commit -m \"$(cat <<'EOF'\nit's `x`\nEOF\n)\"", ["git commit -m ?", "cat"]),
    ("ls *.py", ["ls ?"]),
    ("echo {a,b} ~/x a{}b @{1}", ["echo ? ? a{}b @{1}"]),
    ("a # b; c\nd", ["a", "d"]),
    ("a x#y '#z'", ["a x#y #z"]),
    ("a \\\n  b", ["a b"]),
    ("env A=1 a b", ["env A=1 a b", "a b A=1"]),
    ("env -u X -i a", ["env -u X -i a", "a"]),
    ("nohup a &", ["nohup a", "a"]),
    ("timeout -k 5 10s a -x", ["timeout -k 5 10s a -x", "a -x"]),
    ("nice -n 5 a", ["nice -n 5 a", "a"]),
    ("time -p a", ["time -p a", "a"]),
    ("sudo -u root a b", ["sudo -u root a b", "a b"]),
    ("a | xargs -0 -n1 rm -f", ["a", "xargs -0 -n1 rm -f", "rm -f ?"]),
    ("a | xargs -I{} mv {} d", ["a", "xargs -I{} mv {} d", "mv ? d"]),
    ("find . -exec rm {} \\; -exec a +", ["find . -exec rm {} ; -exec a +", "rm ?", "a +"]),
    ("find . -execdir rm -- {} + -o -ok b \\;", ["find . -execdir rm -- {} + -o -ok b ;", "rm -- ?", "b"]),
    ("command -p a b", ["command -p a b", "a b"]),
    ("command -v a", ["command -v a"]),
    ("exec -a z a", ["exec -a z a", "a"]),
    ("builtin cd x", ["builtin cd x", "cd x"]),
    ("sh -c 'a; b'", ["sh -c 'a; b'", "a", "b"]),
    ("/bin/bash -lc 'a \"$(b)\"'", ["/bin/bash -lc 'a \"$(b)\"'", "a ?", "b"]),
    ("timeout 5 env A=1 sh -c 'a'", ["timeout 5 env A=1 sh -c a", "env A=1 sh -c a", "sh -c a A=1", "a"]),
    ("set -euo pipefail; a", ["set -euo pipefail", "a"]),
    ("export A=1", ["export A=1"]),
    ("git -c core.pager='rm x' log", ["git -c 'core.pager=rm x' log"]),  # one literal command: `git *` matches it
    ("python x.py", ["python x.py"]),
]
TRICKS = [
    ("git status\nrm x", ["git status", "rm x"]),
    ("git status&rm x", ["git status", "rm x"]),
    ("git status;rm x", ["git status", "rm x"]),
    ("git$(rm x)", ["?", "rm x"]),
    ("git log `rm x`", ["git log ?", "rm x"]),
    ("\\rm x", ["rm x"]),
    ('"r"m x', ["rm x"]),
    ("r''m x", ["rm x"]),
    ("$'\\x72m' x", ["rm x"]),
    ("$'\\162\\155' x", ["rm x"]),
    ("$'\\u0072m' x", ["rm x"]),
    ("r\\m x", ["rm x"]),
    ("/bin/rm x", ["/bin/rm x"]),
    ('git log --format="$(rm x)"', ["git log ?", "rm x"]),
    ("cat <<E\n$(rm x)\nE", ["cat", "rm x"]),
    ("git diff | tee >(rm x)", ["git diff", "tee ?", "rm x"]),
    ("git --help # $(x\nrm x", ["git --help", "rm x"]),
    ("echo a'\n'; rm x", ["echo a\n", "rm x"]),
]
UNCERTAIN = [
    "a\rb",
    "git status\u2028rm x",
    "git\u00a0status",
    "git status \u202e x",
    "a\x00b",
    "\ud800",
    "rm$IFS-rf",
    "git${IFS}push",
    "${x:-rm} y",
    "$x y",
    "`a` b",
    "{rm,-rf,x}",
    "r* x",
    "~/x y",
    "eval a",
    "source x",
    ". ./x",
    "trap 'rm x' EXIT",
    "alias git=rm",
    "enable -f ./x.so y",
    "hash -p /tmp/x git",
    "shopt -s extglob",
    "set -k",
    "let 'x[$(rm)]'",
    "mapfile -C rm -c 1 x",
    "bind -x y",
    "coproc a",
    "su -c 'rm x'",
    "git() { rm x; }; git",
    "function git { rm x; }",
    "PATH=. git status",
    "LD_PRELOAD=./x.so git status",
    "BASH_ENV=x bash y",
    "IFS=x; a",
    "PS4='$(rm x)'; a",
    "GIT_PAGER='rm x' git log",
    "GIT_SSH_COMMAND=x git fetch",
    "export PATH=.",
    "declare -i x=y",
    "unset PATH",
    "read PATH",
    "for PATH in .; do git x; done",
    "env PATH=. git x",
    "env -S 'rm x'",
    "sudo -Z a",
    "cat <<-E\n\t$(a)\n\tE",
    'sh -c "$x"',
    'bash -c "rm $x"',
    "echo rm x | sh",
    "bash -s < x",
    "sh <<< 'rm x'",
    "zsh -c 'a'",
    "sh -c \"\\$'a' b\"",
    "sh -c '[[ a > b ]]'",
    "xargs -I{} sh -c 'rm {}'",
    "find $x",
    "find . -name *.py",
    "timeout $x rm y",
    "echo $((x))",
    "echo $((a[$(rm x)]))",
    "((x++))",
    "[[ $x -eq 1 ]]",
    "[[ -v $x ]]",
    "[ -v 'a[$(rm x)]' ]",
    "test -v 'a[$(rm x)]'",
    "[ $x = 1 ]",
    "printf -v 'a[$(rm x)]' y",
    "a[$(rm x)]=1",
    "echo ${x@P}",
    "echo ${!x}",
    "echo ${a[$(rm x)]}",
    "echo ${PATH:=x}",
    "a >&\"1\"'$(rm x)'",
    "a 'x",
    'a "x',
    "a $(b",
    "a `b",
    "a )",
    "if a; then b",
    "cat <<E\nx",
    "cat <<A <<B\na\nA\nb\nB",
    "cat <<E\na\\\nE\nrm x\nE",
    "echo `echo \\`rm x\\``",
    "time { a; }",
    "time x+=b a",
    "<<<$ $x >f",
    "x=$ a b",
    "[ a > b ]",
    "[ a\nb ]",
    "'a'\\b c",
    "echo \"${x:-'$(rm y)'}\"",
    "$\\\n(rm x)",
    "r\\\nm x",
    "(" * 60 + "a" + ")" * 60,
    "$(" * 60 + "a" + ")" * 60,
    "command " * 60 + "a",
    "a;" * MAX_BYTES,
    "(" * 10_000,
    "a|" * 10_000,
]
"""Texts that bash and a parser read differently, that decide late what runs, or that are no bash at all."""


@pytest.mark.parametrize(("command", "expected"), [*CERTAIN, *TRICKS])
def test_the_commands_of_a_text(command: str, expected: list[str]) -> None:
    parts = parts_of(command)
    assert [shown(part) for part in parts.commands] == expected
    assert parts.certain == (not any(part.startswith("?") for part in expected)), parts.why


@pytest.mark.parametrize("command", UNCERTAIN)
def test_what_is_not_certain_says_why(command: str) -> None:
    parts = parts_of(command)
    assert not parts.certain
    assert parts.why


def test_what_is_uncertain_still_shows_what_was_found() -> None:
    assert [shown(part) for part in parts_of("git() { rm x; }; eval y; sh -c 'git push'").commands] == [
        "rm x",
        "eval y",
        "sh -c 'git push'",
        "git push",
    ]


@settings(max_examples=300, deadline=None)
@given(st.text())
@example("\ud800")
@example("${" * 500)
@example("[ a " * 2000 + "]")
def test_no_text_raises(text: str) -> None:
    parts_of(text)
    try:
        literal(text)
    except ValueError:
        pass


PIECES = st.sampled_from(
    [
        *"abx019 '\"\\$`{}[]*?~!#=:,.;-()<>|&\n\té/%@^+",
        "$'",
        "\\x7",
        "\\u00",
        "\\n",
        "..",
        "{a",
        "${",
        "\\'",
        '\\"',
        "\\\n",
    ]
)


@needs_bash
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=9).map("".join))
@example("$'\\101\\x42\\n\\q\\''")
@example('"a\\$\\q\\\n$"')
@example("a\\\nb")
@example("{a'..'b}")
def test_a_literal_word_is_what_bash_makes_of_it(word: str) -> None:
    try:
        value = literal(word)
    except ValueError:
        return
    if value is None or word.replace("\\\n", "")[:1] in ("", "#"):
        return
    done = subprocess.run([BASH, "-c", f"printf '%s\\0' {word}"], capture_output=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode() == value + "\0"


SOUP = st.sampled_from(
    ["a", "b", "c ", "cat ", "'a'", '"a', "x=1 ", "x=", "x=(", "$x", '"$x"', "${x}", "${x:-", "{a,b}", "{ ", "}", "*",
     " ", " ", " ", "\t", "\n", ";", ";;", "&", "&&", "||", "|", "|&", "(", ")", "$(", "<(", "`", "\\`", "((", "))",
     "'", '"', "$'", "\\'", '\\"', "\\", "\\\n", "#", "<", ">f", ">", "&>", ">|", "2>&1", "<<<", "<<E", "<<-E", "<<'E'",
     "\nE\n", "\nE\n)", "E", "if ", ";then ", ";fi ", "case ", " in ", "esac ", "for x ", ";do ", ";done ", "! ", "= ",
     " - ", "[ ", " ]", "[[ ", " ]]", "-n ", "time ", "function ", "coproc ", "select ", "sh -c ", "eval ",
     "command ", "$((1"]
)  # fmt: skip
LOGS = '() { printf \'%s\\0\' "$@" > "$LOG/$BASHPID-$RANDOM$RANDOM"; }'


def may_be(words: tuple[str | None, ...], run: list[str]) -> bool:
    """Return whether the words can be what ran; one that is not known is any number of words."""
    if not words:
        return not run
    if words[0] is None:
        return any(may_be(words[1:], run[n:]) for n in range(len(run) + 1))
    return run[:1] == [words[0]] and may_be(words[1:], run[1:])


@needs_bash
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(SOUP, min_size=2, max_size=14).map("".join))
@example(text="'a'\\b c")
@example(text="b c$(>f)b")
@example(text="\nE\n[ \n ]")
@example(text='cat $"$x"')
@example(text="x=(\nE\n)[ if *cat >{ ")
def test_bash_runs_and_writes_nothing_that_was_not_seen(text: str, tmp_path: Path) -> None:
    parts = parts_of(text)
    if not parts.certain:
        return
    work, log = tmp_path / "work", tmp_path / "log"
    for folder in (work, log):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    env = {"PATH": "/nowhere", "LOG": str(log), "x": "xx yy", "BASH_FUNC_command_not_found_handle%%": LOGS}
    subprocess.run(
        [BASH, "-c", f"ulimit -t 5\n{text}"], env=env, cwd=work, stdin=subprocess.DEVNULL, capture_output=True
    )
    for file in log.iterdir():
        run = [os.fsdecode(word) for word in file.read_bytes().split(b"\0")[:-1]]
        assert any(may_be(part.words, run) for part in parts.commands), run
    for file in work.iterdir():
        assert any(name in (None, file.name) for part in parts.commands for name in part.writes), file.name
