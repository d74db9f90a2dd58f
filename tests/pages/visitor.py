"""Somebody with a browser that knows no JavaScript: reads pages, follows redirects, fills in the forms it finds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import html5lib
from aiohttp import ClientSession, FormData
from lxml import html as lxml_html

SWITCHES = {"checked", "disabled", "hidden", "multiple", "open", "readonly", "required", "selected"}
"""Attributes that say something by being there."""

PASSWORD = "seven quiet otters"


@dataclass
class Page:
    """A page as it was understood."""

    status: int
    url: str
    text: str
    headers: Any

    @cached_property
    def tree(self) -> Any:
        """Its elements, read quickly and tolerantly."""
        found = lxml_html.document_fromstring(self.text)
        for element in found.iter():
            for name in SWITCHES & set(element.keys()):
                element.set(name, "")
        return found

    @cached_property
    def problems(self) -> list[Any]:
        """Errors of its HTML by the standard's own parser, which takes much longer."""
        parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("lxml"))
        parser.parse(self.text)
        # The parser's tables predate elements that later versions of the standard added; those it merely does not know.
        return [(place, code, facts) for place, code, facts in parser.errors]

    def all(self, tag: str, **attributes: str) -> list[Any]:
        """The elements of this kind with these attributes (``class_`` holds one of the classes)."""
        found = []
        for element in self.tree.iter(tag):
            wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
            classes = wanted.pop("class", None)
            if classes is not None and classes not in (element.get("class") or "").split():
                continue
            if all(element.get(name) == value for name, value in wanted.items()):
                found.append(element)
        return found

    def words(self) -> str:
        """What there is to read in the main part."""
        return " ".join(" ".join(part.itertext()) for part in self.all("main")).replace("\n", " ")


class Visitor:
    """One browser with its cookies."""

    def __init__(self, session: ClientSession, origin: str) -> None:
        self.session = session
        self.origin = origin

    async def open(self, path: str, **headers: str) -> Page:
        """GET, redirects followed."""
        async with self.session.get(urljoin(self.origin, path), headers=headers) as answer:
            return await _page(answer)

    async def submit(
        self,
        page: Page,
        action: str,
        values: dict[str, Any] | None = None,
        *,
        choose: dict[str, str] | None = None,
    ) -> Page:
        """Fill in the form of the page that leads to `action` and send it as the browser would.

        `values` are by the names of fields that are there; a file is (name, bytes, type). AssertionError when
        there is no such form or field. `choose` ticks boxes and radio buttons by name and value.
        """
        form, button = _form(page, action)
        data = dict(_filled(form))
        for name, value in (values or {}).items():
            names = {element.get("name") for element in _controls(form) if element.get("name")}
            assert name in names, f"the form to {action} has no field {name}: {sorted(filter(None, names))}"
            data[name] = value
        pairs = [
            (name, one)
            for name, value in data.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        for name, value in (choose or {}).items():
            boxes = [e for e in _controls(form) if e.get("name") == name and e.get("value") == value]
            assert boxes, f"nothing to choose as {name}={value}"
            if boxes[0].get("type") == "radio":
                pairs = [pair for pair in pairs if pair[0] != name]
            pairs.append((name, value))
        if button is not None and button.get("name"):
            pairs.append((button.get("name"), button.get("value", "")))
        body = FormData(default_to_multipart=form.get("enctype") == "multipart/form-data")
        for name, value in pairs:
            if isinstance(value, tuple):
                filename, content, kind = value
                body.add_field(name, content, filename=filename, content_type=kind)
            else:
                body.add_field(name, value)
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Referer": page.url}
        async with self.session.post(urljoin(page.url, action), data=body, headers=headers) as answer:
            return await _page(answer)


def _form(page: Page, action: str) -> tuple[Any, Any]:
    for form in page.all("form"):
        for button in form.iter("button"):
            if button.get("formaction") == action:
                return form, button
        if form.get("action") == action and form.get("method") == "post":
            return form, None
    actions = [form.get("action") for form in page.all("form")]
    raise AssertionError(f"{page.url} has no form to {action}, but to {actions}: {page.words()[:800]}")


def _controls(form: Any) -> list[Any]:
    """What is in the form, and what elsewhere on the page says that it belongs to it."""
    own = form.get("id")
    outside = [e for e in form.getroottree().iter("input") if own and e.get("form") == own]
    return [*outside, *(e for e in form.iter() if e.get("form") in (None, own))]


def _filled(form: Any) -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}

    def put(name: str, value: str) -> None:
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value

    for element in _controls(form):
        name, tag = element.get("name"), element.tag
        if not name:
            continue
        if tag == "input":
            kind = element.get("type", "text")
            if kind in ("checkbox", "radio") and element.get("checked") is None:
                continue
            if kind == "file":
                continue
            put(name, element.get("value", "on" if kind == "checkbox" else ""))
        elif tag == "textarea":
            put(name, (element.text or "").removeprefix("\n"))
        elif tag == "select":
            options = list(element.iter("option"))
            chosen = [one for one in options if one.get("selected") is not None] or options[:1]
            put(name, chosen[0].get("value"))
    return list(found.items())


async def _page(answer: aiohttp.ClientResponse) -> Page:
    return Page(answer.status, str(answer.url), await answer.text(), answer.headers)


def path_of(page: Page) -> str:
    """The path a page ended at, with its query."""
    parts = urlsplit(page.url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
