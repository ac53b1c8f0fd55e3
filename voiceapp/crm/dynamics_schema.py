"""What a Dataverse says of its tables and their columns.

Source: “Query schema definitions”, learn.microsoft.com.
"""

from collections.abc import Mapping

from voiceapp.crm.answers import rows, text
from voiceapp.crm.contract import FieldValue
from voiceapp.crm.fields import Field, FieldType
from voiceapp.crm.payload import at_path

TITLE = "Microsoft Dynamics 365"
_TYPES = {
    "StringType": FieldType.TEXT,
    "MemoType": FieldType.TEXT,
    "UniqueidentifierType": FieldType.TEXT,
    "IntegerType": FieldType.NUMBER,
    "BigIntType": FieldType.NUMBER,
    "DecimalType": FieldType.NUMBER,
    "DoubleType": FieldType.NUMBER,
    "MoneyType": FieldType.NUMBER,
    "DateTimeType": FieldType.MOMENT,
    "BooleanType": FieldType.YES_NO,
    "PicklistType": FieldType.CHOICE,
    "StateType": FieldType.CHOICE,
    "StatusType": FieldType.CHOICE,
    "MultiSelectPicklistType": FieldType.CHOICES,
    "LookupType": FieldType.LINK,
    "CustomerType": FieldType.LINK,
    "OwnerType": FieldType.LINK,
}
_TOLD = ("AttributeTypeName", "AttributeOf", "DisplayName", "Format", "FormatName", "OptionSet")


def definition_of(table: str) -> Mapping[str, object]:
    """Return the question for the columns of a table, with the choices of all kinds at once."""
    return {
        "Properties": {"AllProperties": False, "PropertyNames": ["Attributes"]},
        "Criteria": _equals("LogicalName", "System.String", table),
        "AttributeQuery": {
            "Properties": {"AllProperties": False, "PropertyNames": list(_TOLD)},
            "Criteria": _equals("IsValidForRead", "System.Boolean", "true"),
        },
    }


def _equals(one: str, type_: str, value: str) -> Mapping[str, object]:
    condition = {
        "ConditionOperator": "Equals",
        "PropertyName": one,
        "Value": {"Type": type_, "Value": value},
    }
    return {"FilterOperator": "And", "Conditions": [condition]}


def field_of(column: Mapping[str, FieldValue]) -> Field | None:
    """Return a column as a field; None for one that only shows another, or holds no value."""
    type_ = _TYPES.get(text(at_path(column, "AttributeTypeName.Value")))
    if type_ is None or column.get("AttributeOf") is not None:
        return None
    if "Phone" in (at_path(column, "FormatName.Value"), column.get("Format")):
        type_ = FieldType.PHONE
    if type_ is FieldType.MOMENT and column.get("Format") == "DateOnly":
        type_ = FieldType.DATE
    choices: tuple[tuple[str, str], ...] = ()
    if type_ in (FieldType.CHOICE, FieldType.CHOICES):
        options = rows(TITLE, column, "OptionSet", "Options")
        choices = tuple((text(one.get("Value")), _label(one, "Label")) for one in options)
    name = text(column.get("LogicalName"))
    return Field(name, _label(column, "DisplayName") or name, type_, choices)


def _label(of: Mapping[str, FieldValue], what: str) -> str:
    return text(at_path(of, f"{what}.UserLocalizedLabel.Label"))
