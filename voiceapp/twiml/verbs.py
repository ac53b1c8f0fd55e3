"""Destinations and menus as TwiML. Pure: a value and the addresses in, a document out."""

from collections.abc import Callable

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from voiceapp.rules.plan import Ivr
from voiceapp.rules.rule import Destination, DestinationKind, FindBy, Prompt, Rule, Voice
from voiceapp.twiml.urls import CallUrls

DIAL_TIMEOUT = 30
"""Seconds that a dialled number rings before the call goes on to the safe destination."""
KEYED_TIMEOUT = 6
"""Seconds that a caller may pause while keying in digits."""
SORRY = "We are sorry, we can't take your call right now. Please call again later."
"""What a caller hears where even the safe destination could not be reached."""


def destination(to: Destination, urls: CallUrls, voice: Voice) -> VoiceResponse:
    """Return the answer that sends a call to a destination.

    Raises ValueError for a CRM rule, which is no place to be, and KeyError for a recording that
    `urls` does not know.
    """
    response = VoiceResponse()
    _WRITERS[to.kind](response, to.option, urls, voice)
    return response


def standing_alone(to: Destination, voice: Voice) -> VoiceResponse:
    """Return a document that sends a call to a safe destination and asks nobody afterwards.

    A call that its queue or number does not take ends there. Raises ValueError for a destination
    that is no safe one.
    """
    response = VoiceResponse()
    match to.kind:
        case DestinationKind.QUEUE:
            response.enqueue(to.option)
        case DestinationKind.DIAL:
            _to(response.dial(timeout=DIAL_TIMEOUT), to.option)
        case DestinationKind.SAY:
            _say(response, to.option, voice)
            response.hangup()
        case _:
            raise ValueError(f"{to} is no safe destination.")
    return response


def menu(ivr: Ivr, urls: CallUrls, voice: Voice) -> VoiceResponse:
    """Return an IVR's menu: the greeting, as often as the IVR says, then what silence leads to."""
    response = VoiceResponse()
    for _ in range(ivr.loops):
        gather = Gather(
            action=urls.key(),
            method="POST",
            input="dtmf",
            num_digits=1,
            finish_on_key="",  # otherwise Twilio would keep the # key to itself
            timeout=ivr.timeout,
        )
        _prompt(gather, ivr.greeting, urls, ivr.voice or voice)
        response.append(gather)
    response.redirect(urls.key(silent=True), method="POST")
    return response


def prelude(rule: Rule, key: str, urls: CallUrls, voice: Voice) -> VoiceResponse:
    """Return what a rule on a key lets the caller hear or key in before it asks the CRM."""
    response = VoiceResponse()
    speaker = rule.voice or voice
    if rule.find_by is FindBy.DIGITS:
        gather = Gather(
            action=urls.ask(key),
            method="POST",
            input="dtmf",
            finish_on_key="#",
            timeout=KEYED_TIMEOUT,
        )
        _prompt(gather, rule.greeting, urls, speaker)
        response.append(gather)
    else:
        _prompt(response, rule.greeting, urls, speaker)
    response.redirect(urls.ask(key, silent=True), method="POST")
    return response


def goodbye(voice: Voice, sentence: str = "") -> VoiceResponse:
    """Return the end of a call, with a last sentence if there is one."""
    response = VoiceResponse()
    if sentence:
        _say(response, sentence, voice)
    response.hangup()
    return response


def nothing() -> VoiceResponse:
    """Return the answer to a webhook that wants no instructions."""
    return VoiceResponse()


def _prompt(parent: VoiceResponse | Gather, prompt: Prompt, urls: CallUrls, voice: Voice) -> None:
    if prompt.recording:
        parent.play(urls.recording(prompt.recording))
    elif prompt.text:
        _say(parent, prompt.text, voice)


def _say(parent: VoiceResponse | Gather, text: str, voice: Voice) -> None:
    parent.say(text, voice=voice.name, language=voice.language)


def _queue(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    response.enqueue(option, action=urls.after("queue"), method="POST")


def _ivr(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    response.redirect(urls.menu(option), method="POST")


def _recording(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    response.play(urls.recording(option))
    response.redirect(urls.after_recording(), method="POST")


def _dial(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    _to(response.dial(action=urls.after("dial"), method="POST", timeout=DIAL_TIMEOUT), option)


def _to(dial: Dial, option: str) -> None:
    if option.startswith("+"):
        dial.number(option)
    else:
        dial.sip(option)


def _hangup(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    response.hangup()


def _menu(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    response.redirect(urls.menu(urls.ivr), method="POST")


def _sentence(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    _say(response, option, voice)
    response.hangup()


def _rule(response: VoiceResponse, option: str, urls: CallUrls, voice: Voice) -> None:
    raise ValueError("A CRM rule chooses a destination and is none itself.")


_WRITERS: dict[DestinationKind, Callable[[VoiceResponse, str, CallUrls, Voice], None]] = {
    DestinationKind.QUEUE: _queue,
    DestinationKind.IVR: _ivr,
    DestinationKind.RECORDING: _recording,
    DestinationKind.DIAL: _dial,
    DestinationKind.HANGUP: _hangup,
    DestinationKind.MENU: _menu,
    DestinationKind.SAY: _sentence,
    DestinationKind.RULE: _rule,
}
