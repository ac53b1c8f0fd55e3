"""What a CRM says about its fields, and values as rules want them."""

from decimal import Decimal

import pytest

from voiceapp.crm.fields import Field, FieldType, by_name, phones, read_as

TIER = Field("tier", "Tier", FieldType.CHOICE, (("1", "Gold"), ("2", "Silver")))
TAGS = Field("tags", "Tags", FieldType.CHOICES, (("vip", "VIP"), ("7", "Seven")))
VIP = Field("vip", "VIP", FieldType.YES_NO)
STRUCTURE = {"id": "1"}


@pytest.mark.parametrize(
    ("field", "sent", "value"),
    [
        (TIER, "1", "Gold"),
        (TIER, 1, "Gold"),
        (TIER, "Gold", "Gold"),
        (TIER, "3", "3"),
        (TIER, 3, 3),
        (TIER, " 1", " 1"),
        (TIER, True, True),
        (TIER, Decimal("1.5"), Decimal("1.5")),
        (TIER, STRUCTURE, STRUCTURE),
        (TIER, "", ""),
        (TAGS, ["vip", 7, "new"], ["VIP", "Seven", "new"]),
        (TAGS, ("vip",), ["VIP"]),
        (TAGS, [None, True, STRUCTURE], [None, True, STRUCTURE]),
        (TAGS, [], []),
        (TAGS, "vip", "VIP"),
    ],
)
def test_what_is_chosen_from_a_list_is_read_by_its_label(field, sent, value):
    assert read_as(field, sent) == value


@pytest.mark.parametrize("sent", [True, 1, "1", "true", "TRUE", " Yes ", "on"])
def test_yes_is_yes_however_it_is_written(sent):
    assert read_as(VIP, sent) is True


@pytest.mark.parametrize("sent", [False, 0, "0", "false", "False", " no", "OFF"])
def test_no_is_no_however_it_is_written(sent):
    assert read_as(VIP, sent) is False


@pytest.mark.parametrize("sent", ["", "maybe", 2, -1, Decimal("1"), ["yes"], STRUCTURE])
def test_what_is_neither_yes_nor_no_stays_as_it_is(sent):
    assert read_as(VIP, sent) is sent


@pytest.mark.parametrize(
    "field",
    [None, *(Field("x", "X", one) for one in FieldType if one is not FieldType.YES_NO)],
    ids=str,
)
@pytest.mark.parametrize("sent", ["1", "yes", 1, True, Decimal("1.50"), ["1"], STRUCTURE])
def test_a_value_without_labels_stays_as_it_is(field, sent):
    assert read_as(field, sent) is sent


@pytest.mark.parametrize("field", [None, TIER, TAGS, VIP])
def test_nothing_is_nothing(field):
    assert read_as(field, None) is None


def test_fields_are_found_by_their_names():
    assert by_name(iter((TIER, VIP))) == {"tier": TIER, "vip": VIP}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ((), ("Phone", "Mobile")),
        ((("Fax", FieldType.PHONE), ("Phone", FieldType.TEXT)), ("Fax",)),
        ((("b", FieldType.PHONE), ("a", FieldType.PHONE)), ("b", "a")),
        ((("Mobile", FieldType.TEXT), ("Tier", FieldType.CHOICE)), ("Mobile",)),
        ((("Mobile", FieldType.TEXT), ("Phone", FieldType.OTHER)), ("Phone", "Mobile")),
        ((("Tier", FieldType.TEXT),), ()),
    ],
)
def test_numbers_stand_where_the_crm_says_or_in_the_usual_fields_that_there_are(told, found):
    fields = [Field(name, name, type_) for name, type_ in told]

    assert phones(fields, ("Phone", "Mobile")) == found
