"""What a rule matches, by the kind of the tool, and the laws of deny, ask and allow."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kt import ToolNeeds
from kt.errors import DataError
from kt_permissions.rules import Asked, Decision, Rule, Rules, decide

SHELL = ToolNeeds(writes=("$WS",), exec=("any",))
READ = ToolNeeds(reads=("$WS", "@path"))
WRITE = ToolNeeds(writes=("@path",))
FETCH = ToolNeeds(reads=(), net=("@url",))
PLAIN = ToolNeeds()


def decided(
    tool: str, needs: ToolNeeds, arguments: dict[str, Any], folder: Path = Path("/project"), **rules: Any
) -> Decision:
    texts = [[text] if isinstance(text := rules.get(kind, []), str) else text for kind in ("deny", "ask", "allow")]
    return decide(Rules.parse(*texts), Asked(tool, arguments, needs, folder))


def shell(command: object, **rules: Any) -> str | None:
    return decided("bash", SHELL, {"command": command}, **rules).verdict


@pytest.mark.parametrize("text", ["read", "bash(git status)", "mcp:server/*", "*", "fetch(*.example.com)", "x(f(1))"])
def test_a_rule_is_written_as_it_was_read(text: str) -> None:
    assert str(Rule.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "column"),
    [("", 1), ("(git)", 1), (" bash", 1), ("bash git", 5), ("bash(git", 9), ("bash)", 5), ("bash()", 6), ("bash( )", 6),
     ("bash(git) ", 11), ("write[src]", 6)],
)  # fmt: skip
def test_nonsense_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(DataError) as raised:
        Rule.parse(text)
    assert raised.value.where == f"rule {text!r}, column {column}"
    assert "bash(git *)" in raised.value.hint


@pytest.mark.parametrize(
    ("rule", "tool", "matches"),
    [("read", "read", True), ("read", "reads", False), ("mcp:a/*", "mcp:a/b", True), ("mcp:a/*", "mcp:ab", False),
     ("*", "anything", True), ("Read", "read", False), ("m.p", "mcp", False)],
)  # fmt: skip
def test_a_tool_is_named_whole_or_with_a_star(rule: str, tool: str, matches: bool) -> None:
    assert (decided(tool, PLAIN, {}, deny=rule).verdict == "deny") == matches


ALLOWED = [
    ("git *", "git status"),
    ("git *", "git"),
    ("git *", "git log --format='%h x'"),
    ("git *", "git -c core.pager='rm x' log"),
    ("git *", 'git log $x "$(git status)" 2>/dev/null'),
    ("git *", "git log && git diff | git x"),
    ("git *", "\\git 'status'"),
    ("git *", "x=1; git log $x"),
    ("git *", "git log < f"),
    ("git status", "git status"),
    ("git sta*", "git status"),
    ("git log *.py", "git log 'a b.py'"),
    ("./test *", "./test a"),
    ("*", "rm x > y"),
    ("*", "eval $x"),
]
NOT_ALLOWED = [
    ("git *", ""),
    ("git *", "gitx"),
    ("git *", "git;rm x"),
    ("git *", "git status; rm x"),
    ("git *", "git status\nrm x"),
    ("git *", "git log $(rm x)"),
    ("git *", "git log > f"),
    ("git *", "git log > $f"),
    ("git *", "git log >/dev/null 2>f"),
    ("git *", "git log < /dev/tcp/evil/80"),
    ("git *", "git log < $f"),
    ("git *", "> f"),
    ("git *", "A=1 git log"),
    ("git *", "HTTPS_PROXY=x; git fetch"),
    ("git *", "https_proxy=x; git fetch"),
    ("git *", "PATH=. git log"),
    ("git *", "./git log"),
    ("git *", "/tmp/git log"),
    ("git *", "GIT log"),
    ("git *", "$x log"),
    ("git *", "git() { git log; }; git x"),
    ("git *", "git 'x"),
    ("git *", "sudo git log"),
    ("git *", "timeout 5 git log"),
    ("git *", "echo x | git log"),
    ("git status", "git status -s"),
    ("git status", "git $x"),
    ("git status", "git"),
    ("git * push", "git $x push"),
    ("git log", "git log *"),
    ("env *", "env rm x"),
    ("find *", "find . -exec rm {} +"),
    ("sh *", "sh -c 'rm x'"),
]


@pytest.mark.parametrize(("pattern", "command"), ALLOWED)
def test_a_command_line_that_a_rule_allows(pattern: str, command: str) -> None:
    assert shell(command, allow=f"bash({pattern})") == "allow"


@pytest.mark.parametrize(("pattern", "command"), NOT_ALLOWED)
def test_a_command_line_that_a_rule_does_not_allow(pattern: str, command: str) -> None:
    assert shell(command, allow=f"bash({pattern})") is None


def test_each_command_may_have_its_own_rule() -> None:
    rules = ["bash(timeout *)", "bash(git *)", "bash(head)"]
    assert shell("timeout 5 git log | head", allow=rules) == "allow"
    assert shell("timeout 5 git log | tail", allow=rules) is None
    assert shell("timeout 5 rm x", allow=rules) is None


@pytest.mark.parametrize("verdict", ["deny", "ask"])
@pytest.mark.parametrize(
    ("pattern", "command", "touches"),
    [("rm *", "rm x", True), ("rm *", "git log; rm x", True), ("rm *", "git log $(rm x)", True),
     ("rm *", "/bin/rm x", True), ("rm *", "sudo rm x", True), ("rm *", "find . -exec rm {} +", True),
     ("rm *", "sh -c 'rm x'", True), ("rm *", "$x y", True), ("rm *", "eval x", True), ("rm *", "git 'x", True),
     ("rm -rf *", "rm $x", True), ("rm -rf /", "rm $x", True), ("rm a", "rm b $x", False), ("rm a", "rm a b $x", False),
     ("rm *", "git log > f", False), ("rm *", "git rm x", False), ("rm *", "rmdir x", False), ("rm *", "", False),
     ("rm -rf *", "rm -f x", False), ("rm *", "git $x", False), ("/bin/rm *", "rm x", False), ("rm", "rm x", False),
     ("*", "anything", True), ("* --force", "git --force", True)],
)  # fmt: skip
def test_a_command_line_that_may_be_what_a_rule_names(verdict: str, pattern: str, command: str, touches: bool) -> None:
    assert shell(command, **{verdict: f"bash({pattern})"}) == (verdict if touches else None)


def test_a_command_that_is_no_text_is_never_allowed_and_always_denied() -> None:
    assert shell(["git"], allow="bash(git *)") is None
    assert shell(["git"], deny="bash(rm *)") == "deny"


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [("src/**", "src/a/b.py", True), ("src/**", "./src/../src/a", True), ("src/**", "src", True),
     ("src/**", "srcs/a", False), ("src/**", "src/../a", False), ("src/**", "/project/src/a", False),
     ("src/*", "src/a", True), ("src/*", "src/a/b", False), ("**/*.py", "a.py", True), ("**/*.py", "x/y/a.py", True),
     ("*.py", "x/a.py", False), ("**", "a/b", True), ("**", "../a", False),
     ("*", "/etc/passwd", False), ("**x", "/x", False), ("a?", "ab", True),
     ("[a]", "[a]", True), ("[a]", "a", False), ("./a", "a", True), ("/etc/**", "/etc/passwd", True),
     ("a.py", "axpy", False), ("src/**", "a\nsrc/b", False)],
)  # fmt: skip
def test_a_path_is_compared_beneath_the_working_folder(tmp_path: Path, pattern: str, path: str, matches: bool) -> None:
    for verdict in ("deny", "ask", "allow"):
        found = decided("write", WRITE, {"path": path}, tmp_path, **{verdict: f"write({pattern})"})
        assert found.verdict == (verdict if matches else None)
        assert found.kind == "path"


def test_a_link_is_allowed_by_where_it_leads_and_denied_by_both(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "out").symlink_to("/etc")
    (tmp_path / "safe").symlink_to("src")
    through = {"path": "src/out/passwd"}
    assert decided("write", WRITE, through, tmp_path, allow="write(src/**)").verdict is None
    assert decided("write", WRITE, through, tmp_path, deny="write(src/**)").verdict == "deny"
    assert decided("write", WRITE, through, tmp_path, deny="write(/etc/**)").verdict == "deny"
    assert decided("write", WRITE, {"path": "safe/a"}, tmp_path, allow="write(src/**)").verdict == "allow"


@pytest.mark.parametrize("arguments", [{}, {"path": 1}, {"path": ["a", None]}, {"path": "a\0b"}])
def test_a_path_that_nobody_knows_is_never_allowed_and_always_denied(arguments: dict[str, Any]) -> None:
    assert decided("write", WRITE, arguments, allow="write(**)").verdict is None
    assert decided("write", WRITE, arguments, deny="write(src/**)").verdict == "deny"


def test_several_paths_are_allowed_together_and_denied_each() -> None:
    both = {"path": ["src/a", "b"]}
    assert decided("read", READ, both, allow="read(src/**)").verdict is None
    assert decided("read", READ, both, allow=["read(src/**)", "read(b)"]).verdict == "allow"
    assert decided("read", READ, both, deny="read(b)").verdict == "deny"


@pytest.mark.parametrize(
    ("pattern", "url", "allow", "deny"),
    [("docs.python.org", "https://docs.python.org/3/", True, True),
     ("docs.python.org", "https://DOCS.Python.org./3/", True, True),
     ("docs.python.org", "docs.python.org/3", True, True),
     ("docs.python.org", "http://docs.python.org:80/", True, True),
     ("docs.python.org", "https://docs.python.org:8443/", False, True),
     ("docs.python.org:8443", "https://docs.python.org:8443/", True, True),
     ("docs.python.org:8443", "https://docs.python.org/", False, False),
     ("docs.python.org", "https://docs.python.org.evil.com/", False, False),
     ("docs.python.org", "https://evil.com/docs.python.org", False, False),
     ("docs.python.org", "https://docs.python.org@evil.com/", False, True),
     ("*.example.com", "https://a.b.example.com", True, True), ("*.example.com", "https://example.com", False, False),
     ("*.example.com", "https://badexample.com", False, False), ("bücher.de", "https://xn--bcher-kva.de/", True, True),
     ("xn--bcher-kva.de", "https://BÜCHER.de/", True, True), ("a.b", "", False, True),
     ("a.b", "file:///etc", False, True)],
)  # fmt: skip
def test_a_host_is_compared_whole(pattern: str, url: str, allow: bool, deny: bool) -> None:
    found = decided("fetch", FETCH, {"url": url}, allow=f"fetch({pattern})")
    assert (found.verdict == "allow", found.kind) == (allow, "host")
    assert (decided("fetch", FETCH, {"url": url}, deny=f"fetch({pattern})").verdict == "deny") == deny


def test_other_arguments_are_equal_or_not() -> None:
    rule = 'act({"b": [1], "a": "*"})'
    assert decided("act", PLAIN, {"a": "*", "b": [1]}, allow=rule).verdict == "allow"
    assert decided("act", PLAIN, {"a": "x", "b": [1]}, allow=rule).verdict is None
    assert decided("act", PLAIN, {"a": "*", "b": [1.0]}, allow=rule).verdict is None
    assert decided("act", PLAIN, {"a": "*", "b": [True]}, deny=rule).verdict is None
    assert decided("act", PLAIN, {"a": 1}, allow="act(*)").verdict is None
    assert decided("act", PLAIN, {"a": 1}, allow="act").verdict == "allow"


def test_the_decision_names_its_rule() -> None:
    found = decided("bash", SHELL, {"command": "rm x"}, deny=["bash(mv *)", "bash(rm *)"], allow="bash")
    assert (found.verdict, str(found.rule), found.kind) == ("deny", "bash(rm *)", "command")
    assert decided("bash", SHELL, {"command": "rm x"}) == Decision()


TEXTS = st.sampled_from(
    [
        "bash",
        "bash(*)",
        "bash(git *)",
        "bash(git status)",
        "bash(rm *)",
        "bash(* x)",
        "b*(git *)",
        "*",
        "write",
        "*(rm *)",
    ]
)
GROUP = st.lists(TEXTS, max_size=4)
COMMANDS = st.sampled_from(
    ["git status", "rm x", "git status; rm x", "git x", "eval x", "git $x", "$x", "git x > f", "", "sudo git status"]
)
LAWS = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAWS
@given(COMMANDS, GROUP, GROUP, GROUP, st.randoms())
def test_the_order_of_rules_does_not_matter(
    command: str, deny: list[str], ask: list[str], allow: list[str], random: Any
) -> None:
    before = shell(command, deny=deny, ask=ask, allow=allow)
    mixed = {name: random.sample(group, len(group)) for name, group in (("deny", deny), ("ask", ask), ("allow", allow))}
    assert shell(command, **mixed) == before


@LAWS
@given(COMMANDS, GROUP, GROUP, GROUP, TEXTS)
def test_one_more_rule_only_moves_a_verdict_its_own_way(
    command: str, deny: list[str], ask: list[str], allow: list[str], more: str
) -> None:
    before = shell(command, deny=deny, ask=ask, allow=allow)
    assert shell(command, deny=[*deny, more], ask=ask, allow=allow) in (before, "deny")
    assert shell(command, deny=deny, ask=[*ask, more], allow=allow) in (before, before if before == "deny" else "ask")
    after = shell(command, deny=deny, ask=ask, allow=[*allow, more])
    assert after == before or (before, after) == (None, "allow")
