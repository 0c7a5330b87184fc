"""HTML as Markdown: what is kept, what is left out, and that no page is too broken."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt_builtin_tools._markdown import MAX_HTML, MAX_TEXT, markdown_of

URL = "https://example.org/docs/page"

CASES = {
    "paragraphs": ("<p>One  two\nthree<p>Four<br>five</p>six", "One two three\n\nFour\nfive\n\nsix"),
    "headings": ("<h1>A</h1><h3>B <em>c</em></h3>d", "# A\n\n### B c\n\nd"),
    "title": ("<title> The  title </title><p>x", "# The title\n\nx"),
    "title and heading": ("<title>Site</title><h1>Page</h1>", "# Page"),
    "links": (
        "<a href='../a'>up</a>, <a href='//b.org/x y'>over</a>",
        "[up](https://example.org/a), [over](https://b.org/x%20y)",
    ),
    "links that lead nowhere": ("<a href='#x'>a</a> <a href='javascript:x'>b</a> <a href='http://['>c", "a b c"),
    "link without label": ("<h2>T<a href='/t'></a></h2>", "## T"),
    "link of a heading to itself": ("<h2>T<a href='#t'>¶</a></h2><a href='#1'>1</a>", "## T\n\n1"),
    "link that is its label": ("<a href='https://b.org/'>https://b.org/</a>", "<https://b.org/>"),
    "link around blocks": ("<a href='/x'><h2>T</h2><p>t</a>", "## T\n\nt\n\n<https://example.org/x>"),
    "link keeps words apart": ("a<a href='/b'> b </a>c", "a [b](https://example.org/b) c"),
    "base": ("<base href='https://b.org/c/'><a href=d>e</a>", "[e](https://b.org/c/d)"),
    "lists": ("<ul><li>a<li>b<ol><li>c<li>d</ol><li>e</ul>", "- a\n- b\n  1. c\n  2. d\n- e"),
    "list with a start": ("<ol start=9><li>a<li>b<p>c</ol>", "9. a\n10. b\n    c"),
    "definitions": ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\n\n: b\n\nc\n\n: d"),
    "code": ("use <code>x  = 1</code> or <code>`</code>", "use `x = 1` or `` ` ``"),
    "pre": ("<pre>\nif x:\n    y &lt; 1\n</pre>", "```\nif x:\n    y < 1\n```"),
    "language of the code": ("<pre><code class='hl language-rust'>x</code></pre>", "```rust\nx\n```"),
    "language of the pre": ("<pre class=lang-c++>x</pre>", "```c++\nx\n```"),
    "language of a div": ("<div class=highlight-python><div><pre>x</pre></div></div>", "```python\nx\n```"),
    "language that is none": ("<pre class='language-a`b highlight-default'>x</pre>", "```a\nx\n```"),
    "fence in code": ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
    "pre in a list": ("<ul><li>a<pre>b\n c</pre></ul>", "- a\n  ```\n  b\n   c\n  ```"),
    "quote": ("<blockquote><p>a<p>b<blockquote>c</blockquote></blockquote>", "> a\n>\n> b\n>\n> > c"),
    "table": ("<table><tr><th>a<th>b<tr><td>1|2<td><p>3<p>4</table>", "| a | b |\n| --- | --- |\n| 1\\|2 | 3 4 |"),
    "table without a head": ("<table><tr><td>a<td>b</table>", "|  |  |\n| --- | --- |\n| a | b |"),
    "table with a span": (
        "<table><caption>C</caption><tbody><tr><th colspan=2>a<tr><td>b<td>c</table>d",
        "C\n\n| a |  |\n| --- | --- |\n| b | c |\n\nd",
    ),
    "table for layout": (
        "<table><tr><td>menu<td><table><tr><td>a<td>b</table></table>",
        "menu\n\n|  |  |\n| --- | --- |\n| a | b |",
    ),
    "image": ("<img src=/i.png alt='A cat'><img src=j.png>", "![A cat](https://example.org/i.png)![](https://example.org/docs/j.png)"),
    "image as decoration": ("a<img src=/i.png alt=''>b<img src='data:image/png;base64,AAAA' alt=c>", "abc"),
    "image that loads later": ("<img src='data:x' data-src='/i.png' alt=a>", "![a](https://example.org/i.png)"),
    "rule": ("a<hr>b", "a\n\n---\n\nb"),
    "noise": (
        "<nav>n<ul><li>m</ul></nav><script>s('<p>')</script><style>c</style>a<template>t</template><footer>f</footer>",
        "a",
    ),
    "hidden": (
        "<p hidden>a<p>b<div style='display: none'><div>c</div></div><i aria-hidden=true>d</i><p role=navigation>e",
        "b",
    ),
    "a hidden body is a page": ("<body style='visibility:hidden'><p>a", "a"),
    "characters": ("&lt;b&gt; &amp; &eacute;&#x263A; &#99999999999999;", "<b> & é☺ \ufffd;"),
    "marked section": ("a<![if !IE]>b<![CDATA[ c ]]>d<!-- e -->", "abd"),
    "tags that end nothing": ("</p></li>a</table></div>b", "ab"),
    "tags that cross": ("<ul><li><b>a</li><li>b</b></ul>c", "- a\n- b\n\nc"),
    "tag without an end": ("<p>a</p><p title='b", "a\n\n<p title='b"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_a_page_becomes(case: str) -> None:
    html, expected = CASES[case]
    assert markdown_of(html, URL) == expected


def test_plain_text_has_no_marks() -> None:
    html = "<title>T</title><h2>A</h2><a href=/x>b</a> <code>c</code><pre>d</pre><ul><li>e</ul><img src=i alt=f>"
    assert markdown_of(html, URL, plain=True) == "T\n\nA\n\nb c\n\nd\n\n- e\n\nf"


NAMES = "a b p div ul ol li dl dt dd table tr td th pre code h1 h2 blockquote nav script img br base title span".split()  # noqa: SIM905
WORDS = st.text("ab <>&#;-!'\"[]|`\n\t\xa0é", max_size=8)
TAGS = st.builds(
    lambda end, name, attr, value: f"<{end}{name} {attr}={value}>",
    st.sampled_from(["", "", "/"]),
    st.sampled_from(NAMES),
    st.sampled_from(["href", "src", "class", "style", "hidden", "colspan", "start", "alt", "'", '"']),
    WORDS,
)


@given(st.lists(st.one_of(WORDS, TAGS), max_size=60).map("".join))
@settings(max_examples=150, deadline=None)
def test_no_tags_are_too_broken(html: str) -> None:
    markdown_of(html, URL)
    markdown_of(html, URL, plain=True)


@given(st.text(max_size=200))
def test_any_text_is_a_page(html: str) -> None:
    markdown_of(html, URL)


BLOCK = st.deferred(lambda: st.one_of(PARAGRAPH, LISTED, QUOTED, TABLED))
PARAGRAPH = st.just("<p>WORD</p>")
LISTED = st.lists(BLOCK, min_size=1, max_size=3).map(lambda items: f"<ul>{''.join(f'<li>{i}' for i in items)}</ul>")
QUOTED = BLOCK.map(lambda block: f"<blockquote>{block}</blockquote>")
TABLED = st.lists(BLOCK, min_size=1, max_size=3).map(lambda c: f"<table><tr>{''.join(f'<td>{i}' for i in c)}</table>")


@given(BLOCK)
def test_each_word_that_is_shown_comes_out_once(html: str) -> None:
    numbered = html.split("WORD")
    words = [f"w{i}w" for i in range(len(numbered) - 1)]
    html = "".join(piece + word for piece, word in zip(numbered, [*words, ""], strict=True))
    text = markdown_of(html, URL)
    assert [text.count(word) for word in words] == [1] * len(words)
    assert sorted(words, key=text.index) == words


@given(BLOCK)
def test_nothing_that_is_hidden_comes_out(html: str) -> None:
    assert markdown_of(f"<p>a<nav>{html}</nav><div hidden>{html}</div><p>b", URL) == "a\n\nb"


# Each takes the square of its length, or all memory, where a page is not bounded.
BOMBS = {
    "tags without an end": "<a " * 400_000,
    "open elements": "<b>" * 300_000 + "</i>" * 200_000,
    "deep tables": "<table><tr><td>" * 300 + "<p>a" * 100_000,
    "deep lists": "<ul><li>" * 100_000,
    "deep quotes": "<blockquote>" * 300 + "<p>a" * 200_000,
    "a long base": f"<base href='https://example.org/{'x' * 2000}/'>" + "<a href=x>a</a>" * 60_000,
    "wide rows": "<table>" + "<tr><td colspan=99>a<td>b" * 20_000,
    "a page without an end": "a" * (MAX_HTML + 1),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_a_page_of_bounded_length(bomb: str) -> None:
    assert len(markdown_of(BOMBS[bomb], URL)) <= 10 * MAX_TEXT


def test_what_is_left_out_of_a_huge_page_is_said() -> None:
    assert markdown_of("a" * (MAX_HTML + 1), URL).endswith("\n\n[the rest of the page is left out]")
    assert not markdown_of("a" * 1000, URL).endswith("]")
