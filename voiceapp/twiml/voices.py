"""The voices that Twilio's Say accepts, each with its language.

A wrong pair makes Say fail: an unknown voice is Twilio's warning 13511, and one that does not
speak the language may leave the caller with silence. Names are spelt as in Twilio's list
(https://www.twilio.com/docs/voice/twiml/say/text-speech, without accents), the languages are
those that Amazon gives each voice (https://docs.aws.amazon.com/polly/latest/dg/available-voices.html).
"""

from collections.abc import Mapping

from voiceapp.rules.rule import Voice

_STANDARD: Mapping[str, str] = {
    "arb": "Zeina",
    "cy-GB": "Gwyneth",
    "da-DK": "Mads Naja",
    "de-DE": "Hans Marlene Vicki",
    "en-AU": "Nicole Russell",
    "en-GB": "Amy Brian Emma",
    "en-GB-WLS": "Geraint",
    "en-IN": "Raveena",
    "en-US": "Ivy Joanna Joey Justin Kendra Kimberly Matthew Salli",
    "es-ES": "Conchita Enrique Lucia",
    "es-MX": "Mia",
    "es-US": "Lupe Miguel Penelope",
    "fr-CA": "Chantal",
    "fr-FR": "Celine Lea Mathieu",
    "hi-IN": "Aditi",
    "is-IS": "Dora Karl",
    "it-IT": "Bianca Carla Giorgio",
    "ja-JP": "Mizuki Takumi",
    "ko-KR": "Seoyeon",
    "nb-NO": "Liv",
    "nl-NL": "Lotte Ruben",
    "pl-PL": "Ewa Jacek Jan Maja",
    "pt-BR": "Camila Ricardo Vitoria",
    "pt-PT": "Cristiano Ines",
    "ro-RO": "Carmen",
    "ru-RU": "Maxim Tatyana",
    "sv-SE": "Astrid",
    "tr-TR": "Filiz",
}

_NEURAL: Mapping[str, str] = {
    "de-DE": "Daniel Vicki",
    "en-AU": "Olivia",
    "en-GB": "Amy Brian Emma",
    "en-US": "Ivy Joanna Joey Justin Kendra Kimberly Matthew Salli",
    "es-ES": "Lucia",
    "es-MX": "Mia",
    "es-US": "Lupe",
    "fr-CA": "Gabrielle",
    "fr-FR": "Lea",
    "it-IT": "Bianca",
    "pt-BR": "Camila",
}


def _voices(names: Mapping[str, str], ending: str) -> tuple[Voice, ...]:
    return tuple(
        Voice(f"Polly.{name}{ending}", language)
        for language, of_language in names.items()
        for name in of_language.split()
    )


VOICES: tuple[Voice, ...] = _voices(_STANDARD, "") + _voices(_NEURAL, "-Neural")
"""Standard voices by language, then the better sounding, dearer neural ones."""

DEFAULT_VOICE = Voice("Polly.Joanna", "en-US")

_ACCEPTED = frozenset(VOICES)


def is_accepted(voice: Voice) -> bool:
    """Say whether Twilio has this voice for this language, both spelled exactly so.

    >>> is_accepted(Voice("Polly.Amy", "en-GB")), is_accepted(Voice("Polly.Amy", "en-US"))
    (True, False)
    """
    return voice in _ACCEPTED
