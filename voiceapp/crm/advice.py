"""What to do about trouble with a CRM, in words that fit the kind of CRM it is."""

from voiceapp.crm.contract import (
    CrmBadAnswer,
    CrmError,
    CrmMisconfigured,
    CrmRefused,
    CrmUnavailable,
)
from voiceapp.crm.kind import URL, Kind
from voiceapp.crm.registry import KINDS

_WITHOUT_ADDRESS: dict[type[CrmError], str] = {
    CrmUnavailable: "Try again in a while. If it stays so, ask whoever runs voiceapp whether it "
    "can reach the CRM.",
    CrmRefused: "Type the credentials again, as the CRM shows them. If it stays so, ask whoever "
    "runs voiceapp.",
    CrmBadAnswer: "Try again in a while. If it stays so, tell whoever runs voiceapp: something "
    "else than the CRM may have answered.",
}
_WITHOUT_MODULES: dict[type[CrmError], str] = {
    CrmMisconfigured: "Look whether the address and the field are as the service expects them.",
}


def advice_of(error: CrmError, key: str) -> str:
    """Return what to do about an error of a kind of CRM; its own advice where that fits all."""
    kind = KINDS.get(key)
    if kind is None or error.has_own_advice:
        return error.advice
    if not kind.modules and type(error) in _WITHOUT_MODULES:
        return _WITHOUT_MODULES[type(error)]
    if not _takes_an_address(kind) and type(error) in _WITHOUT_ADDRESS:
        return _WITHOUT_ADDRESS[type(error)]
    return error.advice


def advice_on_greeting(error: CrmError, key: str) -> str:
    """Return what to do about an error while no module and no field was asked for yet."""
    kind = KINDS.get(key)
    if kind is None or error.has_own_advice or not isinstance(error, CrmMisconfigured):
        return advice_of(error, key)
    if _takes_an_address(kind):
        return f"Is this the address of {kind.title}?"
    return _WITHOUT_ADDRESS[CrmRefused]


def _takes_an_address(kind: Kind) -> bool:
    ask = kind.ask(URL)
    return ask is not None and not ask.choices
