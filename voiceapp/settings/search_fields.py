"""The fields that say where a rule searches, and which of several records counts."""

from wtforms import SelectField, ValidationError

from voiceapp.rules.rule import Prefer
from voiceapp.settings.crm_fields import CrmFields, Where
from voiceapp.settings.forms import Text
from voiceapp.settings.known_fields import Known, Searched
from voiceapp.settings.offer import Choice

PREFER = {
    Prefer.NONE: "none of them",
    Prefer.NEWEST: "the newest",
    Prefer.HIGHEST: "the one with the highest value of a field",
    Prefer.LOWEST: "the one with the lowest value of a field",
}
BY_FIELD = (Prefer.HIGHEST, Prefer.LOWEST)


def _preferences() -> list[Choice]:
    return [(one.value, PREFER[one]) for one in Prefer]


class SearchFields(CrmFields):
    """Modules in the order they are searched, and what counts where several records are found.

    `searched` is what is known of the fields in these modules.
    """

    second_module = Text("Then")
    third_module = Text("And then")
    prefer = SelectField("If several are found, take", choices=_preferences)
    prefer_field = Text(
        "Field to go by",
        validators=[
            Where(
                lambda form: form.preferred() in BY_FIELD,
                "Type the field whose value counts, e.g. Balance.",
            )
        ],
    )

    searched: Searched = Searched()

    @property
    def known(self) -> Known:
        """What is known of the fields in the first module."""
        return self.searched.first

    def modules(self) -> tuple[str, ...]:
        """Return the modules in the order they are searched; one blank one for a CRM without."""
        if not self.uses_modules():
            return ("",)
        first, *others = (self.module, self.second_module, self.third_module)
        return (first.data or "", *(one.data for one in others if one.data))

    def preferred(self) -> Prefer:
        """Return which of several records counts."""
        try:
            return Prefer(self.prefer.data)
        except ValueError:
            return Prefer.NONE

    def validate_third_module(self, field: Text) -> None:
        """Refuse a module that would be searched twice."""
        if len(set(self.modules())) < len(self.modules()):
            raise ValidationError("Choose each module once.")
