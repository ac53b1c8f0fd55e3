"""Form fields for the values of a plan: a destination, what callers hear, who speaks."""

from collections.abc import Callable, Sequence
from typing import Any

from wtforms import Field
from wtforms.utils import unset_value
from wtforms.validators import StopValidation

from voiceapp.crm.phone import read_e164
from voiceapp.rules import parts
from voiceapp.rules.rule import Destination, DestinationKind, Location, Prompt, Voice
from voiceapp.settings.offer import LISTED, TITLES, Choice, Offer
from voiceapp.twiml.voices import VOICES

_ARTICLES = {
    DestinationKind.QUEUE: "which queue",
    DestinationKind.IVR: "which IVR",
    DestinationKind.RECORDING: "which recording",
    DestinationKind.RULE: "which CRM rule",
}


class _PartsField(Field):
    """A field of several inputs, whose names begin with its own; `data` is one value.

    What was typed stays in `typed` as it was, so that a page shown again has lost nothing.
    """

    inputs: Sequence[str] = ()

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        self.process_errors = []
        self.object_data = self.data = self.default if data is unset_value else data
        self.typed = self.spell(self.data)
        if formdata is not None and any(self.input(one) in formdata for one in self.inputs):
            self.typed = {one: formdata.get(self.input(one), "").strip() for one in self.inputs}
            self.data = self.read(self.typed)

    def input(self, name: str) -> str:
        """Return the name of one of the inputs."""
        return f"{self.name}-{name}"

    def spell(self, value: Any) -> dict[str, str]:
        """Return what stands in the inputs for a value."""
        raise NotImplementedError

    def read(self, typed: dict[str, str]) -> Any:
        """Return the value that stands in the inputs, None if nothing was chosen."""
        raise NotImplementedError


class DestinationField(_PartsField):
    """Where a call goes: a kind, and an option picked from what exists or typed.

    `data` is a Destination, or None if none was chosen; `none` is how choosing none reads where
    that is allowed. CRM rules are offered by their `location`.
    `applies` says of a form whether the field counts in it.
    """

    inputs = (
        "kind",
        *(kind.value for kind in (*LISTED, DestinationKind.DIAL, DestinationKind.SAY)),
    )

    def __init__(
        self,
        label: str,
        kinds: Sequence[DestinationKind] | Callable[[Any], Sequence[DestinationKind]],
        *,
        location: Location | None = None,
        none: str = "",
        applies: Callable[[Any], bool] = lambda form: True,
        **arguments: Any,
    ) -> None:
        super().__init__(label, **arguments)
        self._applies = applies
        self.kinds = kinds(self.meta) if callable(kinds) else kinds
        self.location = location
        self.none = none

    @property
    def offer(self) -> Offer:
        offer: Offer = self.meta.offer
        return offer

    def kind_choices(self) -> list[Choice]:
        """Return the kinds to choose from."""
        return [("", self.none or "Choose …"), *((kind.value, TITLES[kind]) for kind in self.kinds)]

    def lists(self) -> list[tuple[str, list[Choice]]]:
        """Return the pick-lists, each with its kind; what was picked stays, even if it is gone."""
        return [(kind.value, self._with_picked(kind)) for kind in self.kinds if kind in LISTED]

    def spell(self, value: Destination | None) -> dict[str, str]:
        typed = dict.fromkeys(self.inputs, "")
        if value is not None:
            typed["kind"] = value.kind.value
            if value.kind.value in typed:
                typed[value.kind.value] = value.option
        return typed

    def read(self, typed: dict[str, str]) -> Destination | None:
        try:
            kind = DestinationKind(typed["kind"])
        except ValueError:
            return None
        option = typed.get(kind.value, "")
        if kind is DestinationKind.DIAL and not parts.is_dialled(option):
            option = read_e164(option, self.offer.plan.installation.country) or option
        return Destination(kind, option)

    def pre_validate(self, form: Any) -> None:
        """Refuse what can't stand here, with what to do about it."""
        if self._applies(form) and (sentence := self._fault()):
            raise StopValidation(sentence)

    def _fault(self) -> str:
        if self.data is None:
            is_free = self.none and not self.typed["kind"]
            return "" if is_free else "Choose where the call goes."
        kind, option = self.data.kind, self.data.option
        if kind not in self.kinds:
            return f"“{TITLES[kind]}” can't stand here. Choose another destination."
        if kind in LISTED and not option:
            return f"Choose {_ARTICLES[kind]}."
        if kind in LISTED and option not in dict(self.offer.options(kind, self.location)):
            return f"“{option}” is gone. Choose {_ARTICLES[kind]}."
        if kind is DestinationKind.DIAL and not parts.is_dialled(option):
            return "Type a phone number, e.g. +12025550123, or sip:name@host."
        if kind is DestinationKind.SAY:
            return _unspeakable(option, "Type the sentence that callers hear.")
        return ""

    def _with_picked(self, kind: DestinationKind) -> list[Choice]:
        choices = [("", "Choose …"), *self.offer.options(kind, self.location)]
        picked = self.typed[kind.value]
        if picked and picked not in dict(choices):
            choices.append((picked, f"{picked} (gone)"))
        return choices


class PromptField(_PartsField):
    """What callers hear: text to be spoken, or a recording; `data` is a Prompt."""

    inputs = ("text", "recording")

    def __init__(self, label: str, **arguments: Any) -> None:
        super().__init__(label, default=Prompt(), **arguments)

    def spell(self, value: Prompt | None) -> dict[str, str]:
        value = value or Prompt()
        return {"text": value.text, "recording": value.recording}

    def read(self, typed: dict[str, str]) -> Prompt:
        return Prompt(typed["text"].replace("\r\n", "\n"), typed["recording"])

    def choices(self) -> list[Choice]:
        """Return the recordings to choose from; the one picked stays, even if it is gone."""
        offer: Offer = self.meta.offer
        choices = [("", "No recording: speak the text"), *offer.recordings()]
        picked = self.typed["recording"]
        if picked and picked not in dict(choices):
            choices.append((picked, f"{picked} (gone)"))
        return choices

    def pre_validate(self, form: Any) -> None:
        """Refuse a prompt that says two things, or one that can't be spoken."""
        if self.data.text and self.data.recording:
            raise StopValidation("Either type a text or choose a recording, not both.")
        if self.data.recording and self.data.recording not in dict(self.meta.offer.recordings()):
            raise StopValidation(f"The recording {self.data.recording} is gone. Choose another.")
        if self.data.text and (sentence := _unspeakable(self.data.text, "")):
            raise StopValidation(sentence)


class VoiceField(_PartsField):
    """Who speaks; `data` is a Voice, or None for the installation's."""

    inputs = ("voice",)

    def __init__(self, label: str, *, none: str = "", **arguments: Any) -> None:
        super().__init__(label, **arguments)
        self.none = none

    def choices(self) -> list[Choice]:
        """Return the voices that Twilio has."""
        known = [(f"{one.name} {one.language}", f"{one.language}: {one.name}") for one in VOICES]
        first = [("", self.none)] if self.none else []
        return first + sorted(known, key=lambda choice: choice[1])

    def spell(self, value: Voice | None) -> dict[str, str]:
        return {"voice": f"{value.name} {value.language}" if value else ""}

    def read(self, typed: dict[str, str]) -> Voice | None:
        name, _, language = typed["voice"].rpartition(" ")
        return Voice(name, language) if name else None

    def pre_validate(self, form: Any) -> None:
        """Refuse a voice that is not in the list."""
        if self.typed["voice"] not in dict(self.choices()):
            raise StopValidation("Choose a voice of the list.")


def _unspeakable(text: str, if_blank: str) -> str:
    """Say what keeps a text from being spoken; blank if nothing does."""
    if not text:
        return if_blank
    if len(text) > parts.LONGEST_SPEECH:
        return f"Callers can hear at most {parts.LONGEST_SPEECH} characters; these are {len(text)}."
    faults = [sentence.partition(": ")[2] for sentence in parts.speakable("Text", text)]
    return faults[0] if faults else ""
