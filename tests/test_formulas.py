"""Formulas: what is one, what a browser makes of it, and that nothing else comes through with it."""

from __future__ import annotations

import re
import threading
from typing import Any
from xml.etree import ElementTree as ET

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.vocabulary.post import read_post
from fedserver import posts, settings
from fedserver.content import formulas, html
from fedserver.content.markdown import find_hashtags, render_markdown
from fedserver.context import Server
from fedserver.federation import remote_posts
from fedserver.posts import Draft
from tests.members import Person

XHTML, MATHML = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/1998/Math/MathML}"


def names(listed: str) -> set[str]:
    return set(listed.split())


HTML_NAMES = names(
    "p br hr span del s pre blockquote code b strong u sub sup i em h1 h2 h3 h4 h5 h6 ul ol li ruby rt rp kbd a abbr "
    "table caption thead tbody tfoot tr th td dl dt dd figure figcaption"
)
MATH_NAMES = names(
    "math semantics annotation mi mn mo ms mtext merror mfrac mmultiscripts mover mpadded mphantom mprescripts mroot "
    "mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtr munder munderover none"
)
HTML_ATTRIBUTES = names("href rel class title start reversed value colspan rowspan scope")
MATH_ATTRIBUTES = names(
    "display dir displaystyle mathvariant scriptlevel linethickness form lspace rspace minsize maxsize accent "
    "accentunder fence largeop movablelimits separator stretchy symmetric width height depth columnalign columnspan "
    "rowspan encoding"
)


def render(source: str) -> str:
    return render_markdown(source, {}, lambda name: f"https://a.example/tags/{name}").html


def formula(expression: str, tex: str = "x", attributes: str = "") -> str:
    """MathML as another server would send it."""
    return (
        f'<math xmlns="http://www.w3.org/1998/Math/MathML"{attributes}><semantics>{expression}'
        f'<annotation encoding="application/x-tex">{tex}</annotation></semantics></math>'
    )


def tree(safe: str) -> ET.Element:
    """What a browser makes of it, and that it makes the same of what it has made."""
    found: ET.Element = html5lib.parseFragment(safe)
    again = html5lib.serialize(found, omit_optional_tags=False, quote_attr_values="always")
    assert ET.tostring(html5lib.parseFragment(again)) == ET.tostring(found), safe
    return found


def check(safe: str) -> None:
    """Only known elements and attributes, each in its own namespace, and no HTML within a formula."""
    seen = tree(safe)
    assert all(one.tag.startswith(MATHML) for math in seen.iter(f"{MATHML}math") for one in math.iter()), safe
    for node in seen.iter():
        space, _, name = node.tag.rpartition("}")
        if name != "DOCUMENT_FRAGMENT":
            is_math = f"{space}}}" == MATHML
            assert name in (MATH_NAMES if is_math else HTML_NAMES), safe
            assert set(node.attrib) <= (MATH_ATTRIBUTES if is_math else HTML_ATTRIBUTES), safe
            assert node.get("href", "https:").startswith(("https:", "http:", "mailto:")), safe


# What members write ---------------------------------------------------------------------------------


def test_tex_becomes_mathml_that_keeps_it_for_whoever_wants_text() -> None:
    safe = render("Half: $\\frac{a}{2}$.")
    assert safe == (
        "<p>Half: <math><semantics><mfrac><mi>a</mi><mn>2</mn></mfrac> "
        '<annotation encoding="application/x-tex">\\frac{a}{2}</annotation></semantics></math>.</p>'
    )
    assert formulas.as_tex(safe) == "<p>Half: $\\frac{a}{2}$.</p>"
    assert html.to_text(safe) == "Half: $\\frac{a}{2}$."


def test_a_formula_on_lines_of_its_own_is_a_block() -> None:
    for source in ("$$\nx < y\n$$", "$$x < y$$", "> $$\n> x < y\n> $$"):
        assert '<p><math display="block">' in render(source)
        assert html.to_text(render(source)) == "$$x < y$$"
    assert html.to_text(render("so $$x$$ it is")) == "so $$x$$ it is"


@pytest.mark.parametrize(
    "source",
    [
        "$5 and $6", "costs $5 or US$6", "US$5 or CA$.", "5$ and 6$ x", "$20,000 and $30,000", "5 $/kg, 6 $/kg",
        "$5-$6", "($5)-($6)", "a $ b $ c", "$", "$$", "x$$", "$ x$", "$x $",
    ],
)  # fmt: skip
def test_prices_are_no_formulas(source: str) -> None:
    assert render(source) == f"<p>{source}</p>"


@pytest.mark.parametrize("source", ["\\$x\\$", "`$x$`", "```\n$x$\n```", "    $x$"])
def test_code_and_escaped_signs_are_no_formulas(source: str) -> None:
    assert "<math" not in render(source)
    assert html.to_text(render(source)).strip() == "$x$"


@pytest.mark.parametrize(
    "source",
    [
        "$x$ and 5",
        "$2x$",
        "($x$)",
        "令$x$为",
        "the $n$th",
        "**$x$**",
        "$x$-axis",
        "| $x$ |\n|--|",
        "[$x$](https://a.example)",
    ],
)
def test_formulas_stand_anywhere_in_a_text(source: str) -> None:
    assert render(source).count("<math>") == 1
    check(render(source))


def test_what_looks_like_markdown_or_a_hashtag_within_a_formula_is_none() -> None:
    assert render("$a_1$ *b* $c_2$").count("<em>") == 1
    assert find_hashtags("$#a$ #b") == ["b"]


@pytest.mark.parametrize(
    "tex",
    [
        r"\foo", r"\frac{a", "}", r"\href{javascript:alert(1)}{x}", r"\style{x}{y}", r"\class{x}{y}", r"\cancel{x}",
        r"\newcommand{\a}{b}\a", r"\def\a{\a\a}\a", "x" * 2_001, "{" * 60 + "x" + "}" * 60,
    ],
)  # fmt: skip
def test_tex_that_cannot_be_shown_exactly_is_shown_as_it_was_written(tex: str) -> None:
    assert render(f"${tex}$") == f"<p><code>${tex}$</code></p>"
    assert render(f"$$\n{tex}\n$$") == f"<pre><code>$$\n{tex}\n$$</code></pre>"


def test_text_within_a_formula_stays_text() -> None:
    safe = render(r"$\text{</mtext><script>alert(1)</script>} < \text{<img src=x>}$")
    check(safe)
    assert "&lt;script&gt;" in safe


def test_the_sides_of_equations_are_aligned_without_style() -> None:
    safe = render("$$\\begin{aligned}a&=b\\\\c&=d\\end{aligned}$$")
    assert safe.count('columnalign="right"') == safe.count('columnalign="left"') == 2
    assert " style=" not in safe


HOSTILE = [
    ("{", "}"), ("\\sqrt ", ""), ("\\sqrt[", "]"), ("\\frac1", ""), ("x^{", "}"), ("\\lim_", ""), ("\\hat ", ""),
    ("\\left(", "\\right)"), ("\\begin{matrix}", "\\end{matrix}"), ("\\not ", ""), ("\\text{", "}"), ("'", ""),
    ("\\mathrm{", "}"), ("[", "]"), ("\\begin{array}{c}", "\\end{array}"), ("\\color{red}", ""), ("&", ""), ("\\\\", ""),
]  # fmt: skip


def test_hostile_nesting_ends_neither_the_process_nor_its_patience() -> None:
    """In a thread with the smallest stack that a C library gives Python: what recurses too deep would end it all."""
    made: list[str | None] = []

    def convert() -> None:
        for before, after in HOSTILE:
            for chars in (formulas.TEX_CHARS_MAX, 200_000):
                times = (chars - 1) // len(before + after)
                made.append(formulas.from_tex(before * times + "x" + after * times, display=True))

    usual = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=convert)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(usual)
    assert len(made) == 2 * len(HOSTILE)
    assert all(one is None or one.count("<m") <= formulas.ELEMENTS_MAX + 10 for one in made)


@given(st.text(alphabet="$ {}[]^_\\&#%~'abx12<>\"\n|", max_size=80))
def test_whatever_is_written_only_known_elements_come_out(source: str) -> None:
    check(render(source))
    check(render(f"$${source}$$"))


@given(st.lists(st.sampled_from([r"\frac", r"\sqrt", r"\text", r"\left(", r"\right)", r"\begin{matrix}", r"\end{matrix}",
    "{", "}", "^", "_", "x", "12", "&", r"\\", r"\mathbb", r"\label", r"\tag", r"\color", "<", ">", '"', " "]), max_size=25))  # fmt: skip
def test_whatever_tex_says_a_browser_sees_a_formula_or_code(parts: list[str]) -> None:
    made = formulas.from_tex("".join(parts), display=False)
    if made is not None:
        check(made)
        assert html.sanitise(made) == made


# What another server sends --------------------------------------------------------------------------


def test_mathml_from_elsewhere_is_shown_without_what_is_not_needed() -> None:
    sent = formula(
        '<mrow class="x" id="y" style="color:red" onclick="alert(1)" href="javascript:1"><mi mathvariant=\'normal\'>d</mi>'
        '\n <mo stretchy="false" lspace="0.2em" form="evil">&InvisibleTimes;</mo><mspace width="99999em"/>'
        '<mspace width="-0.2em"></mspace><mpadded voffset="-50em" height="-3em"><mn>2</mn></mpadded></mrow>'
        '<annotation-xml encoding="MathML-Content"><apply><ci>x</ci></apply></annotation-xml>',
        tex="d \\times 2",
        attributes=' display="block" alttext="x" class="evil"',
    )
    assert html.sanitise(f"<p>{sent}</p>") == (
        '<p><math display="block"><semantics><mrow><mi mathvariant="normal">d</mi>'
        '<mo stretchy="false" lspace="0.2em">\u2062</mo><mspace></mspace><mspace width="-0.2em"></mspace>'
        "<mpadded><mn>2</mn></mpadded></mrow> "
        '<annotation encoding="application/x-tex">d \\times 2</annotation></semantics></math></p>'
    )
    assert html.sanitise_bio(sent) == "$$d \\times 2$$"


def test_a_plain_description_stands_for_a_formula_without_tex() -> None:
    sent = formula("<mi>x</mi>", "an x").replace("application/x-tex", "text/plain")
    assert html.to_text(html.sanitise(f"See {sent}.")) == "See an x."
    both = sent.replace("</semantics>", '<annotation encoding="application/x-tex">x</annotation></semantics>')
    assert html.to_text(html.sanitise(both)) == "$x$"


@pytest.mark.parametrize(
    "expression",
    [
        '<maction actiontype="statusline#http://evil.example"><mi>x</mi></maction>',
        "<menclose notation='box'><mi>x</mi></menclose>",
        "<mtext><mglyph></mglyph></mtext>",
        "<mi><malignmark/></mi>",
        "<mtext><style></style></mtext>",
        "<script>alert(1)</script>",
        "<mrow>text</mrow>",
        "<mfrac>" * 50 + "<mi>x</mi>" + "</mfrac>" * 50,
        "<mrow>" + "<mi>x</mi>" * 2_000 + "</mrow>",
    ],
)
def test_a_formula_with_other_parts_is_shown_as_its_tex(expression: str) -> None:
    assert html.sanitise(f"<p>{formula(expression, 'a&lt;b')}!</p>") == "<p>$a&lt;b$!</p>"


@pytest.mark.parametrize(
    "sent",
    [
        "<math><mi>x</mi></math>",
        "<math><semantics><mi>x</mi></semantics></math>",
        '<math><semantics><mi>x</mi><annotation encoding="image/png">x</annotation></semantics></math>',
        "<math><mi>x</mi>" + formula("<mi>x</mi>")[5:],
        "<math><semantics><mi>x</mi><!-- --></semantics></math>",
        "<math>",
        "</math>",
        formula("<mi>x</mi>").replace("</semantics>", ""),
        formula("<mi>x</mi><mi>y</mi>"),
        "<math>" * 3_000 + "</math>",
    ],
)
def test_mathml_that_is_no_formula_is_removed(sent: str) -> None:
    assert html.sanitise(f"<p>a{sent}") == "<p>a</p>"


# Known ways through sanitisers: elements that a parser moves out of a formula, or reads by other rules in it.
PAYLOADS = [
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><mtext><h1><a><h6></a></h6><mglyph><svg><mtext><style><a title=\"</style><img src onerror='alert(1)'>\"></style></h1>",
    "<math><annotation-xml encoding=\"text/html\"><style><img src=x onerror=alert(1)></style></annotation-xml></math>",
    "<svg><annotation-xml><foreignobject><style><!--</style><p id=\"--><img src=x onerror=alert(1)>\">",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
    "<math xlink:href=javascript:alert(1)><mi>x</mi></math>",
    "<math><mtext><option><FAKEFAKE><option></option><mglyph><svg><mtext><style><a title=\"</style><img src='#' onerror='alert(1)'>\">",
    "<math><mtext></p><p><mglyph><style><!--</style><img src=x onerror=alert(1)>--></mglyph>",
    "<table><math><mtext><td><img src=x onerror=alert(1)></td></mtext></math></table>",
    "<select><math><mi>x</mi></select><img src=x onerror=alert(1)></math>",
    "<noscript><math><mi title=\"</noscript><img src=x onerror=alert(1)>\">x</mi></math></noscript>",
    "<a href=\"https://x.example/<math>\"><math><mi>x</mi></math>",
    "<![CDATA[<math><mi><![CDATA[<img src=x onerror=alert(1)>]]></mi></math>]]>",
    "<xmp><math></xmp><img src=x onerror=alert(1)></math>",
    "<math><semantics><annotation-xml encoding='application/xhtml+xml'><script>alert(1)</script></annotation-xml></semantics></math>",
    formula("<mi>&lt;img src=x onerror=alert(1)&gt;</mi>", "&lt;/annotation&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
    formula("<mtext>&#60;/mtext>&#60;script>alert(1)&#60;/script></mtext>".replace(">", "&gt;").replace("mtext&gt;", "mtext>")),
    "<style>" + formula("<mi>x</mi>") + "</style><img src=x onerror=alert(1)>",
    f"<!--{formula('<mi>x</mi>', '--&gt;&lt;img src=x onerror=alert(1)&gt;')}-->",
    "<table>" + formula("<mi>x</mi>") + "<tr>" + formula("<mi>y</mi>") + "</table>",
    "<a href='https://x.example'><b>" + formula("<mi>x</mi>") + "<table><a href='https://y.example'>" + formula("<mi>y</mi>"),
    f'<abbr title="{formula("<mi>x</mi>").replace(chr(34), chr(39))}">x</abbr>',
    "\U0010f8f00\U0010f8f1<abbr title='\U0010f8f00\U0010f8f1'>x</abbr>" + formula("<mi>x</mi>"),
    "&#x10f8f0;0&#x10f8f1;" * 100 + formula("<mi>x</mi>"),
]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("clean", [html.sanitise, html.sanitise_article, html.sanitise_bio])
def test_no_formula_takes_anything_else_along(clean: Any, payload: str) -> None:
    for sent in (payload, f"<p>{payload}</p>", formula(payload), formula("<mi>x</mi>", payload)):
        safe = clean(sent)
        check(safe)
        assert safe.count("<math") <= sent.count("<math")


@given(
    st.lists(
        st.sampled_from([
            "<math>", "</math>", "<semantics>", "</semantics>", "<mi>", "</mi>", "<mtext>", "</mtext>", "<mglyph>",
            '<annotation encoding="application/x-tex">', "</annotation>", '<annotation-xml encoding="text/html">',
            "</annotation-xml>", "<table>", "<td>", "</table>", "<p>", "</p>", "<style>", "</style>", "<!--", "-->",
            "<svg>", "</svg>", "<a href='https://x.example'>", "</a>", "<b>", "<select>", "x", "<img onerror=x>",
            formula("<mi>x</mi>"), formula("<mrow><mi>x</mi><mo>&lt;</mo></mrow>", "x&lt;y"),
        ]),
        max_size=20,
    )
)  # fmt: skip
def test_whatever_is_mixed_with_formulas_only_known_elements_come_out(parts: list[str]) -> None:
    safe = html.sanitise_article("".join(parts))
    check(safe)
    assert html.sanitise_article(safe).count("<math") == safe.count("<math")


def test_a_formula_does_not_hide_where_a_link_leads() -> None:
    address = formula("<mtext>https://bank.example</mtext>")
    letters = formula("<mrow>" + "".join(f"<mi>{one}</mi>" for one in "bank.example") + "</mrow>")
    for shown in (address, letters, f'<span class="invisible">https://</span>{letters}'):
        safe = html.sanitise(f'<a href="https://evil.example/">{shown}</a>')
        assert html.to_text(safe).startswith("https://evil.example")
    assert "<math>" in html.sanitise(f'<a href="https://evil.example/">See {formula("<mi>x</mi>")}</a>')


def test_many_formulas_are_shown_up_to_a_limit_and_read_in_one_pass() -> None:
    safe = html.sanitise_article(formula("<mi>x</mi>") * 3_000)
    assert 1_000 < safe.count("<math") < 3_000
    assert html.to_text(safe) == "$x$" * 3_000
    for hostile in ("<math ", "<math><math></math>", "<math>" + "<mi " * 50, "<math>" + " a='x'" * 50):
        assert len(html.sanitise_article(hostile.ljust(500_000, "\n"))) < 500_001


def test_half_a_formula_says_nothing() -> None:
    safe = render("so $a+b$ it is")
    assert [html.to_text(safe[:cut]) for cut in (20, 40, 80)] == ["so"] * 3


# Where it is shown ----------------------------------------------------------------------------------

EVERYTHING = "$a < b$[^1]\n\n| $x$ | y |\n|--|--|\n| 1 | 2 |\n\n```c\nif (a<b) return;\n```\n\n[^1]: Note."


@pytest.mark.parametrize("title", ["", "A title"])
async def test_tables_code_and_formulas_arrive_whole_at_another_server(
    server: Server, alice: Person, title: str
) -> None:
    await server.db.write(settings.store, server.config, {"secure_mode": False})
    draft = Draft(EVERYTHING, title=title, media_type="text/markdown")
    post_id = await posts.create(server, alice.member, draft)
    answer = await alice.client.get(f"/posts/{post_id}", headers={"Accept": "application/activity+json"})
    document = await answer.json(content_type=None)
    assert document["content"] == render(EVERYTHING)
    received = read_post(document)
    assert received is not None
    assert remote_posts.texts(received)["content_html"] == document["content"]


async def test_apps_feeds_and_search_get_each_formula_once(alice: Person, nobody: Person) -> None:
    form = {"status": EVERYTHING, "content_type": "text/markdown"}
    made = await alice.post("/api/v1/statuses", form)
    assert made["content"].startswith("<p>$a &lt; b$<sup>[1]</sup></p><table>")
    assert re.sub("<[^>]+>", "", made["content"]).startswith("$a &lt; b$[1]$x$ y\n1 2\n")
    assert (await alice.get(f"/api/v1/statuses/{made['id']}/history"))[0]["content"] == made["content"]
    feed = await (await alice.client.get("/@alice/feed.atom")).text()
    assert feed.count("$a &amp;lt; b$") == 1
    assert "math" not in feed


@pytest.mark.parametrize(
    "around",
    [
        "<ol start='{}'><li>a</li></ol>",
        "<ol><li value='{}'>a</li></ol>",
        "<abbr title='> {}'>a</abbr>",
        "<table><tr><th scope='{}' colspan='{}'>a</th><td rowspan='{}'>b</td></tr></table>",
        "<a href='https://a.example/{}'>a</a>",
    ],
)
def test_a_formula_within_a_tag_does_not_come_back(around: str) -> None:
    payload = (
        "<math><semantics><mi>t</mi>"
        '<annotation encoding="application/x-tex">x" onmouseover=alert(1) y="</annotation></semantics></math>'
    )
    for sanitise in (html.sanitise, html.sanitise_article, html.sanitise_bio):
        assert "onmouseover" not in formulas.as_tex(sanitise(around.replace("{}", payload)))
