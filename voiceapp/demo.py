"""The demo: a small installation to try everything on, with numbers reserved for examples."""

import io
import math
import struct
import wave
from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from voiceapp import beginning
from voiceapp.config import Settings
from voiceapp.crm.registry import DIRECTORY
from voiceapp.models.contacts import Contact
from voiceapp.recordings import RecordingStore
from voiceapp.routing import draft
from voiceapp.routing.releases import publish
from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import Did, Ivr, Queue, Recording
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Outcome,
    Prompt,
    Rule,
    outcomes_for,
)
from voiceapp.rules.uses import Part

MODULE = "Contacts"

_CONTACTS = (
    ("Ada Gold", "+12025550101", "Gold", "1,250.00", "1001"),
    ("Sam Silver", "+12025550102", "Silver", "40", "1002"),
    ("Bea Bronze", "+12025550103", "Bronze", "0", "1003"),
    ("Max Mixed", "(202) 555-0104", "gold ", "-5", "1004"),
    ("Tia Twin", "+12025550105", "Gold", "10", "1005"),
    ("Tom Twin", "+12025550105", "Silver", "20", "1006"),
)
_TUNES = {
    "bronze-offer.wav": (523, 659, 784),
    "thank-you.wav": (784, 659, 523),
}
"""The recordings, as the tones (Hz) they are made of."""

_RATE = 8000
_TONE_SECONDS = 0.4


def load_demo(session: Session, recordings: RecordingStore, settings: Settings) -> int:
    """Fill directory and draft with the demo, publish it, and return the release's number."""
    for name, phone, tier, balance, account in _CONTACTS:
        fields = {"Tier": tier, "Balance": balance, "AccountNo": account}
        session.add(Contact.make(MODULE, name, [phone], fields))
    for part in (*_parts(settings), *_recordings(recordings)):
        draft.save(session, part, author="demo")
    return publish(session, author="demo", comment="The demo.")


def _queue(name: str) -> Destination:
    return Destination(DestinationKind.QUEUE, name)


def _ivr(number: str) -> Destination:
    return Destination(DestinationKind.IVR, number)


def _rule(name: str) -> Destination:
    return Destination(DestinationKind.RULE, name)


def _play(name: str) -> Destination:
    return Destination(DestinationKind.RECORDING, name)


_GENERAL = beginning.SAFE
_MENU = Destination(DestinationKind.MENU)


def _when(operator: Operator, value: str, destination: Destination) -> Condition:
    return Condition(operator, (value,), destination)


def _outcomes(
    find_by: FindBy = FindBy.CALLER, special: dict[Outcome, Destination] | None = None
) -> dict[Outcome, Destination]:
    return dict.fromkeys(outcomes_for(find_by), _GENERAL) | (special or {})


def _parts(settings: Settings) -> Sequence[Part]:
    return (
        *beginning.parts(settings),
        *(Queue(name) for name in ("vip", "billing", "overflow")),
        Did("+12025550180", "Sales", _rule("VIP customers")),
        Did("+12025550181", "Support", _ivr("801")),
        Did("+12025550182", "Accounts", _ivr("802")),
        *_menus(),
        *_rules(),
    )


def _menus() -> Iterable[Ivr]:
    yield Ivr(
        number="801",
        name="Main menu",
        greeting=Prompt(
            "Welcome. For our team, press 1. For your account balance, press 2. "
            "To end the call, press 9."
        ),
        keys={
            "1": _GENERAL,
            "2": _rule("Balance check"),
            "9": Destination(DestinationKind.HANGUP),
        },
        no_key=_GENERAL,
        wrong_key=_MENU,
        loops=3,
        timeout=4,
    )
    yield Ivr(
        number="802",
        name="Accounts menu",
        greeting=Prompt("Accounts. To key in your account number, press 1."),
        keys={"1": _rule("Account number")},
        no_key=_GENERAL,
        wrong_key=_MENU,
        loops=2,
        timeout=4,
    )


def _rules() -> Iterable[Rule]:
    yield Rule(
        name="VIP customers",
        location=Location.DID,
        integration=DIRECTORY,
        module=MODULE,
        field="Tier",
        conditions=(
            _when(Operator.EQUAL, "Gold", _queue("vip")),
            _when(Operator.EQUAL, "Silver", _ivr("801")),
            _when(Operator.EQUAL, "Bronze", _play("bronze-offer.wav")),
        ),
        outcomes=_outcomes(
            special={Outcome.WITHHELD: _ivr("801"), Outcome.FAILED: _queue("overflow")}
        ),
    )
    yield Rule(
        name="Balance check",
        location=Location.IVR,
        integration=DIRECTORY,
        module=MODULE,
        field="Balance",
        conditions=(
            _when(Operator.AT_LEAST, "1000", _queue("vip")),
            _when(Operator.GREATER, "0", _queue("billing")),
            _when(Operator.AT_MOST, "0", _play("thank-you.wav")),
        ),
        outcomes=_outcomes(),
        greeting=Prompt("Please hold while we look up your account."),
    )
    yield Rule(
        name="Account number",
        location=Location.IVR,
        integration=DIRECTORY,
        module=MODULE,
        field="Tier",
        conditions=(_when(Operator.EQUAL, "Gold", _queue("vip")),),
        outcomes=_outcomes(FindBy.DIGITS),
        find_by=FindBy.DIGITS,
        search_field="AccountNo",
        greeting=Prompt("Please key in your account number, then press the hash key."),
    )


def _recordings(store: RecordingStore) -> Iterable[Recording]:
    for name, tones in _TUNES.items():
        digest = store.add(_melody(tones), "audio/wav", len(tones) * _TONE_SECONDS)
        yield Recording(name, digest, "audio/wav")


def _melody(tones: Iterable[int]) -> bytes:
    """Return a few tones as a WAV file: 8 kHz, 16 bit, mono, which Twilio starts fastest."""
    samples = (
        int(9000 * math.sin(2 * math.pi * tone * moment / _RATE))
        for tone in tones
        for moment in range(int(_RATE * _TONE_SECONDS))
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()
