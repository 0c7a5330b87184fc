"""The laws of redaction: nothing known is left, whole or in pieces, and nothing else is touched."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kt_redact.forms import forms, trackable
from kt_redact.secrets import Secrets

PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\nMIIEow\nIBAAKC\n-----END"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9"
TOKENS = [
    "sk-proj-Ab0Ab0Ab0Ab0Ab0Ab0",
    "sk-ant-api03-Ab0Ab0Ab0Ab0Ab0Ab0",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 9,
    "AKIA" + "0A1B" * 4,
    "xoxb-1234567890-abcdef",
    "AIza" + "a_B-1" * 7,
    JWT,
    PEM,
]

values = st.text("ab<\"'$ /+é\n", min_size=8, max_size=12) | st.text(min_size=8, max_size=9)
known = st.lists(values.filter(lambda v: trackable(v.strip())), min_size=1, max_size=3)


@st.composite
def pieces(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Return secrets and a text in pieces, made of their forms, of parts of them, of tokens and of anything."""
    secrets = draw(known)
    written = [form for value in secrets for form in sorted(forms(value.strip()))]
    whole = st.sampled_from([*written, *TOKENS, "[redacted token]", "[redacted S0]"])
    part = st.tuples(whole, st.integers(0, 40), st.integers(0, 40)).map(lambda t: t[0][t[1] : t[1] + t[2]])
    said = "".join(draw(st.lists(whole | part | st.text(max_size=3), max_size=8)))
    cuts = sorted(draw(st.lists(st.integers(0, len(said)), max_size=8)))
    return secrets, [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]


def of(values: list[str]) -> Secrets:
    secrets = Secrets()
    for number, value in enumerate(values):
        secrets.add(value, f"S{number}")
    return secrets


@given(pieces(), st.booleans())
@example((["hunter2hunter2"], list("-----BEGIN RSA PRIVATE KEY----- x")), True)
@example((["abababab"], ["abab"] * 9), False)
@example((["hunter2hunter2"], list(PEM)), True)
@example((["hunter2hunter2"], list(JWT + ".")), True)
def test_a_text_in_pieces_is_redacted_like_the_whole(given: tuple[list[str], list[str]], tokens: bool) -> None:
    values, texts = given
    secrets = of(values)
    holder = secrets.holder(tokens=tokens)
    shown = ""
    for text in texts:
        shown += holder.feed(text)
        assert holder.held < holder.bound
    assert shown + holder.flush() == secrets.redact("".join(texts), tokens=tokens)


@given(pieces())
def test_no_form_of_a_secret_is_left(given: tuple[list[str], list[str]]) -> None:
    values, texts = given
    secrets = of(values)
    clean = secrets.redact("".join(texts))
    for number in range(len(values)):
        clean = clean.replace(f"[redacted S{number}]", "\0")
    clean = clean.replace("[redacted token]", "\0")
    assert not [form for value in values for form in forms(value.strip()) if "\0" not in form and form in clean]


@given(pieces())
def test_what_is_redacted_stays_as_it_is(given: tuple[list[str], list[str]]) -> None:
    values, texts = given
    secrets = of([value for value in values if not set(value) & set("[]redact")])
    once = secrets.redact("".join(texts), tokens=False)
    assert secrets.redact(once, tokens=False) == once


def test_ordinary_text_is_shown_at_once() -> None:
    holder = of(["hunter2hunter2"]).holder()
    assert [holder.feed(word) for word in ("Once ", "upon ", "a ", "time ")] == ["Once ", "upon ", "a ", "time "]


def test_the_beginning_of_a_secret_waits_for_what_follows() -> None:
    holder = of(["hunter2hunter2"]).holder()
    assert holder.feed("go hunter2") == "go "
    assert holder.feed("ing") == "hunter2ing"
    assert (holder.feed("hunter2hunt"), holder.feed("er2!"), holder.flush()) == ("", "[redacted S0]!", "")


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_are_known_by_their_looks(token: str) -> None:
    secrets = Secrets()
    clean = secrets.redact(f"key={token}\n")
    assert clean.startswith("key=[redacted token]")
    assert token.partition("-----END")[0][-12:] not in clean
    assert secrets.redact(f"key={token}\n", tokens=False) == f"key={token}\n"


@pytest.mark.parametrize(
    "text",
    [
        "git switch sk-refactor-the-login-page-now",
        "task-Management-System-For-Teams-2024",
        "a file that begins with -----BEGIN PRIVATE KEY----- is a key",
        "sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbImEuanMiXX0=",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ],
)
def test_what_only_resembles_a_token_stays(text: str) -> None:
    assert Secrets().redact(text) is text
