"""What EspoCRM says about fields, and its values as rules want them."""

from collections.abc import Mapping

from voiceapp.crm.answers import text
from voiceapp.crm.contract import FieldValue
from voiceapp.crm.fields import Field, FieldType, read_as
from voiceapp.crm.payload import at_path

_TYPES = {
    "phone": FieldType.PHONE,
    "int": FieldType.NUMBER,
    "float": FieldType.NUMBER,
    "decimal": FieldType.NUMBER,
    "autoincrement": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "currencyConverted": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.MOMENT,
    "datetimeOptional": FieldType.MOMENT,
    "bool": FieldType.YES_NO,
    "enum": FieldType.CHOICE,
    "enumInt": FieldType.CHOICE,
    "enumFloat": FieldType.CHOICE,
    "multiEnum": FieldType.CHOICES,
    "checklist": FieldType.CHOICES,
    "array": FieldType.CHOICES,
    "urlMultiple": FieldType.CHOICES,
    "link": FieldType.LINK,
    "linkOne": FieldType.LINK,
    "linkMultiple": FieldType.LINK,
}
_READ_BY = {"link": "Name", "linkOne": "Name", "linkMultiple": "Names", "file": "Name"}
"""What is put behind the name of a field to get what can be read of it."""
_WITHOUT_VALUE = {
    "address", "attachmentMultiple", "jsonArray", "jsonObject", "linkParent", "map", "password",
    "rangeCurrency", "rangeFloat", "rangeInt",
}  # fmt: skip
_HIDDEN = ("disabled", "utility", "noLoad", "directAccessDisabled")


def read_fields(
    entity: str, described: Mapping[str, FieldValue], words: FieldValue
) -> tuple[Field, ...]:
    """Return the fields of an entity that have a value in lists, labelled in the words given.

    `described` are its `entityDefs`, `words` is what `I18n` answers.
    """
    return tuple(
        _field(entity, one, about, words)
        for one, about in described.items()
        if isinstance(about, Mapping) and _is_readable(about)
    )


def _is_readable(about: Mapping[str, FieldValue]) -> bool:
    is_hidden = any(about.get(flag) is True for flag in _HIDDEN)
    return not is_hidden and text(about.get("type")) not in _WITHOUT_VALUE


def _field(entity: str, one: str, about: Mapping[str, FieldValue], words: FieldValue) -> Field:
    own, common = at_path(words, f"{entity}.fields.{one}"), at_path(words, f"Global.fields.{one}")
    theirs = text(about.get("type"))
    type_ = _TYPES.get(theirs, FieldType.TEXT)
    is_list = type_ in (FieldType.CHOICE, FieldType.CHOICES)
    return Field(
        one + _READ_BY.get(theirs, ""),
        text(own) or text(common) or one,
        type_,
        _choices(entity, one, about, words) if is_list else (),
    )


def _choices(
    entity: str, one: str, about: Mapping[str, FieldValue], words: FieldValue
) -> tuple[tuple[str, str], ...]:
    """Return the options of a list and how they read; some lists are those of other fields."""
    other, _, its = text(about.get("optionsReference")).partition(".")
    path = f"{other}.options.{its}" if its else f"{entity}.options.{one}"
    labels = _labels(at_path(words, text(about.get("translation")) or path))
    labels = labels or _labels(at_path(words, f"Global.options.{one}"))
    options = about.get("options")
    keys = [text(key) for key in options] if isinstance(options, list) else list(labels)
    return tuple((key, labels.get(key) or key) for key in keys if key)


def _labels(sent: FieldValue) -> Mapping[str, str]:
    """
    Return the labels of options by their keys, in either way that PHP writes them.

    >>> _labels({"hot": "Hot"}), _labels(["None", "One"]), _labels(None)
    ({'hot': 'Hot'}, {'0': 'None', '1': 'One'}, {})
    """
    if isinstance(sent, list):
        return {str(number): text(label) for number, label in enumerate(sent)}
    return {key: text(label) for key, label in sent.items()} if isinstance(sent, Mapping) else {}


def read_value(field: Field | None, sent: FieldValue) -> FieldValue:
    """Return a value as rules want it: moments with their zone, linked records by their names."""
    if field is not None and field.type is FieldType.MOMENT:
        return read_moment(sent)
    if field is not None and field.type is FieldType.LINK and isinstance(sent, Mapping):
        return list(sent.values())  # names by ids
    return read_as(field, sent)


def read_moment(sent: FieldValue) -> FieldValue:
    """
    Return a moment with its zone, which is UTC always and so left out.

    >>> read_moment("2026-11-22 10:00:00"), read_moment("2026-11-22")
    ('2026-11-22T10:00:00Z', '2026-11-22')
    """
    is_moment = isinstance(sent, str) and len(sent) == len("2026-11-22 10:00:00")
    return f"{sent}Z".replace(" ", "T") if is_moment else sent
