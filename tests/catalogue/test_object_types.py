"""What the catalogue says about each object type, pinned: numbers and names were counted in the vendor's own tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pango_load.catalogue.types import FURTHER_TYPES, SEED_TYPES, object_type, object_type_names, sent_type
from pango_load.errors import UsageError
from pango_load.records import Coverage, FieldType, Severity, Shape

STATUS = "recordStatus"
Rule = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Pinned:
    name: str
    fields: int
    required: str
    key: str
    ignored: bool | None
    slots: bool | None
    coverage: Coverage = Coverage.FULL
    rules: list[Rule] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)


PINNED = [
    Pinned(
        name="customer-identity",
        fields=44,
        required="customerId",
        rules=[(("phone",), ("email",)), (("fullName",), ("firstName", "lastName"))],
        words={
            "gender": "male female undefined",
            "maritalStatus": "Single Married Divorced",
            "sourceChannel": "Online Offline",
        },
        key="customerId",
        ignored=True,
        slots=True,
    ),
    Pinned(
        name="customer-relationship",
        fields=21,
        required="customerId relationshipId relationship",
        rules=[(("fullName",), ("firstName", "lastName"))],
        words={
            "relationship": "child spouse husband wife father mother parents undefined",
            "gender": "male female undefined",
        },
        key="relationshipId",
        ignored=True,
        slots=True,
    ),
    Pinned(
        name="customer-membership",
        fields=16,
        required="membershipId membershipIssuedAt",
        rules=[(("customerId",), ("customerEmail",), ("customerPhone",))],
        key="membershipId",
        ignored=True,
        slots=True,
    ),
    Pinned(
        name="customer-identity-address",
        fields=20,
        required="customerId addressType",
        rules=[(("city", "district", "address"),)],
        words={"addressType": "Hometown Live Work"},
        key="customerId addressType",
        ignored=False,
        slots=False,
    ),
    Pinned(
        name="customer-identity-email",
        fields=8,
        required="customerId email emailType",
        words={"emailType": "Business Personal"},
        key="customerId email",
        ignored=False,
        slots=False,
    ),
    Pinned(
        name="customer-identity-photo",
        fields=7,
        required="customerId source imageUrl",
        key="customerId source imageUrl",
        ignored=False,
        slots=False,
    ),
    Pinned(
        name="customer-product-activity",
        fields=24,
        required="actionId action actionAt customerId customerName productSku productName productCategoryId",
        rules=[(("customerPhone",), ("customerEmail",))],
        key="actionId",
        ignored=True,
        slots=True,
    ),
    Pinned(
        name="email-interaction",
        fields=25,
        required="id email serviceProvider eventAt event actionAt",
        key="id",
        ignored=False,
        slots=True,
    ),
    Pinned(
        name="sms-interaction",
        fields=25,
        required="id phoneNumber serviceProvider eventAt event",
        words={"event": "sent clicked"},
        key="id",
        ignored=False,
        slots=True,
    ),
    Pinned(
        name="customer-product-comment",
        fields=23,
        required="commentedAt commentId content customerId customerName productSku productName",
        rules=[(("customerPhone",), ("customerEmail",))],
        key="commentId",
        ignored=True,
        slots=True,
    ),
    Pinned(
        name="customer-product-review",
        fields=23,
        required="reviewedAt reviewId content customerId customerName productSku productName",
        rules=[(("customerPhone",), ("customerEmail",))],
        key="reviewId",
        ignored=True,
        slots=True,
    ),
    Pinned(
        name="customer-product-subscriber",
        fields=27,
        required="subscribeAt subscribeId customerName productSku productName status",
        rules=[(("customerPhone",), ("customerEmail",))],
        words={"status": "Subscribed Unsubscribed", "sourceChannel": "Online Offline"},
        key="subscribeId",
        ignored=True,
        slots=True,
    ),
    Pinned(
        name="custom-model",
        fields=31,
        required="momCode refId",
        key="momCode refId",
        ignored=True,
        slots=True,
        coverage=Coverage.PARTIAL,
    ),
    Pinned(
        name="user-event",
        fields=20,
        required="source sourceId channel eventCtg eventName eventAt",
        words={
            "source": "CustomerIdentity CustomerMembership CustomerRelationship Contact LeadInformation "
            "PurchaseHistory PurchaseOrder ShoppingCart OrderPayment",
            "condition": "Changed Created",
            "channel": "Online Offline None",
            "eventCtg": "CampaignBehaviour UserIdentity UserInteraction Transaction CustomerService Other",
        },
        key="",
        ignored=True,
        slots=True,
        coverage=Coverage.FULL_PAGE,
    ),
    Pinned(
        name="lead-information",
        fields=37,
        required="leadId phone",
        rules=[(("fullName",), ("firstName", "lastName"))],
        words={
            "gender": "male female undefined",
            "sourceChannel": "Online Offline",
            "doubleOptIn": "Yes No",
            "singleOptIn": "Yes No",
        },
        key="leadId",
        ignored=True,
        slots=True,
        coverage=Coverage.PARTIAL,
    ),
    Pinned(
        name="order",
        fields=29,
        required="orderId orderStatus customerId customerName customerEmail items",
        key="orderId",
        ignored=False,
        slots=True,
        coverage=Coverage.PARTIAL,
    ),
    Pinned(
        name="meta-survey",
        fields=12,
        required="surveyId questions",
        key="surveyId",
        ignored=False,
        slots=True,
        coverage=Coverage.FULL_PAGE,
    ),
    Pinned(
        name="meta-form-marketing",
        fields=11,
        required="formId provider name",
        key="formId",
        ignored=False,
        slots=True,
        coverage=Coverage.FULL_PAGE,
    ),
    Pinned(
        name="product",
        fields=12,
        required="",
        key="",
        ignored=None,
        slots=True,
        coverage=Coverage.CLIENT_CODE_ONLY,
    ),
    Pinned(
        name="shopping-cart",
        fields=0,
        required="",
        key="",
        ignored=None,
        slots=None,
        coverage=Coverage.NAME_ONLY,
    ),
]


@pytest.mark.parametrize("pinned", PINNED, ids=lambda pinned: pinned.name)
def test_every_type_has_what_its_table_has(pinned: Pinned) -> None:
    """Whoever edits a catalogue file learns at once that a field, a rule or a word of the vendor's table was lost."""
    described = object_type(pinned.name)

    found = Pinned(
        name=described.name,
        fields=len(described.fields),
        required=" ".join(rule.name for rule in described.fields if rule.required),
        rules=[rule.alternatives for rule in described.requirements],
        words={rule.name: " ".join(rule.values) for rule in described.fields if rule.values and rule.name != STATUS},
        key=" ".join(described.record_key),
        ignored=described.ignored_update_cfs,
        slots=described.custom_fields,
        coverage=described.coverage,
    )

    assert found == pinned


def test_the_twelve_seed_types_come_first() -> None:
    """The order is documented: a list that a person reads begins with what is established."""
    names = object_type_names()

    assert names[:12] == SEED_TYPES
    assert names[12:] == FURTHER_TYPES
    assert [pinned.name for pinned in PINNED] == list(names)


def test_every_file_of_the_folder_is_a_type_that_can_be_named() -> None:
    """A file that is forgotten in the order would be a type that nobody can load."""
    folder = Path(__file__).parents[2] / "pango_load" / "catalogue"

    files = {path.stem for path in folder.glob("*.yaml")}

    assert files == set(object_type_names())
    assert all(object_type(name).name == name for name in files)


@pytest.mark.parametrize("name", SEED_TYPES)
def test_a_record_status_is_a_closed_list_in_every_seed_type(name: str) -> None:
    """A row that deletes is recognised by this word, so it must be known everywhere."""
    status = object_type(name).field(STATUS)

    assert status is not None
    assert (status.values, status.values_open) == (("Active", "Deleted"), False)


@pytest.mark.parametrize("name", SEED_TYPES)
def test_every_seed_type_takes_a_zone(name: str) -> None:
    """Each of the twelve tables begins with timezoneGmt, and its hours are judged as such."""
    first = object_type(name).fields[0]

    assert (first.name, first.type, first.shape) == ("timezoneGmt", FieldType.LONG, Shape.ZONE)


def test_shapes_stand_where_an_email_a_phone_or_a_date_is_meant() -> None:
    """A field whose shape is forgotten would let anything through."""
    shaped = {
        (rule.name, rule.shape) for name in object_type_names() for rule in object_type(name).fields if rule.shape
    }

    assert shaped == {
        ("timezoneGmt", Shape.ZONE),
        ("email", Shape.EMAIL),
        ("customerEmail", Shape.EMAIL),
        ("phone", Shape.PHONE),
        ("customerPhone", Shape.PHONE),
        ("phoneNumber", Shape.PHONE),
        ("dob2", Shape.DATE),
    }
    named = {"email", "customerEmail", "phone", "customerPhone", "phoneNumber"}
    assert not [
        (name, rule.name)
        for name in object_type_names()
        for rule in object_type(name).fields
        if rule.name in named and rule.shape is None
    ]


def test_the_address_rule_only_warns() -> None:
    """Viet Nam has no districts any more, and the documents do not flag them: such a row must not be rejected."""
    (rule,) = object_type("customer-identity-address").requirements

    assert (rule.alternatives, rule.severity) == ((("city", "district", "address"),), Severity.WARN)


def test_open_lists_let_further_words_through() -> None:
    """The documents do not close these lists, so a new word of a provider must not stop a load."""
    opened = {
        (name, rule.name) for name in object_type_names() for rule in object_type(name).fields if rule.values_open
    }

    assert opened == {("sms-interaction", "event"), ("user-event", "source")}


def test_a_documented_type_keeps_its_spelling() -> None:
    """The tables write integer, Integer, int and leave a cell empty; what a reader sees is what they wrote."""
    spelled = {rule.documented_type: rule.type for name in object_type_names() for rule in object_type(name).fields}

    assert spelled == {
        "String": FieldType.TEXT,
        "Text": FieldType.TEXT,
        None: FieldType.TEXT,
        "integer": FieldType.LONG,
        "Integer": FieldType.LONG,
        "int": FieldType.LONG,
        "Long": FieldType.LONG,
        "Double": FieldType.DOUBLE,
        "Float": FieldType.DOUBLE,
        "Boolean": FieldType.BOOLEAN,
        "Timestamp": FieldType.TIMESTAMP,
        "List": FieldType.LIST,
        "Array": FieldType.LIST,
        "Object": FieldType.OBJECT,
    }


def test_only_a_missing_cell_has_no_documented_type() -> None:
    """The cell of internalCompanyId is empty in eight of the twelve tables: it is read as the text it is elsewhere."""
    without = [name for name in SEED_TYPES for rule in object_type(name).fields if rule.documented_type is None]

    assert len(without) == 8
    assert all(object_type(name).field("internalCompanyId") for name in without)


def test_nested_items_are_known() -> None:
    """An order's items and a survey's questions are judged field by field."""
    items = object_type("order").field("items")
    questions = object_type("meta-survey").field("questions")

    assert items is not None
    assert questions is not None
    assert [rule.name for rule in items.fields if rule.required] == ["productSku", "productName"]
    assert (len(items.fields), items.custom_fields) == (10, True)
    assert [rule.name for rule in questions.fields if rule.required] == ["questionId", "langDef"]
    assert (len(questions.fields), questions.custom_fields) == (7, False)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        pytest.param("custmer-identiy", "customer-identity", id="letters missing"),
        pytest.param("customer_identity", "customer-identity", id="underscores"),
        pytest.param("Customer Membership", "customer-membership", id="capitals and spaces"),
        pytest.param("orders", "order", id="plural"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(typed: str, meant: str) -> None:
    """Whoever mistypes a name sees the right one instead of a list of twenty."""
    with pytest.raises(UsageError) as caught:
        object_type(typed)

    assert caught.value.message == f'"{typed}" is not an object type that Pango is known to accept.'
    assert caught.value.advice == f'Did you mean "{meant}"? `pango-load objects` shows all of them.'


def test_a_name_like_nothing_gets_the_way_to_add_a_type() -> None:
    """A guess that is far off would mislead."""
    with pytest.raises(UsageError) as caught:
        object_type("qqqqqq")

    assert caught.value.advice == "`pango-load objects` shows all of them. A type of your own goes into --catalogue."


def test_a_type_is_found_by_what_its_entries_are_sent_as(tmp_path: Path) -> None:
    """Protects the rehearsal of own types: the sandbox knows the catalogue that a load was given."""
    text = "object: ticket\ntitle: T\ncoverage: partial\nsource: s\nfields: {refId: {type: String}}\n"
    (tmp_path / "b.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text.replace("ticket", "custom-model"), encoding="utf-8")
    (tmp_path / "order.yaml").write_text(text.replace("ticket", "order"), encoding="utf-8")

    assert sent_type("ticket", tmp_path).word == "b"
    assert sent_type("order", tmp_path).field("refId") is not None
    assert sent_type("custom-model", tmp_path).field("momCode") is not None
    for unknown in ("b", "tickets"):
        with pytest.raises(UsageError):
            sent_type(unknown, tmp_path)


def test_a_fingerprint_follows_the_rules_and_not_the_prose(tmp_path: Path) -> None:
    """A half-finished load goes on after a note was put better, and is another load after a rule has changed."""
    page = (
        'object: a\ntitle: A\ncoverage: full\nsource: x\nfields:\n  note: {type: String, note: "%s"}\n  b: {type: %s}\n'
    )
    for folder, note, kind in (("one", "old", "Long"), ("two", "new", "Long"), ("three", "old", "Double")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.yaml").write_text(page % (note, kind), encoding="utf-8")

    one, two, three = (object_type("a", tmp_path / folder).fingerprint for folder in ("one", "two", "three"))

    assert one == two
    assert one != three
    assert len({object_type(name).fingerprint for name in object_type_names()}) == len(object_type_names())
