"""A page of the settings as people see it: its form by panels and labels, ready to be sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests.settings.conftest import csrf
from voiceapp.extensions import db
from voiceapp.routing import draft
from voiceapp.rules.plan import Integration, Plan
from voiceapp.rules.rule import Rule
from voiceapp.rules.uses import Part

_VOID = frozenset({"input", "link", "meta", "br", "hr", "img"})
NEW_RULE = "/admin/routing/new"
_NOT_SENT = ("submit", "button", "file")


@dataclass
class Input:
    """One input of the form: what it is called, what stands in it, what is wrong with it."""

    name: str
    type: str
    attributes: dict[str, str]
    panel: str
    legend: str
    """The words over the group it stands in, blank for one that stands alone."""
    disabled: bool
    label: str = ""
    value: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    """What a pick-list offers: the values and what people read for them."""
    error: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be filled in, as the page says it."""
        if self.legend and self.type != "radio":
            return not self.legend.endswith("(optional)")
        return "required" in self.attributes

    @property
    def title(self) -> str:
        """What people know it by: the words over its group, or its label."""
        return (self.legend or self.label).removesuffix("(optional)").strip()

    @property
    def readonly(self) -> bool:
        return "readonly" in self.attributes or self.disabled


class Page(HTMLParser):
    """A page with the form of the id `form`; what stands outside and belongs to it is part of it.

    `pressable` are the buttons of the form, by what stands on them, `facts` what can't be changed.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inputs: list[Input] = []
        self.pressable: list[str] = []
        self.facts: dict[str, str] = {}
        self._term = ""
        self._stack: list[tuple[str, dict[str, str]]] = []
        self._texts: dict[int, str] = {}
        self._labels: dict[str, str] = {}
        self._wrong: dict[str, str] = {}
        self._panel = ""
        self._option: tuple[str | None, bool] | None = None
        self._picked: str | None = None
        self.text = ""
        self.feed(html)
        for one in self.inputs:
            one.label = one.label or self._labels.get(one.attributes.get("id", ""), "")
            ids = one.attributes.get("aria-describedby", "").split()
            one.error = " ".join(self._wrong[id_] for id_ in ids if id_ in self._wrong)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in ("input", "select", "textarea") and self._is_in_form(attributes):
            type_ = attributes.get("type", "text") if tag == "input" else tag
            if "aria-describedby" in (group := self._fieldset()):
                attributes.setdefault("aria-describedby", group["aria-describedby"])
            self.inputs.append(
                Input(
                    name=attributes.get("name", ""),
                    type=type_,
                    attributes=attributes,
                    panel=self._panel,
                    legend=self._fieldset().get("legend", ""),
                    disabled=any(t == "fieldset" and "disabled" in a for t, a in self._stack),
                    value=attributes.get("value", ""),
                )
            )
            self._picked = None
        if tag == "option":
            self._option = (attributes.get("value"), "selected" in attributes)
        if tag == "fieldset":
            attributes["legend"] = ""
        if tag not in _VOID:
            self._stack.append((tag, attributes))
            self._texts[len(self._stack)] = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        for depth in range(1, len(self._stack) + 1):
            self._texts[depth] += data

    def handle_endtag(self, tag: str) -> None:
        if tag not in {one for one, _ in self._stack}:
            return
        while self._stack:
            last, attributes = self._stack.pop()
            inner = self._texts[len(self._stack) + 1]
            self._end(last, attributes, inner)
            if last == "dt":
                self._term = inner.strip()
            elif last == "dd":
                self.facts[self._term] = inner.strip()
            if last == tag:
                return

    def _end(self, tag: str, attributes: dict[str, str], inner: str) -> None:
        text = " ".join(inner.split())
        match tag:
            case "h2":
                self._panel = text
            case "legend":
                self._fieldset()["legend"] = text
            case "label" if "for" in attributes:
                self._labels[attributes["for"]] = text
            case "label":
                self.inputs[-1].label = text
            case "p" if attributes.get("class") == "wrong":
                self._wrong[attributes["id"]] = text.removeprefix("▲ ")
            case "button" if self._is_in_form(attributes):
                self.pressable.append(text)
            case "textarea" if self._is_in_form(attributes):
                self.inputs[-1].value = inner.removeprefix("\r\n").removeprefix("\n")
            case "option" if self._option and any(one == "select" for one, _ in self._stack):
                value, is_selected = self._option
                self.inputs[-1].options.append((text if value is None else value, text))
                if is_selected or len(self.inputs[-1].options) == 1:
                    self.inputs[-1].value = self.inputs[-1].options[-1][0]

    def _is_in_form(self, attributes: dict[str, str]) -> bool:
        forms = [one.get("id") for tag, one in self._stack if tag == "form"]
        return attributes.get("form", forms[-1] if forms else None) == "form"

    def _fieldset(self) -> dict[str, str]:
        """Return the attributes of the group that is open, its words as `legend` among them."""
        groups = [one for tag, one in self._stack if tag == "fieldset"]
        return groups[-1] if groups else {}

    def shown(self, panel: str = "") -> Iterator[Input]:
        """Yield what people see of the form, or of one panel of it."""
        for one in self.inputs:
            if one.type != "hidden" and panel in ("", one.panel):
                yield one

    def titles(self, panel: str, *, required: bool = False) -> list[str]:
        """Return the titles in a panel in their order, each once; or those that are required."""
        chosen = [one for one in self.shown(panel) if one.required or not required]
        return list(dict.fromkeys(one.title for one in chosen))

    def __getitem__(self, name: str) -> Input:
        """Return the input of a name; of radio buttons the one that is chosen."""
        found = [one for one in self.inputs if one.name == name]
        chosen = [one for one in found if one.type != "radio" or "checked" in one.attributes]
        if not chosen:
            raise KeyError(name)
        return chosen[0]

    def by_title(self, title: str) -> Input:
        """Return the first input of a title."""
        return next(one for one in self.shown() if one.title == title)

    def errors(self) -> dict[str, str]:
        """Return what is wrong, by the names of the inputs it stands beside."""
        return {one.name: one.error for one in self.inputs if one.error}

    def wrong(self) -> set[str]:
        """Return everything that is said to be wrong, wherever it stands."""
        return set(self._wrong.values())

    def data(self) -> MultiDict[str, str]:
        """Return what a browser would send of the form as it stands."""
        sent: MultiDict[str, str] = MultiDict()
        for one in self.inputs:
            is_off = one.type in ("radio", "checkbox") and "checked" not in one.attributes
            if one.name and not one.disabled and one.type not in _NOT_SENT and not is_off:
                sent.add(one.name, one.value)
        return sent


def opened(client: FlaskClient, url: str) -> Page:
    """Open a page and read its form."""
    answer = client.get(url)
    assert answer.status_code == 200, f"{url} answers {answer.status}."
    return Page(answer.text)


def send(
    client: FlaskClient, url: str, page: Page | None = None, /, do: str = "save", **typed: Any
) -> TestResponse:
    """Send a form as it stands on its page, with some inputs typed into, by the button `do`.

    `typed` are names of inputs, with `__` for `-`; one that is None is left out.
    """
    data = (page or opened(client, url)).data()
    for name, value in typed.items():
        data.poplist(name.replace("__", "-"))
        if value is not None:
            data.add(name.replace("__", "-"), value)
    if do:
        data["do"] = do
    data["csrf_token"] = data.get("csrf_token") or csrf(client, url)
    return client.post(url, data=data)


def place_of(app: Flask, type_: type[Rule] | type[Integration], key: str) -> str:
    """Return the address of the page of a rule or an integration."""
    tab = {Rule: "routing", Integration: "integrations"}[type_]
    with app.app_context():
        return f"/admin/{tab}/{draft.ids(db.session())[type_, key]}"


def drafted(app: Flask) -> Plan:
    """Return the draft as it stands."""
    with app.app_context():
        return draft.read(db.session())


def rule_of(app: Flask, name: str) -> Rule:
    """Return a rule of the draft."""
    return next(one for one in drafted(app).rules if one.name == name)


def keep(app: Flask, *parts: Part) -> None:
    """Put parts into the draft."""
    with app.app_context():
        for part in parts:
            draft.save(db.session(), part, "test")
        db.session.commit()
