"""Plans that lead anywhere: in circles, to what was deleted, to what nobody has chosen."""

from hypothesis import strategies as st

from voiceapp.rules.operators import Operator
from voiceapp.rules.plan import KEYS, Did, Installation, Ivr, Plan, Queue, Recording
from voiceapp.rules.rule import (
    Condition,
    Destination,
    DestinationKind,
    FindBy,
    Location,
    Prompt,
    Rule,
    outcomes_for,
)

NAMES = ("1", "2", "3", "4")
_GONE = "a name that is nowhere in the plan, whatever one looks at"

_texts = st.text(max_size=40)
_destinations = st.builds(
    Destination, st.sampled_from(DestinationKind), st.sampled_from((*NAMES, *NAMES, _GONE, ""))
)
_conditions = st.builds(
    Condition, st.sampled_from(Operator), st.tuples(_texts), destination=_destinations
)


@st.composite
def _rules(draw: st.DrawFn, name: str) -> Rule:
    find_by = draw(st.sampled_from(FindBy))
    outcomes = st.dictionaries(st.sampled_from(outcomes_for(find_by)), _destinations)
    return Rule(
        name=name,
        location=draw(st.sampled_from(Location)),
        integration="directory",
        module="Contacts",
        field=draw(_texts),
        conditions=tuple(draw(st.lists(_conditions, max_size=8))),
        outcomes=draw(outcomes),
        find_by=find_by,
        after_recording=draw(_destinations),
    )


@st.composite
def _ivrs(draw: st.DrawFn, number: str) -> Ivr:
    keys = draw(st.dictionaries(st.sampled_from(KEYS), _destinations))
    name, silence, wrong = draw(st.tuples(_texts, _destinations, _destinations))
    return Ivr(number, name, Prompt("Press."), keys, no_key=silence, wrong_key=wrong)


plans = st.builds(
    Plan,
    st.just(Installation(Destination(DestinationKind.HANGUP))),
    dids=st.builds(Did, st.just("+12025550180"), _texts, _destinations).map(lambda did: (did,)),
    ivrs=st.tuples(*map(_ivrs, NAMES)),
    rules=st.tuples(*map(_rules, NAMES)),
    queues=st.just(tuple(map(Queue, NAMES))),
    recordings=st.just(tuple(Recording(name, "", "audio/wav") for name in NAMES)),
    integrations=st.just(()),
)
