"""Following TwiML as Twilio would, without a telephone."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceapp.console.story import Decided, Ended, Heard, Keyed, Reply, Step, Walk
from voiceapp.console.walk import MAX_BYTES, MAX_REQUESTS, walk

XML = '<?xml version="1.0" encoding="UTF-8"?>'
BRONZE = "https://voice.example/recordings/ab12/bronze-offer.wav"
FIELDS = {
    "CallSid": "CA1",
    "AccountSid": "AC1",
    "From": "+12025550104",
    "To": "+12025550180",
    "Caller": "+12025550104",
    "Called": "+12025550180",
    "Direction": "inbound",
    "ApiVersion": "2010-04-01",
}
RINGING = FIELDS | {"CallStatus": "ringing"}
TALKING = FIELDS | {"CallStatus": "in-progress"}


class ScriptedApp:
    """Answers each address with the document written for it; remembers what it was asked."""

    def __init__(self, documents: Mapping[str, str | Reply]) -> None:
        self.documents = documents
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, url: str, params: Mapping[str, str]) -> Reply:
        self.asked.append((url, dict(params)))
        answer = self.documents.get(url, Reply(404, "text/html", "Not Found"))
        return answer if isinstance(answer, Reply) else Reply(200, "text/xml", answer)


def response(verbs: str) -> str:
    return f"{XML}<Response>{verbs}</Response>"


def call(app: ScriptedApp, *keys: str) -> Walk:
    return walk(
        app,
        caller="+12025550104",
        called="+12025550180",
        call_sid="CA1",
        account_sid="AC1",
        keys=keys,
    )


def call_into(verbs: str, *keys: str) -> Walk:
    return call(ScriptedApp({"/twiml/did": response(verbs)}), *keys)


def test_a_call_is_followed_from_the_did_through_a_menu_into_a_queue():
    arrived = response('<Redirect method="POST">ivr/801?r=1&amp;n=1</Redirect>')
    menu = response(
        '<Gather action="801/key?r=1&amp;n=2" numDigits="1"><Say>Press 2.</Say><Pause/></Gather>'
        "<Redirect>801?r=1&amp;n=2</Redirect>"
    )
    pressed = response(f"<Play>{BRONZE}</Play><Enqueue action='after'> vip </Enqueue><Say>No</Say>")
    decision = {"rule": "Balance check", "explanation": ["Balance is 1,250.00."]}
    app = ScriptedApp(
        {
            "/twiml/did": Reply(200, "text/xml; charset=utf-8", arrived, release=1),
            "/twiml/ivr/801?r=1&n=1": Reply(200, "text/xml", menu, release=2),
            "/twiml/ivr/801/key?r=1&n=2": Reply(200, "application/xml", pressed, (decision,)),
        }
    )

    result = call(app, "2")

    assert result == Walk(
        caller="+12025550104",
        called="+12025550180",
        events=(
            Step("/twiml/did", RINGING, 200, arrived),
            Step("/twiml/ivr/801?r=1&n=1", TALKING, 200, menu),
            Heard("say", "Press 2."),
            Keyed("2"),
            Step("/twiml/ivr/801/key?r=1&n=2", TALKING | {"Digits": "2"}, 200, pressed),
            Decided(decision),
            Heard("play", BRONZE),
        ),
        release=2,
        ended=Ended.QUEUE,
        where="vip",
    )
    assert app.asked == [(step.url, step.params) for step in result.steps]
    assert result.heard == (Heard("say", "Press 2."), Heard("play", BRONZE))
    assert result.decisions == (decision,)


@pytest.mark.parametrize(
    ("verbs", "ended", "where"),
    [
        ("<Enqueue>vip</Enqueue>", "queue", "vip"),
        ("<Dial>+12025550199</Dial>", "dial", "+12025550199"),
        ('<Dial timeout="20"><Number>+12025550199</Number></Dial>', "dial", "+12025550199"),
        ("<Dial><Sip>sip:desk@pbx.example</Sip></Dial>", "dial", "sip:desk@pbx.example"),
        ("<Dial><Number>+1</Number> <Number/><Number>+2</Number></Dial>", "dial", "+1, +2"),
        ("<Hangup/>", "hangup", ""),
        ("<Say>Goodbye</Say><Hangup/>", "hangup", ""),
        ("<Say>Goodbye</Say>", "hangup", ""),
        ("", "hangup", ""),
        (f"<Play>{BRONZE}</Play><Pause/><Hangup/>", "play", "bronze-offer.wav"),
        (f"<Play>{BRONZE}</Play>", "play", "bronze-offer.wav"),
        (f"<Play>{BRONZE}</Play><Say>Goodbye</Say>", "hangup", ""),
        ("<Play>/recordings/ab12/big%20offer.wav</Play>", "play", "big offer.wav"),
        ('<Reject reason="busy"/>', "hangup", ""),
        ("<Record/>", "record", ""),
        ('<Gather action="/twiml/ivr/801/key?r=1"/>', "menu", "801"),
        ('<Gather action="ivr/801#rc=2"/>', "menu", "801"),
        ('<Gather action="https://voice.example/twiml/ivr/801/key"/>', "menu", "801"),
        ('<Gather action="/twiml/account?r=1"/>', "menu", "/twiml/account"),
        ('<Gather method="post"/>', "menu", "/twiml/did"),
    ],
)
def test_a_call_ends_where_the_document_takes_it(verbs, ended, where):
    result = call_into(verbs)

    assert (result.ended, result.where) == (ended, where)


@pytest.mark.parametrize(
    ("attributes", "keys", "digits"),
    [
        ("", "1001", "1001"),
        ("", "1001#", "1001"),
        ("", "12#34", "12"),
        ('numDigits="1"', "2", "2"),
        ('numDigits="1"', "2#", "2"),
        ('numDigits="1"', "234", "2"),
        ('numDigits="4"', "12", "12"),
        ('numDigits="1" finishOnKey=""', "#", "#"),
        ('finishOnKey=""', "1001#", "1001#"),
        ('finishOnKey="*"', "10#1*", "10#1"),
        ('numDigits="0"', "1001", "1001"),
        ('numDigits="many"', "1001", "1001"),
    ],
)
def test_keys_reach_the_action_as_the_gather_wants_them(attributes, keys, digits):
    gather = f'<Gather action="keyed" {attributes}/>'
    app = ScriptedApp({"/twiml/did": response(gather), "/twiml/keyed": response("<Hangup/>")})

    result = call(app, keys)

    assert app.asked == [
        ("/twiml/did", RINGING),
        ("/twiml/keyed", TALKING | {"Digits": digits}),
    ]
    assert result.ended == Ended.HANGUP


@pytest.mark.parametrize("keys", ["", "#", "#12"])
def test_no_input_goes_on_with_the_verb_after_the_gather(keys):
    result = call_into('<Gather action="keyed"/><Enqueue>general</Enqueue>', keys)

    assert (result.ended, result.where) == (Ended.QUEUE, "general")
    assert result.events[1:] == (Keyed(keys),)


def test_no_input_calls_the_action_without_digits_if_the_gather_asks_for_it():
    gather = '<Gather action="keyed" actionOnEmptyResult="true"/><Enqueue>no</Enqueue>'
    app = ScriptedApp({"/twiml/did": response(gather), "/twiml/keyed": response("<Hangup/>")})

    result = call(app, "")

    assert app.asked == [("/twiml/did", RINGING), ("/twiml/keyed", TALKING)]
    assert result.ended == Ended.HANGUP


def test_a_gather_without_action_posts_to_its_own_document():
    app = ScriptedApp({"/twiml/did": response("<Gather/>")})

    result = call(app, "1")

    assert app.asked == [("/twiml/did", RINGING), ("/twiml/did", TALKING | {"Digits": "1"})]
    assert (result.ended, result.where) == (Ended.MENU, "/twiml/did")


def test_digits_are_sent_once_and_not_again_after_a_redirect():
    app = ScriptedApp(
        {
            "/twiml/did": response('<Gather action="keyed"/>'),
            "/twiml/keyed": response("<Redirect>/twiml/next#rc=2&amp;rp=all</Redirect>"),
            "/twiml/next": response("<Hangup/>"),
        }
    )

    call(app, "1")

    assert app.asked[1:] == [("/twiml/keyed", TALKING | {"Digits": "1"}), ("/twiml/next", TALKING)]


def test_prompts_are_heard_before_the_menu_waits():
    result = call_into(
        f'<Say>Hello,\n <emphasis>you</emphasis>.</Say><Say/><Pause length="2"/>'
        f'<Gather action="ivr/801"><Play>{BRONZE}</Play><Pause/><Say>Press 1.</Say></Gather>'
    )

    assert result.heard == (
        Heard("say", "Hello, you."),
        Heard("play", BRONZE),
        Heard("say", "Press 1."),
    )
    assert (result.ended, result.where) == (Ended.MENU, "801")


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            Reply(500, "text/xml", response("")),
            "/twiml/did answered with status 500 instead of 200.",
        ),
        (
            Reply(200, "text/html; charset=utf-8", response("")),
            "/twiml/did answered with text/html, not with XML.",
        ),
        (
            Reply(200, "", response("")),
            "/twiml/did answered with no content type, not with XML.",
        ),
        (
            Reply(200, "text/xml", response(" " * MAX_BYTES)),
            "/twiml/did answered with 65,595 bytes; Twilio reads 65,536.",
        ),
        (
            Reply(200, "text/xml", "<Response><Say></Response>"),
            "/twiml/did answered with XML that cannot be read: mismatched tag: line 1, column 17.",
        ),
        (
            Reply(200, "text/xml", ""),
            "/twiml/did answered with XML that cannot be read: no element found: line 1, column 0.",
        ),
        (
            Reply(200, "text/xml", "<Respond/>"),
            "/twiml/did answered with a Respond, not with a Response.",
        ),
    ],
)
def test_an_answer_that_is_no_twiml_ends_the_call_with_a_sentence(reply, sentence):
    result = call(ScriptedApp({"/twiml/did": reply}))

    assert (result.ended, result.where) == (Ended.ERROR, sentence)
    assert result.events == (Step("/twiml/did", RINGING, reply.status, reply.body),)


@pytest.mark.parametrize(
    ("verbs", "sentence"),
    [
        ("<Leave/>", "A test call cannot follow the verb Leave."),
        ("<say>lower case</say>", "A test call cannot follow the verb say."),
        ("<Gather><Dial>+1</Dial></Gather>", "A Gather cannot hold the verb Dial."),
        ("<Dial><Conference>Room</Conference></Dial>", "A test call cannot dial a Conference."),
        ("<Dial><Number/></Dial>", "The Dial names nobody."),
        ("<Enqueue/>", "The Enqueue names no queue."),
        (
            '<Redirect method="GET">ivr/801</Redirect>',
            "The Redirect asks for GET, but calls go on by POST.",
        ),
        ('<Gather method="get"/>', "The Gather asks for get, but calls go on by POST."),
        ("<Redirect>http://[/</Redirect>", "The address http://[/ cannot be read."),
        ("<Play>http://[/</Play>", "The address http://[/ cannot be read."),
    ],
)
def test_a_verb_that_cannot_be_followed_ends_the_call_with_a_sentence(verbs, sentence):
    result = call_into(f"{verbs}<Enqueue>never reached</Enqueue>", "1")

    assert (result.ended, result.where) == (Ended.ERROR, sentence)


def test_a_document_that_defines_entities_is_not_read():
    bomb = '<!DOCTYPE Response [<!ENTITY a "aaaa">]><Response><Say>&a;</Say></Response>'

    result = call(ScriptedApp({"/twiml/did": bomb}))

    assert result.ended == Ended.ERROR
    assert result.where.startswith("/twiml/did answered with XML that cannot be read: DTDForbidden")


def test_a_failed_answer_keeps_the_decisions_that_were_taken_for_it():
    decision = {"rule": "VIP customers", "explanation": []}
    app = ScriptedApp({"/twiml/did": Reply(503, "text/html", "down", (decision,), 7)})

    result = call(app)

    assert (result.decisions, result.release) == ((decision,), 7)


def test_a_loop_of_redirects_ends_after_the_last_request_allowed():
    app = ScriptedApp(
        {
            "/twiml/did": response("<Redirect>other</Redirect>"),
            "/twiml/other": response("<Redirect>did</Redirect>"),
        }
    )

    result = call(app)

    assert len(app.asked) == MAX_REQUESTS
    assert result.ended == Ended.ERROR
    assert result.where == "The call still went on after 200 requests; it may loop."


def test_a_fault_of_the_application_is_not_hidden():
    def broken(url: str, params: Mapping[str, str]) -> Reply:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        walk(broken, caller="", called="", call_sid="CA1", account_sid="AC1", keys=())


PAGES = ("/twiml/did", "/twiml/a", "/twiml/ivr/801")
ADDRESSES = st.sampled_from(["did", "a", "ivr/801", "/twiml/a?n=2", "", "?n=1", "http://[", "//["])
PLAYED = st.builds("<Play>{}</Play>".format, ADDRESSES)
PROMPTS = st.one_of(st.sampled_from(["<Say>Hello</Say>", "<Say/>", "<Pause/>"]), PLAYED)
GATHER = '<Gather action="{}" finishOnKey="{}" numDigits="{}" actionOnEmptyResult="{}">{}</Gather>'
GATHERS = st.builds(
    GATHER.format,
    ADDRESSES,
    st.sampled_from(["#", "", "*", "1"]),
    st.sampled_from(["", "0", "1", "4", "-1", "²", "x"]),
    st.sampled_from(["true", "false"]),
    st.lists(PROMPTS, max_size=2).map("".join),
)
REDIRECTS = st.builds("<Redirect>{}</Redirect>".format, ADDRESSES)
LAST_VERBS = st.one_of(
    st.sampled_from(["<Enqueue>vip</Enqueue>", "<Dial>+1</Dial>", "<Hangup/>", "<Reject/>"]),
    st.sampled_from(["<Enqueue/>", "<Dial/>", "<Leave/>", "<Gather><Hangup/></Gather>", "<Say>"]),
)
VERBS = st.one_of(PROMPTS, GATHERS, REDIRECTS, LAST_VERBS)
ANY_TEXT = st.text(st.characters(exclude_categories=()))
DOCUMENTS = st.one_of(st.lists(VERBS, max_size=5).map("".join).map(response), ANY_TEXT)
REPLIES = st.builds(
    Reply,
    st.sampled_from([200, 200, 200, 204, 500]),
    st.sampled_from(["text/xml", "text/xml; charset=utf-8", "application/xml", "text/plain", ""]),
    DOCUMENTS,
)


@settings(deadline=None)  # a loop is allowed its 200 requests, however busy the machine
@given(
    documents=st.fixed_dictionaries({page: st.one_of(DOCUMENTS, REPLIES) for page in PAGES}),
    keys=st.lists(st.text("0123456789*#", max_size=6), max_size=6),
)
def test_every_call_ends_whatever_the_documents_say(documents, keys):
    app = ScriptedApp(documents)

    result = call(app, *keys)

    assert result.ended in Ended
    assert 1 <= len(result.steps) == len(app.asked) <= MAX_REQUESTS
    assert bool(result.where) or result.ended in {Ended.HANGUP, Ended.PLAY}
