"""What a form tells of a CRM: which one it is, where, whose, and with which secrets."""

from collections.abc import Mapping
from secrets import token_hex
from types import MappingProxyType
from typing import Any, ClassVar

from wtforms import Field

from voiceapp.crm.kind import HEADER_NAME, OPTIONS, SECRETS, TOKEN, URL, Ask, Told
from voiceapp.routing import typed
from voiceapp.routing.credentials import Kept
from voiceapp.routing.typed import Place
from voiceapp.rules.plan import Integration, Plan
from voiceapp.settings import aside, rule_crm
from voiceapp.settings.forms import BaseForm, is_form_id
from voiceapp.settings.rule_crm import CrmChoice
from voiceapp.vault import origin

HEADER_VALUE = "header_value"
MODULES = ("module", "second_module", "third_module")
NOTHING: Mapping[Place, str] = MappingProxyType({})


class CrmTold(BaseForm):
    """What the fields of `CrmFields` say, whatever is wrong with it.

    `own` is the integration that belongs to the form's part alone, if there is one by now, `kept`
    says which secrets that has, `in_force` which calls use; another one is used `later`.
    `waiting` are secrets that were typed into this form before, each by what it was typed for.
    """

    later: ClassVar[str] = "once it is published"

    plan: Plan
    own: Integration | None
    kept: Kept
    in_force: Kept = frozenset()
    waiting: Mapping[Place, str] = NOTHING
    _left: Mapping[Place, str] = NOTHING
    _made: Integration | None = None

    def stand_for(self, plan: Plan, own: Integration | None, kept: Kept) -> None:
        """Take what the form is about; what was typed for a CRM that is chosen no more steps back.

        A page says by `shown_crm` whose fields it had. What comes in their place is what was typed
        for the other CRM before, or what is saved of it, or nothing.
        """
        self.plan, self.own, self.kept = plan, own, kept
        if not is_form_id(self["form_id"].data):
            self["form_id"].data = token_hex(16)
        choice = self.choice()
        chosen, shown = choice.value if choice else "", self["shown_crm"].data or ""
        self["shown_crm"].data = chosen
        if shown == chosen:
            return
        if before := rule_crm.read_choice(shown, plan):
            self._put_aside(before)
        values, self["aside"].data = aside.take(self["aside"].data or "", chosen)
        saved = self._saved(choice) if before else {}
        for name, value in (values or saved).items():
            if name in self and name in (URL, *OPTIONS, HEADER_NAME, *MODULES):
                self[name].data = value
        if before and choice and not values:
            self._fit_modules(choice)

    def _put_aside(self, shown: CrmChoice) -> None:
        """Take the values out of the fields that a page has shown of a CRM."""
        told = {name: self[name].data or "" for name in _names_of(shown)}
        modules = {name: self[name].data or "" for name in MODULES if name in self}
        self["aside"].data = aside.put(self["aside"].data or "", shown.value, told | modules)
        if shown.shared is None:
            secret = {
                typed.place_of(name, shown.kind_key, shown.kind, told): self[_field(name)].data
                for name in _secrets_of(shown)
            }
            self._left = {place: value for place, value in secret.items() if value}
        for name in (*told, *map(_field, _secrets_of(shown))):
            self[name].data = ""
        self["forget_token"].data = False

    def _saved(self, choice: CrmChoice | None) -> Mapping[str, str]:
        """Return what is saved of the CRM that is chosen; nothing if that is another one."""
        if choice is None or choice.shared or self.own is None or self.own.kind != choice.kind_key:
            return {}
        return {URL: self.own.url, **self.own.options}

    def _fit_modules(self, choice: CrmChoice) -> None:
        """Leave no module that another CRM had."""
        for name in MODULES:
            if name in self and self[name].data not in choice.kind.modules:
                first = next(iter(choice.kind.modules), "")
                self[name].data = first if name == MODULES[0] else ""

    def choice(self) -> CrmChoice | None:
        """Return the CRM that is chosen."""
        return rule_crm.read_choice(self["crm"].data or "", self.plan)

    def asked(self, name: str) -> Ask | None:
        """Return what the CRM that is chosen asks for under a name; None if it doesn't."""
        return next((ask for ask, _ in self.asks() if ask.name == name), None)

    def asks(self) -> list[tuple[Ask, Field]]:
        """Return what the CRM that is chosen asks for, in its order, each with its field."""
        choice = self.choice()
        if choice is None or choice.shared is not None:
            return []
        asks = choice.kind.asks_with(self._options(choice))
        return [(ask, self[ask.name]) for ask in asks]

    def shapes(self, name: str) -> bool:
        """Say whether something else is asked for or not by what is chosen here."""
        return any(ask.needed_with and ask.needed_with[0] == name for ask, _ in self.asks())

    def wrong(self) -> Mapping[str, str]:
        """Return what keeps the CRM that is chosen from being asked, by the names of fields."""
        choice = self.choice()
        if choice is None or choice.shared is not None:
            return {}
        there = [one for one in SECRETS if self.secrets().get(one) or self.is_kept(one)]
        return choice.kind.wrong(Told(self._address(choice), self._options(choice), there))

    def takes_header(self) -> bool:
        """Say whether the CRM that is chosen takes a header of the admin's choice."""
        choice = self.choice()
        return choice is not None and choice.shared is None and choice.kind.header

    def uses_modules(self) -> bool:
        """Say whether the CRM that is chosen knows modules."""
        choice = self.choice()
        return choice is not None and bool(choice.kind.modules)

    def is_kept(self, name: str) -> bool:
        """Say whether a secret is kept for the address, and the user or header, in the form."""
        return self._slots().get(name) in {slot for at, slot in self.kept if at == self._origin()}

    def takes_effect(self, name: str) -> bool:
        """Say whether calls use the secret for the address, and the user or header, in the form."""
        return (self._origin(), self._slots().get(name)) in self.in_force

    def said(self, changed: Mapping[str, bool]) -> tuple[str, ...]:
        """Return from when on secrets count that were typed (true) or taken away, as sentences."""
        return tuple(self._said(name, is_there) for name, is_there in changed.items())

    def _said(self, name: str, is_there: bool) -> str:
        ask = self.asked(name)
        label = ask.label if ask else f"value of {self[HEADER_NAME].data}"
        is_live = self.takes_effect(name)
        if not is_there:
            return f"The {label} is removed{', for calls as well' if is_live else ''}."
        return f"The new {label} is used {'for calls from now on' if is_live else self.later}."

    def is_waiting(self, name: str) -> bool:
        """Say whether a secret was typed into this form before, for what stands there now."""
        return bool(self._waiting_for(name))

    def is_lost(self, name: str) -> bool:
        """Say whether a secret that was typed just now is not kept."""
        return bool(self[_field(name)].data) and not self.is_waiting(name)

    def has_let_go(self, name: str) -> bool:
        """Say whether a secret that was to be kept for the form is not there any more."""
        promised = (self["promised"].data or "").split()
        return name in promised and not self.waiting and not self[_field(name)].data

    def promise(self, waiting: Mapping[Place, str]) -> None:
        """Take what is kept for the form now, for its page to say so."""
        self.waiting = waiting
        self["promised"].data = " ".join(dict.fromkeys(place.name for place in waiting))

    def _waiting_for(self, name: str) -> str:
        place = self._place(name)
        found = [value for at, value in self.waiting.items() if place and at.fits(place)]
        return found[-1] if found else ""  # the last was typed last

    def _place(self, name: str) -> Place | None:
        """Return what a secret in the form is for; None if the CRM has no such."""
        choice = self.choice()
        if choice is None or choice.shared is not None or name not in _secrets_of(choice):
            return None
        told = {one: self[one].data or "" for one in _names_of(choice)}
        return typed.place_of(name, choice.kind_key, choice.kind, told)

    def _slots(self) -> Mapping[str, str]:
        """Return the names of the secrets that may be kept by now."""
        choice = self.choice()
        if self.own is None or choice is None or self.own.kind != choice.kind_key:
            return {}
        return choice.kind.slots(self._options(choice))

    def _origin(self) -> str:
        """Return the origin of the address in the form, blank for none."""
        choice = self.choice()
        try:
            return origin(self._address(choice)) if choice else ""
        except ValueError:
            return ""

    def leads_elsewhere(self, name: str) -> bool:
        """Say whether a secret is there, but for another address than the one in the form."""
        wanted = self._place(name)
        alike = {one.at for one in self.waiting if wanted and one.is_as(wanted)}
        places = {at for at, _ in self.kept} | alike
        return bool(places) and self._origin() not in places

    def integration(self) -> Integration:
        """Return the CRM that the form describes, half-filled as it may be."""
        if self._made is None:  # made once, as a new one gets a key of its own
            self._made = self._make()
        return self._made

    def _make(self) -> Integration:
        choice = self.choice()
        if choice is None:
            return Integration("", "…", "")
        if choice.shared is not None:
            return choice.shared
        return rule_crm.private(choice, self.own, self._address(choice), self._options(choice))

    def _options(self, choice: CrmChoice) -> dict[str, str]:
        options = {name: self[name].data or "" for name in OPTIONS if choice.kind.ask(name)}
        header = (self[HEADER_NAME].data or "") if choice.kind.header else ""
        return options | ({HEADER_NAME: header} if header else {})

    def _address(self, choice: CrmChoice) -> str:
        return (self[URL].data or "") if choice.kind.ask(URL) else choice.kind.site

    def secrets(self) -> Mapping[str, str]:
        """Return the secrets that were typed, a blank one to take it away; others stay."""
        choice = self.choice()
        if choice is None or choice.shared is not None:
            return {}
        names = _secrets_of(choice)
        waiting = {name: self._waiting_for(name) for name in names}
        ask = self.asked(TOKEN)
        forgotten = {TOKEN: ""} if ask and not ask.is_required and self["forget_token"].data else {}
        now = {name: self[_field(name)].data for name in names}
        return _filled(waiting) | forgotten | _filled(now)

    def to_wait(self) -> Mapping[Place, str]:
        """Return the secrets that wait for the form to be saved, what was typed last coming last.

        One that was typed before the address or the user was, is bound to them from now on.
        """
        after = {**self.waiting, **self._left}
        for name, value in self.secrets().items():
            field, place = self[_field(name)], self._place(name)
            if place is None or (field.data and field.errors):  # what can't be one is none
                continue
            if place.is_settled:
                after = {at: one for at, one in after.items() if not at.fits(place)}
            elif not field.data:
                continue
            after.pop(place, None)
            if value:
                after[place] = value
        return after


def _names_of(choice: CrmChoice) -> tuple[str, ...]:
    """Return the fields of a CRM that hold no secret; a shared one has none in a form."""
    if choice.shared is not None:
        return ()
    asked = tuple(name for name in (URL, *OPTIONS) if choice.kind.ask(name))
    return (*asked, HEADER_NAME) if choice.kind.header else asked


def _secrets_of(choice: CrmChoice) -> tuple[str, ...]:
    """Return the secrets that a CRM may be told; a header's value by the header's name."""
    if choice.shared is not None:
        return ()
    asked = tuple(name for name in SECRETS if choice.kind.ask(name))
    return (*asked, HEADER_NAME) if choice.kind.header else asked


def _field(name: str) -> str:
    """Return the field into which a secret is typed."""
    return HEADER_VALUE if name == HEADER_NAME else name


def _filled(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
