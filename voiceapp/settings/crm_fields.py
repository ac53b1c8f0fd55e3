"""The CRM fields of a rule: which CRM it asks, and what that one has to be told."""

from collections.abc import Callable
from typing import Any

from wtforms import BooleanField, Field, HiddenField, PasswordField, SelectField, ValidationError
from wtforms.validators import StopValidation

from voiceapp.crm.custom import SecretHeader
from voiceapp.crm.kind import (
    ACCOUNT,
    HEADER_NAME,
    LABELS_IN_RULES,
    OPTIONS,
    PASSWORD,
    TOKEN,
    URL,
    USERNAME,
    VERSION,
)
from voiceapp.rules.plan import Integration
from voiceapp.settings import rule_crm
from voiceapp.settings.crm_told import HEADER_VALUE, CrmTold
from voiceapp.settings.forms import Text, stripped

ASKED = (URL, USERNAME, PASSWORD, TOKEN, ACCOUNT, VERSION)
"""The fields that a kind of CRM may ask for."""
_OF_CRM = ("crm", "module", *ASKED, HEADER_NAME, HEADER_VALUE)


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


def _without_fragment(address: str | None) -> str:
    """Cut off what browsers show after “#” and never send."""
    return (address or "").partition("#")[0]


class CrmFields(CrmTold):
    """The fields under “CRM Settings”; `form_id` tells one form on somebody's screen from another.

    `shown_crm` is the CRM whose fields the page has, `aside` what was typed for others, `promised`
    which secrets the page says are kept.
    """

    form_id = HiddenField()
    shown_crm = HiddenField()
    aside = HiddenField()
    promised = HiddenField()
    crm = SelectField("CRM To Use", validate_choice=False)
    module = Text(
        "CRM Modules",
        validators=[Where(lambda form: form.uses_modules(), "Choose the module to search.")],
    )
    url = Text(
        LABELS_IN_RULES[URL], longest=2000, validators=[WhereAsked()], filters=[_without_fragment]
    )
    username = Text(LABELS_IN_RULES[USERNAME], validators=[WhereAsked()])
    password = PasswordField(LABELS_IN_RULES[PASSWORD], [WhereAsked()], [stripped])
    token = PasswordField("Second secret", [WhereAsked()], [stripped])
    forget_token = BooleanField("Remove the one that is kept")
    account = Text("Account", validators=[WhereAsked()])
    interface = Text("Version", validators=[WhereAsked()])
    header_name = Text("Header name", longest=100, validators=[WhereHeader()])
    header_value = PasswordField("Header value", [WhereHeader()])

    def crm_is_valid(self) -> bool:
        """Judge what the CRM has to be told, and nothing else of the form."""
        faults = 0
        for name in _OF_CRM:
            own = getattr(type(self), f"validate_{name}", None)
            faults += not self[name].validate(self, [own] if own else [])
        return not faults

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
        self._own_up(name)
        ask = self.asked(name)
        if ask is not None and ask.is_required and not self._is_there(name):
            raise ValidationError(self._type(name, f"the {ask.label}"))

    def _own_up(self, name: str) -> None:
        """Say that a secret has gone which the page had promised to keep."""
        if self.has_let_go(name):
            raise ValidationError("What you typed is not kept any longer. Type it again.")

    def _is_there(self, name: str) -> bool:
        return bool(self.secrets().get(name)) or self.is_kept(name)

    def validate_header_name(self, field: Text) -> None:
        """Refuse a value without a name, and a name that can't be sent."""
        if self.header_value.data and not field.data:
            raise ValidationError("Type the header's name, e.g. X-Api-Key.")
        if field.data:
            _refuse_header(field.data, "x")

    def validate_header_value(self, field: PasswordField) -> None:
        """Ask for the value of a named header unless one is kept for this very address."""
        self._own_up(HEADER_NAME)
        if self.header_name.data and not self._is_there(HEADER_NAME):
            raise ValidationError(self._type(HEADER_NAME, "the header's value"))
        if value := self.secrets().get(HEADER_NAME):
            _refuse_header("x", value)

    def _type(self, name: str, what: str) -> str:
        if self.leads_elsewhere(name):
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
