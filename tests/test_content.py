"""Text and HTML of posts: what is found, what is made of it, and what is kept out."""

import html as stdlib_html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedserver.content import html, links, markdown, plain, text
from fedserver.errors import TooLarge

BOB = plain.MentionTarget("https://b.example/users/bob", "https://b.example/@bob", "bob@b.example:8443")
ALICE = plain.MentionTarget("https://a.example/users/alice", "https://a.example/@alice", "alice")
PEOPLE = {"bob@b.example:8443": BOB, "alice": ALICE}


def tag_url(name: str) -> str:
    return f"https://a.example/tags/{links.tag_key(name)}"


def render(source: str) -> str:
    return plain.render_plain(source, PEOPLE, tag_url).html


def render_markdown(source: str) -> str:
    return markdown.render_markdown(source, PEOPLE, tag_url).html


# What another server sends --------------------------------------------------------------------------

SCRIPTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math href='javascript:alert(1)'><mtext>x</mtext></math>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object><embed src='javascript:alert(1)'>",
    "<form action='javascript:alert(1)'><button formaction='javascript:alert(1)'>x</button></form>",
    "<base href='https://evil.example/'><meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href='https://evil.example/x.css'><style>*{background:url(https://evil.example)}</style>",
    "<template><script>alert(1)</script></template>",
    "<video><source onerror=alert(1)></video><picture><source srcset='https://evil.example/x'></picture>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java&#x09;script:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='//evil.example/x'>x</a>",
    "<a href='/logout' ping='https://evil.example' target=_blank>x</a>",
    "<p style='position:fixed;inset:0' class='button danger' id='login' onclick='alert(1)'>x</p>",
    "<p><noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><script>alert(1)</script></textarea><title><img src=x onerror=alert(1)></title>",
    "<a href='https://x.example' class='\"><script>alert(1)</script>'>x</a>",
    "<abbr title='\"><img src=x onerror=alert(1)>'>x</abbr>",
    "<![CDATA[<script>alert(1)</script>]]><!--<script>alert(1)</script>-->",
    "<input onfocus=alert(1) autofocus><details open ontoggle=alert(1)>x</details><marquee onstart=alert(1)>x",
]
SAFE_TAG = re.compile(
    r"</?(?:p|br|hr|span|del|s|pre|blockquote|code|b|strong|u|sub|sup|i|em|h[1-6]|ul|ol|li|ruby|rt|rp|kbd|a|abbr|"
    r"table|caption|thead|tbody|tfoot|tr|th|td|dl|dt|dd|figure|figcaption)"
    r'(?: (?:href="(?:https?://|mailto:)[^"<>]*"|(?:class|title|rel|start|reversed|value)="[^"<>]*"))*>'
)


@pytest.mark.parametrize("payload", SCRIPTS)
@pytest.mark.parametrize("clean", [html.sanitise, html.sanitise_article, html.sanitise_bio])
def test_no_script_style_frame_or_foreign_link_survives(clean, payload):
    safe = clean(payload)
    assert "<" not in SAFE_TAG.sub("", safe), safe
    assert not re.search(r"javascript:|evil\.example|position|danger|id=", SAFE_TAG.sub("", safe))
    assert "ping" not in safe
    assert "danger" not in safe


@given(st.text(alphabet=st.sampled_from("<>/=\"'&; abpi!-[]\x00\u202e"), max_size=80))
def test_whatever_comes_in_only_known_tags_come_out(junk):
    assert "<" not in SAFE_TAG.sub("", html.sanitise(junk))


@given(
    st.lists(
        st.sampled_from(
            [
                "<a href='https://x.example'>",
                "</a>",
                "<span class=invisible>",
                "</span>",
                "<table><td>",
                "</table>",
                "<b>",
                "</b>",
                "<p>",
                "x",
                "<li>",
                "</p>",
            ]
        ),
        max_size=30,
    )
)
def test_sanitising_twice_changes_nothing_more(parts):
    once = html.sanitise_article("".join(parts))
    assert "<" not in SAFE_TAG.sub("", once)
    assert once.count("<a ") == once.count("</a>")
    again = html.sanitise_article(once)
    assert html.to_text(again) == html.to_text(once)


def test_a_note_of_mastodon_keeps_its_markup_and_gains_rel():
    note = (
        '<p>Hi <span class="h-card" translate="no"><a href="https://b.example/@bob" class="u-url mention">@<span>bob'
        '</span></a></span> <a href="https://a.example/tags/x" class="mention hashtag" rel="tag">#<span>x</span></a></p>'
    )
    assert html.sanitise(note) == (
        '<p>Hi <span class="h-card"><a href="https://b.example/@bob" class="u-url mention"'
        ' rel="nofollow noopener noreferrer">@<span>bob</span></a></span> <a href="https://a.example/tags/x"'
        ' class="mention hashtag" rel="tag nofollow noopener noreferrer">#<span>x</span></a></p>'
    )


def test_mention_classes_need_the_tag_list_when_it_is_given():
    note = '<a class="u-url mention" href="https://evil.example/">@bob</a>'
    assert "mention" not in html.sanitise(note, tagged={"https://b.example/@bob"})
    assert "mention" in html.sanitise(note, tagged={"https://evil.example/"})


def test_only_a_bio_keeps_rel_me():
    link = '<a href="https://orcid.org/0" rel="me">ORCID</a>'
    assert 'rel="me nofollow' in html.sanitise_bio(link)
    assert "me " not in html.sanitise(link)


@pytest.mark.parametrize(
    ("href", "content"),
    [
        ("https://evil.example/", "https://bank.example/"),
        ("https://evil.example/", "bank.example/login"),
        ("https://evil.example/", "<b>https://</b>bank.example"),
        ("https://evil.example/", "https://bank.example@evil.example/"),
        ("https://evil.example\\@bank.example/", "https://bank.example"),
        ("https://evil.example/", "www.bank.example"),
    ],
)
def test_a_link_that_names_another_host_shows_its_own(href, content):
    safe = html.sanitise(f'<p><a href="{href}">{content}</a></p>')
    assert html.to_text(safe).startswith("https://evil.example")


@pytest.mark.parametrize(
    ("href", "content"),
    [
        ("https://blog.example.org/x", "example.org"),
        ("https://www.example.org/x", "https://example.org/x"),
        ("https://xn--bcher-kva.example/", "https://bücher.example/"),
        ("https://nodejs.org/", "Node.js"),
        ("https://example.org/", "our handbook"),
        ("https://example.org/@bob", "@bob@other.example"),
    ],
)
def test_an_honest_link_keeps_its_text(href, content):
    assert html.to_text(html.sanitise(f'<a href="{href}">{content}</a>')) == content


def test_invisible_text_may_shorten_an_address_and_nothing_else():
    honest = (
        '<a href="https://www.example.org/a/b"><span class="invisible">https://www.</span>'
        '<span class="ellipsis">example.org/a</span><span class="invisible">/b</span></a>'
    )
    assert html.sanitise(honest).count("invisible") == 2
    # CVE-2023-36462: the host continues where the reader does not see it.
    cut_host = (
        '<a href="https://bank.example.evil.example/"><span class="invisible">https://</span>bank.example'
        '<span class="invisible">.evil.example/</span></a>'
    )
    assert "invisible" not in html.sanitise(cut_host)
    assert "invisible" not in html.sanitise('<p>We agree<span class="invisible"> not</span>.</p>')


def test_a_link_within_a_link_is_not_made():
    safe = html.sanitise(
        '<a href="https://x.example"><table><td><a href="https://y.example">y</a></td></table></a>'
    )
    depth = 0
    for opening in re.findall(r"<(/?)a\b", safe):
        depth += -1 if opening else 1
        assert depth in (0, 1)


def test_deep_markup_is_flattened_and_keeps_its_text():
    safe = html.sanitise("<blockquote>" * 500 + "deep" + "</blockquote>" * 500)
    assert safe.count("<blockquote>") == html.DEPTH_MAX
    assert html.to_text(safe) == "deep"


@pytest.mark.parametrize("hostile", ["x" * 200_000, "<b>" * 20_000])
def test_a_huge_note_is_refused(hostile):
    with pytest.raises(TooLarge):
        html.sanitise(hostile)


def test_formatting_that_reopens_in_every_paragraph_does_not_grow():
    opened = "".join(f"<b x={i}>" for i in range(3_000))
    assert len(html.sanitise(f"<p>{opened}</p>" + "<p>x" * 3_000)) < 300_000


def test_direction_overrides_and_hidden_letters_are_removed_however_written():
    safe = html.sanitise(
        "<p>a&#x202e;b\u202dc\U000e0041\U000e0042 \u200fשלום \U0001f3f4\U000e0067\U000e0062\U000e007f</p>"
    )
    assert safe == "<p>abc \u200fשלום \U0001f3f4\U000e0067\U000e0062\U000e007f</p>"


def test_notes_keep_tables_articles_figures_too_and_profiles_neither():
    source = '<table><tr><td colspan="2">x</td></tr></table><ol start="3"><li value="4">y</li></ol><hr>'
    figure = "<figure><figcaption>z</figcaption></figure>"
    kept = '<table><tbody><tr><td colspan="2">x</td></tr>\n</tbody></table><ol start="3"><li value="4">y</li></ol><hr>'
    assert html.sanitise_article(source + figure) == kept + figure
    assert html.sanitise(source + figure) == f"{kept}z"
    assert html.sanitise_bio(source) == 'x<ol start="3"><li value="4">y</li></ol>'


def test_without_their_tags_the_cells_of_a_table_stay_apart():
    source = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td rowspan=2>2</td></tr></table>"
    safe = html.sanitise(source)
    assert html.sanitise(safe) == safe
    assert re.sub("<[^>]*>", "", safe).split("\n") == ["a b", "1 2", ""]
    assert html.to_text(safe) == "a b\n1 2"


def test_the_inline_quote_can_be_left_out():
    safe = html.sanitise(
        '<p class="quote-inline">RE: <a href="https://b.example/1"><span class="invisible">https://</span>b.example/1</a></p><p>Yes.</p>'
    )
    assert html.without_inline_quote(safe) == "<p>Yes.</p>"
    assert html.without_inline_quote("<p>a<br>b</p>") == "<p>a<br>b</p>"


def test_html_becomes_text_with_its_lines():
    source = "<p>One<br>two  &lt;3</p><ul><li><p>a</p></li><li>b</li></ul><pre><code>if x:\n    y\n</code></pre><p>end</p>"
    assert html.to_text(source) == "One\ntwo <3\n\n- a\n\n- b\n\nif x:\n    y\n\nend"


def test_an_excerpt_ends_between_words():
    assert html.excerpt("<p>Teaching carpentry to beginners</p>", 20) == "Teaching carpentry…"
    assert html.excerpt("<p>Short</p><p>post</p>", 20) == "Short post"


# What a member writes -------------------------------------------------------------------------------


def test_plain_text_becomes_paragraphs_with_mentions_tags_and_addresses():
    rendered = plain.render_plain(
        "Hi @Bob@b.example:8443,\n<b>1 & 2</b>\n\n#FAIR https://www.example.org/a?b=1&c=2.", PEOPLE, tag_url
    )
    assert rendered.html == (
        '<p>Hi <span class="h-card"><a href="https://b.example/@bob" class="u-url mention">@<span>bob</span></a></span>,'
        "<br>&lt;b&gt;1 &amp; 2&lt;/b&gt;</p>"
        '<p><a href="https://a.example/tags/fair" class="mention hashtag" rel="tag">#<span>FAIR</span></a> '
        '<a href="https://www.example.org/a?b=1&amp;c=2" rel="nofollow noopener noreferrer">'
        '<span class="invisible">https://www.</span><span>example.org/a?b=1&amp;c=2</span></a>.</p>'
    )
    assert rendered.mentions == [BOB]
    assert rendered.hashtags == ["FAIR"]


def test_a_long_address_is_shortened_but_never_its_host():
    host = "a-very-long-department-name.faculty.university.example"
    safe = render(f"https://{host}/{'x' * 50}")
    assert f'<span class="ellipsis">{host}</span>' in safe
    assert html.to_text(safe) == f"https://{host}/{'x' * 50}"
    assert html.sanitise(safe) == safe


@pytest.mark.parametrize(
    ("source", "urls"),
    [
        ("(see https://en.wikipedia.org/wiki/A_(b)).", ["https://en.wikipedia.org/wiki/A_(b)"]),
        ("https://a.example/x, https://b.example!", ["https://a.example/x", "https://b.example"]),
        ('<https://a.example/>"', ["https://a.example/"]),
        ("https://例え.example/パス。次", ["https://例え.example/パス"]),
        ("https://bank.example@evil.example/", []),
        ("javascript:alert(1) ftp://x.example https://", []),
        ("http://localhost:3000/x http://[::1]:80/", ["http://localhost:3000/x", "http://[::1]:80/"]),
        ("https://x.example/" + "a" * 3_000, []),
    ],
)
def test_addresses_are_found(source, urls):
    assert links.find_urls(source) == urls


@pytest.mark.parametrize(
    ("source", "handles"),
    [
        ("@alice, @bob@b.example. (@eve@c.example:8443)", ["alice", "bob@b.example", "eve@c.example:8443"]),
        ("mail me@example.org or https://x.example/@alice", []),
        ("@a.b-c @Alice @ALICE @ @.x", ["a.b-c", "Alice"]),
        ("@zoé@b.example", []),
        ("@zoe@bücher.example", ["zoe@bücher.example"]),
        ("@bob@b.example: hello", ["bob@b.example"]),
    ],
)
def test_mentions_are_found(source, handles):
    assert [str(handle) for handle in links.find_mentions(source)] == handles


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        ("#FAIR #fair #2026 #y2026 x#no https://x.example/#no", ["FAIR", "y2026"]),
        (
            "#Größe #हिन्दी #ภาษาไทย #日本語、#train_the_trainer!",
            ["Größe", "हिन्दी", "ภาษาไทย", "日本語", "train_the_trainer"],
        ),
        ("#don't #C++ ＃全角 &#39; ##x", ["don", "C", "全角"]),
        ("#" + "a" * 200, []),
    ],
)
def test_hashtags_are_found(source, tags):
    assert links.find_hashtags(source) == tags


def test_hashtags_that_look_the_same_are_the_same():
    assert len({links.tag_key(name) for name in ("#Größe", "GRÖSSE", "Gro\u0308ße")}) == 1


def test_unknown_mentions_stay_text():
    assert render("@nobody@x.example") == "<p>@nobody@x.example</p>"


def test_markdown_links_text_but_not_code_or_links():
    source = "**@alice** `@alice #a` [#b](https://x.example) #c\n\n    @alice https://y.example\n"
    rendered = markdown.render_markdown(source, PEOPLE, tag_url)
    assert rendered.mentions == [ALICE]
    assert rendered.hashtags == ["c"]
    assert rendered.html.count("u-url mention") == 1
    assert [handle.key for handle in markdown.find_mentions(source)] == ["alice"]
    assert markdown.find_hashtags(source) == ["c"]
    assert markdown.find_urls(source) == ["https://x.example"]
    assert markdown.find_mentions("`@alice`") == []


def test_markdown_makes_what_clients_know():
    assert render_markdown("# T\n\na *b*\nc ~~d~~\n\n> q\n\n1. x") == (
        "<h1>T</h1><p>a <em>b</em><br>c <s>d</s></p><blockquote><p>q</p></blockquote><ol><li>x</li></ol>"
    )
    assert "<td>1</td>" in render_markdown("|a|\n|-|\n|1|")


def test_a_markdown_footnote_needs_no_anchor():
    safe = render_markdown("Fact[^1].\n\n[^1]: Source.")
    assert safe == "<p>Fact<sup>[1]</sup>.</p><hr><ol><li><p>Source.</p></li></ol>"


@pytest.mark.parametrize(
    "source",
    ["[x](javascript:alert(1))", "<script>alert(1)</script>", "[x](data:text/html,y)", "![x](javascript:1)"],
)
def test_markdown_makes_nothing_dangerous(source):
    safe = render_markdown(source)
    assert "<a" not in safe
    assert "<script" not in safe


def test_a_picture_in_markdown_becomes_a_link():
    assert '<a href="https://x.example/i.png"' in render_markdown("![alt](https://x.example/i.png)")
    assert "<img" not in render_markdown("![alt](https://x.example/i.png)")


@given(st.text(max_size=200))
def test_plain_text_survives_the_way_to_html_and_back(source):
    rendered = render(source)
    assert "<" not in SAFE_TAG.sub("", rendered)
    assert "".join(html.to_text(rendered).split()) == "".join(
        text.clean_text(source).replace("\x00", "").split()
    )


@given(st.text(alphabet="@#:/.htps abc1_()[]*`\n!", max_size=200))
def test_pieces_join_to_the_text(source):
    assert "".join(piece.text for piece in links.scan(source)) == source


@pytest.mark.parametrize(
    "hostile",
    [
        "@a@" * 30_000,
        "#" * 90_000,
        ":" * 90_000,
        "https://" * 12_000,
        "@" + "a-" * 45_000,
        "https://x.example/" + ")" * 90_000,
    ],
)
def test_hostile_text_is_scanned_in_one_pass(hostile):
    """A million characters: a scanner that looks back or tries again would not come to an end today."""
    text_of_member = hostile * (1_000_000 // len(hostile))
    assert sum(len(piece.text) for piece in links.scan(text_of_member)) == len(text_of_member)


# Counting and cleaning ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("hello", 5),
        ("https://example.org/" + "x" * 100, 23),
        ("@bob@very.long.example hi", 7),
        ("e\u0301", 1),
        ("हिन्दी", 3),
        ("👩‍👩‍👧‍👦👍🏽🇩🇪🇫🇷❤️", 5),
        ("a\r\nb", 3),
    ],
)
def test_length_is_counted_as_people_count(source, count):
    assert links.character_count(source) == count


def test_a_name_cannot_turn_or_hide_the_text_around_it():
    assert text.clean_line(" Dr.\u202e\tAda\u2066\x00\x07 \n Lovelace ") == "Dr. Ada Lovelace"
    assert text.clean_line("\u200b\u3164\ufeff") == ""
    assert len(text.clean_line("Z" + "\u0336" * 10_000)) == 1 + text.MARKS_PER_LETTER_MAX


def test_a_body_keeps_its_lines():
    assert text.clean_text("a\r\nb\u2028c\x00\n\n  d \n") == "a\nb\nc\n\n  d"


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ("EN", "en"),
        ("pt_br", "pt-BR"),
        ("zh-hant-TW", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("sl-rozaj", "sl-rozaj"),
        ("", None),
        ("english", None),
        ('en"><script>', None),
        ("en-x-private", None),
        ("a" * 50, None),
    ],
)
def test_language_tags(value, tag):
    assert text.language_tag(value) == tag


def test_emoji_shortcodes():
    assert text.emoji_shortcodes(":blob_cat: :a: x:no:y :blob_cat: 10:30:20 :ok2:") == ["blob_cat", "ok2"]


def test_foreign_plain_text_is_escaped():
    assert html.from_text("a<b>\nc\n\nd") == "<p>a&lt;b&gt;<br>c</p><p>d</p>"
    assert stdlib_html.unescape(html.to_text("<p>&amp;lt;</p>")) == "<"
