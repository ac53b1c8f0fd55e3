"""What Bullhorn says about the fields of a module, and the values in its answers read by it.

Sources: the reference of the REST API, bullhorn.github.io/rest-api-docs (Meta); how Bullhorn's own
interface tells kinds of fields apart, github.com/bullhorn/novo-elements.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from voiceapp.crm.answers import rows, text
from voiceapp.crm.bullhorn_session import TITLE
from voiceapp.crm.contract import FieldValue
from voiceapp.crm.fields import Field, FieldType, read_as

_PERSON = ("phone", "mobile", "phone2", "phone3")
USUAL_PHONES = {
    "ClientContact": _PERSON,
    "Lead": _PERSON,
    "ClientCorporation": ("phone", "billingPhone"),
    "Candidate": (*_PERSON, "workPhone"),
}
_PHONES = {phone for usual in USUAL_PHONES.values() for phone in usual}
_TYPES = {
    "Integer": FieldType.NUMBER,
    "BigDecimal": FieldType.NUMBER,
    "Double": FieldType.NUMBER,
    "Boolean": FieldType.YES_NO,
    "Timestamp": FieldType.MOMENT,
    "Date": FieldType.DATE,
    "String": FieldType.TEXT,
}
_WITHHELD = "**CONFIDENTIAL**"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EASTERNMOST = timedelta(hours=13)


def described(fields: Sequence[Mapping[str, FieldValue]]) -> Iterator[Field]:
    for row in fields:
        if not text(row.get("name")):
            continue
        one = _field(row)
        linked = row.get("associatedEntity") if text(row.get("type")) == "TO_ONE" else row
        within = rows(TITLE, linked, "fields")
        if linked is not row or not within:
            yield one
        for part in described(within):
            # a telephone of the record it links to is none of this record
            type_ = FieldType.TEXT if part.type is FieldType.PHONE else part.type
            label = f"{one.label}: {part.label}"
            yield replace(part, name=f"{one.name}.{part.name}", label=label, type=type_)


def _field(row: Mapping[str, FieldValue]) -> Field:
    named = text(row.get("name"))
    choices = tuple(
        (text(one.get("value")), text(one.get("label")))
        for one in rows(TITLE, row, "options")
        if text(one.get("value"))
    )
    return Field(named, text(row.get("label")) or named, _type(row, bool(choices)), choices)


def _type(row: Mapping[str, FieldValue], has_choices: bool) -> FieldType:
    named, finer = text(row.get("name")), text(row.get("dataSpecialization"))
    if text(row.get("type")) in ("TO_ONE", "TO_MANY"):
        return FieldType.LINK
    if named in _PHONES or (finer == "PHONE" and not named.startswith(("fax", "pager"))):
        return FieldType.PHONE
    type_ = _TYPES.get(text(row.get("dataType")), FieldType.OTHER)
    if type_ is FieldType.TEXT and row.get("multiValue") is True:
        return FieldType.CHOICES
    if has_choices and type_ is not FieldType.YES_NO:
        return FieldType.CHOICE
    return FieldType.DATE if type_ is FieldType.MOMENT and finer == "DATE" else type_


def value_at(value: FieldValue, path: str) -> FieldValue:
    """
    Return what stands at a path; of linked records their names, of several a list.

    >>> row = {"owner": {"id": 7, "firstName": "Jo"}, "tags": {"total": 1, "data": [{"id": 9}]}}
    >>> [value_at(row, path) for path in ("owner", "owner.id", "tags", "tags.id", "tags.x")]
    ['Jo', 7, [9], [9], [None]]
    """
    step, _, rest = path.partition(".")
    if not isinstance(value, Mapping):
        return None if path else value
    several = value.get("data")
    if isinstance(several, list):
        return [value_at(one, path) for one in several]
    return value_at(value.get(step), rest) if path else _named(value)


def _named(record: Mapping[str, FieldValue]) -> FieldValue:
    """Return what people call a linked record; it itself if it has no name and no number."""
    whole = " ".join(filter(None, (text(record.get("firstName")), text(record.get("lastName")))))
    return text(record.get("name")) or whole or record.get("id", record)


def read_value(field: Field | None, sent: FieldValue) -> FieldValue:
    """
    Return a value as rules want it, whether it comes in a list of one or several in one text.

    >>> said = Field("said", "", FieldType.CHOICES, (("A", "Ay"), ("B", "Bee"), ("A, B", "Both")))
    >>> read_value(said, "A,B"), read_value(said, "A, B"), read_value(said, ["B"])
    (['Ay', 'Bee'], ['Both'], ['Bee'])
    >>> read_value(replace(said, type=FieldType.CHOICE), ["B"])
    'Bee'
    >>> read_value(said, "**CONFIDENTIAL**") is None
    True
    """
    if sent == _WITHHELD:
        return None
    match field.type if field else None:
        case FieldType.MOMENT:
            return read_moment(sent)
        case FieldType.DATE:
            return _day(sent)
        case FieldType.CHOICE if isinstance(sent, list) and len(sent) == 1:
            sent = sent[0]
        case FieldType.CHOICES if isinstance(sent, str) and sent:
            is_one = field is not None and sent in dict(field.choices)
            sent = [sent] if is_one else [one.strip() for one in sent.split(",")]
    return read_as(field, sent)


def read_moment(sent: FieldValue) -> FieldValue:
    """
    Return milliseconds since 1970 as a date and time of UTC.

    >>> read_moment(1323449994922), read_moment(None), read_moment(10**20)
    ('2011-12-09T16:59:54.922+00:00', None, 100000000000000000000)
    """
    moment = _instant(sent)
    return sent if moment is None else moment.isoformat(timespec="milliseconds")


def _day(sent: FieldValue) -> FieldValue:
    """
    Return the day that is meant by the midnight of some place, from Hawaii to New Zealand.

    Bullhorn keeps days as moments, midnight wherever they were typed. What is no midnight
    anywhere stays a moment.

    >>> honolulu, berlin, auckland = 1795341600000, 1795302000000, 1795258800000
    >>> _day(honolulu), _day(berlin), _day(auckland)
    ('2026-11-22', '2026-11-22', '2026-11-22')
    >>> _day("2026-11-22"), _day(1795323600001)
    ('2026-11-22', '2026-11-22T05:00:00.001+00:00')
    """
    moment = _instant(sent)
    if moment is None or (moment - _EPOCH) % timedelta(minutes=15):
        return read_moment(sent)
    return (moment + _EASTERNMOST).date().isoformat()


def _instant(sent: FieldValue) -> datetime | None:
    if not isinstance(sent, int):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=sent)
    except OverflowError:
        return None
