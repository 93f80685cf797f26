"""The words of the mapping language: its keys, the options of a column, and what each is for."""

from __future__ import annotations

from pango_load.records import Clean, FieldType, OnDuplicate, Severity

TOP_LEVEL = {
    "object": "The object type that the rows become, for instance customer-identity.",
    "source": "The request's source: where the data comes from (CRM, POS, ...). --source outranks it.",
    "timezone": "The zone of the file's clock, an IANA name such as Asia/Ho_Chi_Minh: true UTC times are sent.",
    "timezoneGmt": "The zone of the file's clock in whole hours from GMT, -12 to 14; it travels in every entry.",
    "timestamps": "instant: with timezoneGmt, send true UTC times nevertheless.",
    "columns": "Column of the file -> field of Pango; null leaves a column out on purpose.",
    "constants": "Field -> the same value in every entry.",
    "computed": 'Field -> text with columns in braces: "{First name} {Last name}".',
    "nulls": 'Cells that mean "nothing", besides empty ones.',
    "recordKey": "The fields that identify a record, where the catalogue's are not the right ones.",
    "onDuplicate": "What happens to two rows with the same record key.",
    "checks": "Severity of a check (error, warn, off), by field, by shape (email, phone, date) or by problem code.",
    "ignoredUpdateCfs": "Slots that an update of an existing record leaves alone.",
    "userEvent": "The user event that each accepted entry triggers: jeConfigId and jeEventKey, both.",
    "containers": "Other names for the containers of slots that no public page shows: {Double: ..., Boolean: ...}.",
    "headers": "The file's headers, in order, as `pango-load map` wrote them: a file that has others is not loaded.",
    "request": "Further keys of the request body, copied as they are.",
}
"""Every key that may stand at the left margin, besides the nested lists of the object type (`items`)."""

OPTIONS = {
    "field": "The field or slot that the column becomes.",
    "format": "Pattern of a date (%d/%m/%Y), or several; epoch-ms and epoch-s are words for numbers.",
    "values": "Word in the file -> word that is sent; case does not matter.",
    "default": "What is sent where the cell is empty, or where values knows no word for it.",
    "split": "The sign between the items of a list.",
    "clean": "What is done to the cell's text first, in this order.",
    "normalise": "A country (VN) whose rules bring a phone number into one form.",
    "decimal": "The decimal sign of a number: , or .",
    "grouping": "The sign between thousands.",
    "empty": "null: an empty cell is sent as null, which may clear a value; otherwise its key is left out.",
    "extra": "true: the field is meant, although the catalogue does not know it.",
    "type": "What a field unknown to the catalogue holds: text, long, double, boolean, timestamp, list, object.",
}
"""What a column can say beside its field."""

RESTORE_ZERO = "restore-zero"
CLEAN_WORDS = (*(word.value for word in Clean), RESTORE_ZERO)
DUPLICATE_WORDS = tuple(word.value for word in OnDuplicate)
SEVERITY_WORDS = tuple(word.value for word in Severity)
TYPE_WORDS = tuple(word.value for word in FieldType)
EPOCH_WORDS = ("epoch-ms", "epoch-s")
GROUPING_SIGNS = (",", ".", " ", "'", "_", "\u00a0", "\u202f", "’")
GROUP_KEYS = {
    "groupBy": "The field (or column) that adjacent rows of one entry share.",
    "columns": "Column of the file -> field of the nested item.",
}
USER_EVENT_KEYS = ("jeConfigId", "jeEventKey")
RESERVED_REQUEST_KEYS = {
    "objectType": "object",
    "source": "source",
    "entries": "columns",
    "jeConfigId": "userEvent",
    "jeEventKey": "userEvent",
    "ignoredUpdateCfs": "ignoredUpdateCfs",
}
"""Keys of the request body that have a place of their own in a mapping."""
