"""The CRM fields of a rule: which CRM it asks, and what that one has to be told."""

from collections.abc import Callable, Mapping
from typing import Any

from wtforms import BooleanField, Field, PasswordField, SelectField, ValidationError
from wtforms.validators import StopValidation

from voiceapp.crm.custom import SecretHeader
from voiceapp.crm.kind import (
    ACCOUNT,
    HEADER_NAME,
    LABELS_IN_RULES,
    OPTIONS,
    PASSWORD,
    SECRETS,
    TOKEN,
    URL,
    USERNAME,
    VERSION,
    Ask,
    Told,
)
from voiceapp.routing.credentials import Kept
from voiceapp.rules.plan import Integration, Plan
from voiceapp.settings import rule_crm
from voiceapp.settings.forms import BaseForm, Text, stripped
from voiceapp.settings.rule_crm import CrmChoice
from voiceapp.vault import origin

ASKED = (URL, USERNAME, PASSWORD, TOKEN, ACCOUNT, VERSION)
"""The fields that a kind of CRM may ask for."""


class Where:
    """Asks for a field where it applies, and passes over it where it doesn't."""

    def __init__(self, applies: Callable[[Any], bool], sentence: str = "") -> None:
        self._applies = applies
        self._sentence = sentence

    def __call__(self, form: Any, field: Field) -> None:
        if not self._applies(form):
            raise StopValidation
        if self._sentence and not field.data:
            raise StopValidation(self._sentence)


class WhereAsked:
    """Asks for a CRM field where the CRM that is chosen does, in its words."""

    def __call__(self, form: Any, field: Field) -> None:
        if form.asked(field.short_name) is None:
            raise StopValidation
        if sentence := form.wrong().get(field.short_name):
            raise StopValidation(sentence)


class WhereHeader(Where):
    """Asks for a field of the header where the CRM that is chosen takes one."""

    def __init__(self) -> None:
        super().__init__(lambda form: form.takes_header())


class CrmFields(BaseForm):
    """The fields under “CRM Settings”.

    `own` is the integration that belongs to the rule alone, if it has one by now, and `kept` says
    which secrets that has.
    """

    crm = SelectField("CRM To Use", validate_choice=False)
    module = Text(
        "CRM Modules",
        validators=[Where(lambda form: form.uses_modules(), "Choose the module to search.")],
    )
    url = Text(LABELS_IN_RULES[URL], longest=2000, validators=[WhereAsked()])
    username = Text(LABELS_IN_RULES[USERNAME], validators=[WhereAsked()])
    password = PasswordField(LABELS_IN_RULES[PASSWORD], [WhereAsked()], [stripped])
    token = PasswordField("Second secret", [WhereAsked()], [stripped])
    forget_token = BooleanField("Remove the one that is kept")
    account = Text("Account", validators=[WhereAsked()])
    interface = Text("Version", validators=[WhereAsked()])
    header_name = Text("Header name", longest=100, validators=[WhereHeader()])
    header_value = PasswordField("Header value", [WhereHeader()])

    plan: Plan
    own: Integration | None
    kept: Kept
    _made: Integration | None = None

    def choice(self) -> CrmChoice | None:
        """Return the CRM that is chosen."""
        return rule_crm.read_choice(self.crm.data or "", self.plan)

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
        there = [one for one in SECRETS if self[one].data or self.is_kept(one)]
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
        header = (self.header_name.data or "") if choice.kind.header else ""
        return options | ({HEADER_NAME: header} if header else {})

    def _address(self, choice: CrmChoice) -> str:
        return (self.url.data or "") if choice.kind.ask(URL) else choice.kind.site

    def secrets(self) -> Mapping[str, str]:
        """Return the secrets that were typed, a blank one to take it away; others stay."""
        typed = {name: self[name].data for name in SECRETS if self.asked(name)}
        if self.takes_header():
            typed[HEADER_NAME] = self.header_value.data
        ask = self.asked(TOKEN)
        forgotten = {TOKEN: ""} if ask and not ask.is_required and self.forget_token.data else {}
        return forgotten | {name: value for name, value in typed.items() if value}

    def validate_crm(self, field: SelectField) -> None:
        """Ask for a CRM that there is."""
        if self.choice() is None:
            raise ValidationError("Choose the CRM to ask.")

    def validate_password(self, field: PasswordField) -> None:
        """Ask for the password unless one is kept for this very address."""
        self._ask_for_secret(PASSWORD)

    def validate_token(self, field: PasswordField) -> None:
        """Ask for the second secret unless one is kept for this very address."""
        self._ask_for_secret(TOKEN)

    def _ask_for_secret(self, name: str) -> None:
        ask = self.asked(name)
        if ask is not None and ask.is_required and not self[name].data and not self.is_kept(name):
            raise ValidationError(self._type(f"the {ask.label}"))

    def validate_header_name(self, field: Text) -> None:
        """Refuse a value without a name, and a name that can't be sent."""
        if self.header_value.data and not field.data:
            raise ValidationError("Type the header's name, e.g. X-Api-Key.")
        if field.data:
            _refuse_header(field.data, "x")

    def validate_header_value(self, field: PasswordField) -> None:
        """Ask for the value of a named header unless one is kept for this very address."""
        if self.header_name.data and not field.data and not self.is_kept(HEADER_NAME):
            raise ValidationError(self._type("the header's value"))
        if field.data:
            _refuse_header("x", field.data)

    def _type(self, what: str) -> str:
        if self.kept and self._origin() not in {at for at, _ in self.kept}:
            return f"The address leads to another host: type {what} again."
        return f"Type {what}."


def _refuse_header(name: str, value: str) -> None:
    try:
        SecretHeader(name, value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def values_of(integration: Integration | None) -> dict[str, str]:
    """Return what stands in the CRM fields for an integration; secrets never do."""
    choice = rule_crm.choice_of(integration) if integration else None
    if integration is None or choice is None:
        return {}
    if choice.shared is not None:
        return {"crm": choice.value}
    return {
        "crm": choice.value,
        "url": integration.url,
        **{name: integration.options.get(name, "") for name in (*OPTIONS, HEADER_NAME)},
    }
