"""The fields that say how long a rule waits for the CRM, and how old an answer may be."""

import re
from decimal import Decimal

from wtforms import SelectField, ValidationError

from voiceapp.rules.ages import counts_for, stands_in
from voiceapp.rules.check import LONGEST_BUDGET, OLDEST_FRESH, OLDEST_STALE, SHORTEST_BUDGET
from voiceapp.rules.rule import USUAL_FRESH, USUAL_STALE, Rule
from voiceapp.settings.forms import BaseForm, Text
from voiceapp.settings.offer import Choice

_SECONDS = re.compile(r"[0-9]{1,3}([.,][0-9]{1,3})?")
_FRESH = (30, 60, 300, 900, 3600, OLDEST_FRESH)
_STALE = (300, 3600, 86_400, OLDEST_STALE)


def _ages_fresh() -> list[Choice]:
    return [(str(one), counts_for(one)) for one in (0, *_FRESH)]


def _ages_stale() -> list[Choice]:
    return [(str(one), stands_in(one)) for one in (0, *_STALE)]


class PatienceFields(BaseForm):
    """How long the CRM has to answer, and for how long what it said counts."""

    budget = Text("Budget", required="Type the seconds that the CRM has, e.g. 3.")
    fresh = SelectField("An answer counts for", choices=_ages_fresh, default=str(USUAL_FRESH))
    stale = SelectField(
        "If the CRM fails, take an older answer", choices=_ages_stale, default=str(USUAL_STALE)
    )

    @staticmethod
    def patience_of(rule: Rule) -> dict[str, str]:
        """Return what stands in these fields for a rule."""
        return {
            "budget": f"{rule.budget.normalize():f}",
            "fresh": str(rule.fresh),
            "stale": str(rule.stale),
        }

    def seconds(self) -> Decimal:
        """Return what the CRM has to answer."""
        return _decimal(self.budget.data) or Decimal(3)

    def ages(self) -> tuple[int, int]:
        """Return for how many seconds an answer counts, and may stand in for another."""
        return _whole(self.fresh.data, USUAL_FRESH), _whole(self.stale.data, USUAL_STALE)

    def offer_ages(self, rule: Rule) -> None:
        """Offer what a rule has, even if no page would."""
        for field, ages, had in (
            (self.fresh, _ages_fresh(), (str(rule.fresh), counts_for(rule.fresh))),
            (self.stale, _ages_stale(), (str(rule.stale), stands_in(rule.stale))),
        ):
            if had not in ages:
                field.choices = [*ages, had]

    def validate_budget(self, field: Text) -> None:
        """Keep the budget within what a caller can wait."""
        budget = _decimal(field.data)
        if budget is None or not SHORTEST_BUDGET <= budget <= LONGEST_BUDGET:
            raise ValidationError(
                f"Type the seconds, from {SHORTEST_BUDGET} to {LONGEST_BUDGET}, e.g. 3."
            )


def _whole(text: str | None, usual: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else usual


def _decimal(text: str | None) -> Decimal | None:
    text = text or ""
    return Decimal(text.replace(",", ".")) if _SECONDS.fullmatch(text) else None
