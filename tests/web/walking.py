"""Walking the site as somebody would: every page a role may open, every file it offers, every form it shows.

Which pages there are is read from ``urls.py`` and from the pages themselves, so
that a page added tomorrow is walked tomorrow. What an address needs (a month, a
card, a run) is found by following links; for what no link leads to,
``test_access.ids`` names one of its kind.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

MOST_OF_A_KIND = 2  # Records looked at of one kind; of a page with one set of parameters, the first.


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a browser would send it untouched, pressed at one of its buttons."""

    action: str
    method: str
    fields: tuple[tuple[str, str], ...]


class _Page(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.links: list[str] = []
        self.forms: list[dict[str, Any]] = []
        self.by_id: dict[str, dict[str, Any]] = {}
        self._open: dict[str, Any] | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        elif tag == "form":
            self._open = {"action": has.get("action") or self.address, "method": has.get("method", "get"), "fields": [], "buttons": []}  # fmt: skip
            self.forms.append(self._open)
            self.by_id[has.get("id", "")] = self._open
        form = self.by_id.get(has["form"]) if has.get("form") else self._open
        if form is None:
            return
        if tag == "input" and has.get("name") and has.get("type") not in ("submit", "file"):
            if has.get("type") not in ("checkbox", "radio") or "checked" in has or has["name"] == "pick":
                form["fields"].append((has["name"], has.get("value", "") or _plausible(has)))
        elif tag == "textarea" and has.get("name"):
            form["fields"].append((has["name"], "x"))
        elif tag == "select":
            self._select = has.get("name", "")
        elif tag == "option" and self._select and has.get("value"):
            form["fields"].append((self._select, has["value"]))
            self._select = ""
        elif tag == "button" and has.get("type", "submit") == "submit":
            form["buttons"].append((has.get("formaction", ""), has.get("name", ""), has.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

    def sent(self) -> Iterator[Form]:
        for form in self.forms:
            for action, name, value in form["buttons"] or [("", "", "")]:
                pressed = [(name, value)] if name else []
                yield Form(action or form["action"], form["method"].lower(), (*form["fields"], *pressed))


@cache
def _page_at(path: str) -> tuple[str, tuple[str, ...]]:
    """The page's name and whose it is; the same links stand on every page."""
    try:
        match = resolve(path)
    except Resolver404:
        return "", ()
    return str(match.view_name), tuple(getattr(match.func, "seen_by", None) or ())


def _plausible(has: dict[str, str]) -> str:
    """Something to type into an empty field."""
    kinds = {"date": "2026-12-01", "month": "2026-12", "number": "1", "email": "a@example.org"}
    return kinds.get(has.get("type", "text"), "1" if has.get("inputmode") in ("decimal", "numeric") else "")


@contextmanager
def in_one_transaction() -> Iterator[None]:
    """Whatever pages do in here is one transaction of the test's: those that open one of their own join it."""
    from koinon.web import snapshots

    with transaction.atomic(), patch.object(snapshots, "one_snapshot", transaction.atomic):
        yield


@dataclass
class Walk:
    """What a role saw: the text of every answer, by what was asked."""

    client: Client
    role: str
    seen: dict[str, str] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    _counted: Counter[str] = field(default_factory=Counter)
    _posted: set[tuple[str, str]] = field(default_factory=set)

    def everything(self, ids: dict[str, Any]) -> Walk:
        """Go through all there is for this role. ``ids`` help where no link leads."""
        for pattern in self._own():
            if not pattern.pattern.converters:
                self.look(reverse(pattern.name))
        for pattern in self._own():
            if pattern.name not in self.visited:
                try:
                    address = reverse(pattern.name, kwargs={name: ids[name] for name in pattern.pattern.converters})
                except (KeyError, NoReverseMatch):
                    continue
                self.look(address)
                self.send(Form(address, "post", ()))
        return self

    def _own(self) -> list[Any]:
        from koinon.web import urls

        return [one for one in urls.urlpatterns if self.role in getattr(one.callback, "seen_by", ())]

    @property
    def missed(self) -> list[str]:
        return [one.name for one in self._own() if one.name not in self.visited]

    def look(self, address: str) -> None:
        """Open an address with names asked for, and everything that it leads to."""
        waiting = [address]
        while waiting:
            asked = self._to_open(waiting.pop())
            if asked is None:
                continue
            with in_one_transaction():  # What looking writes is kept, but no failed page spoils the next.
                answer = self.client.get(asked)
            page = self._keep(f"GET {asked}", answer)
            if page is None:
                continue
            waiting += page.links
            for form in page.sent():
                if form.method == "get":
                    waiting.append(f"{form.action}?{urlencode(form.fields)}")
                else:
                    self.send(form)

    def send(self, form: Form) -> None:
        """Press a button; what it does is undone when its answer was read."""
        name = self._name_of(form.action)
        pressed = (
            name,
            "|".join(f"{key}={value}" for key, value in form.fields if key in ("action", "scope", "confirm")),
        )
        if not name or pressed in self._posted:
            return
        self._posted.add(pressed)
        fields: dict[str, list[str]] = {}
        for key, value in form.fields:
            fields.setdefault(key, []).append(value)
        with in_one_transaction():
            answer = self.client.post(form.action, fields)
            self._keep(f"POST {form.action} {pressed[1]}", answer)
            if answer.status_code == 302 and self._name_of(answer.headers["Location"]):
                self._keep(f"after POST {form.action}", self.client.get(answer.headers["Location"]))
            transaction.set_rollback(True)

    def _to_open(self, link: str) -> str | None:
        """The address to ask for, with names; None where it is not ours, or enough of its kind were seen."""
        name = self._name_of(link)
        if not name:
            return None
        parts = urlsplit(link)
        given = parse_qs(parts.query, keep_blank_values=True)
        kind = f"{name}?{'&'.join(sorted(given.keys() - {'names'}))} {given.get('export', [''])[0]}"
        asked = (
            f"{parts.path}?{urlencode([*((k, v) for k, v in parse_qsl(parts.query) if k != 'names'), ('names', '1')])}"
        )
        most = 1 if given.keys() - {"names"} else MOST_OF_A_KIND
        if f"GET {asked}" in self.seen or self._counted[kind] >= most:
            return None
        self._counted[kind] += 1
        return asked

    def _name_of(self, link: str) -> str:
        """The page an address leads to, where it is one of this role's."""
        parts = urlsplit(link)
        if parts.netloc or parts.scheme or not parts.path.startswith("/"):
            return ""
        name, seen_by = _page_at(parts.path)
        return name if self.role in seen_by else ""

    def _keep(self, what: str, answer: HttpResponse) -> _Page | None:
        address = what.partition(" ")[2]
        assert answer.status_code < 500, (what, answer.status_code)
        if answer.status_code != 404:  # What is not there was not looked at.
            self.visited.add(self._name_of(address.removeprefix("POST ").split(" ")[0]))
        if answer.status_code >= 300:
            self.seen.setdefault(what, "")
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        self.seen[what] = text_of(kind, content)
        if kind != "text/html":
            self.files.add(what)
            return None
        page = _Page(urlsplit(address).path)
        page.feed(self.seen[what])
        return page


def text_of(kind: str, content: bytes) -> str:
    """Everything readable in a file, whatever wraps it."""
    if content.startswith(b"%PDF"):
        from pypdf import PdfReader

        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "\n".join(text_of("", archive.read(name)) for name in archive.namelist())
    return content.decode("utf-8-sig", errors="replace")
