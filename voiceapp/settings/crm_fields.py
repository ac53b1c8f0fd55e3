"""The CRM fields of a rule: which CRM it asks, and what that one has to be told."""

from collections.abc import Callable
from typing import Any

from wtforms import Field, PasswordField, SelectField, ValidationError
from wtforms.validators import StopValidation

from voiceapp.crm.custom import SecretHeader
from voiceapp.crm.registry import HEADER_NAME, USERNAME
from voiceapp.routing.credentials import Kept
from voiceapp.rules.plan import Integration, Plan
from voiceapp.settings import rule_crm
from voiceapp.settings.forms import BaseForm, Text
from voiceapp.settings.rule_crm import CrmChoice
from voiceapp.vault import origin


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


class WhereUsed(Where):
    """Asks for a CRM field where the rule has settings of its own that use it."""

    def __init__(self, name: str, sentence: str = "") -> None:
        super().__init__(lambda form: form.asks_for(name), sentence)


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
    username = Text("CRM Username", validators=[WhereUsed("username", "Type the user name.")])
    password = PasswordField("CRM Password", [WhereUsed("password")])
    url = Text(
        "CRM URL",
        longest=2000,
        validators=[WhereUsed("url", "Type the address. It begins with https://.")],
    )
    header_name = Text("Header name", longest=100, validators=[WhereUsed("header")])
    header_value = PasswordField("Header value", [WhereUsed("header")])

    plan: Plan
    own: Integration | None
    kept: Kept
    _made: Integration | None = None

    def choice(self) -> CrmChoice | None:
        """Return the CRM that is chosen."""
        return rule_crm.read_choice(self.crm.data or "", self.plan)

    def asks_for(self, name: str) -> bool:
        """Say whether one of the CRM fields is to be filled in for the CRM that is chosen."""
        choice = self.choice()
        return choice is not None and choice.shared is None and bool(getattr(choice.kind, name))

    def uses_modules(self) -> bool:
        """Say whether the CRM that is chosen knows modules."""
        choice = self.choice()
        return choice is not None and bool(choice.kind.modules)

    def is_kept(self) -> bool:
        """Say whether the secret is kept for the address, and the user or header, in the form."""
        return self._slot() in {slot for at, slot in self.kept if at == self._origin()}

    def _slot(self) -> str | None:
        """Return the name of the secret that is needed; None if it can't be kept by now."""
        choice = self.choice()
        if self.own is None or choice is None or self.own.kind != choice.kind_key:
            return None
        return choice.kind.slot(self._options(choice))

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
        return {
            USERNAME: (self.username.data or "") if choice.kind.username else "",
            HEADER_NAME: (self.header_name.data or "") if choice.kind.header else "",
        }

    def _address(self, choice: CrmChoice) -> str:
        return (self.url.data or "") if choice.kind.url else ""

    def secret(self) -> str:
        """Return the secret that was typed; blank to keep the one there is."""
        if self.asks_for("password"):
            return self.password.data or ""
        return (self.header_value.data or "") if self.asks_for("header") else ""

    def validate_crm(self, field: SelectField) -> None:
        """Ask for a CRM that there is."""
        if self.choice() is None:
            raise ValidationError("Choose the CRM to ask.")

    def validate_url(self, field: Text) -> None:
        """Refuse an address that can never be asked."""
        choice = self.choice()
        try:
            if choice is not None:
                choice.kind.check(field.data or "")
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def validate_password(self, field: PasswordField) -> None:
        """Ask for the password unless one is kept for this very address."""
        if not field.data and not self.is_kept():
            raise ValidationError(self._type("the CRM Password"))

    def validate_header_name(self, field: Text) -> None:
        """Refuse a value without a name, and a name that can't be sent."""
        if self.header_value.data and not field.data:
            raise ValidationError("Type the header's name, e.g. X-Api-Key.")
        if field.data:
            _refuse_header(field.data, "x")

    def validate_header_value(self, field: PasswordField) -> None:
        """Ask for the value of a named header unless one is kept for this very address."""
        if self.header_name.data and not field.data and not self.is_kept():
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
        "username": integration.options.get(USERNAME, ""),
        "url": integration.url,
        "header_name": integration.options.get(HEADER_NAME, ""),
    }
