"""Every sentence that a mapping can be refused with, as it is told."""
# ruff: noqa: E501 - the sentences stand here as a person reads them

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.mapping_files import CUSTOMER, customer, mistakes_of

if TYPE_CHECKING:
    from pathlib import Path

_CASES = [
    pytest.param(
        customer("colums: {}"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, colums: "colums" is no key of a mapping. Did you mean "columns"?'],
        id="an-unknown-key",
    ),
    pytest.param(
        customer("xyzzy: 1"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, xyzzy: "xyzzy" is no key of a mapping.'],
        id="a-key-of-nothing-known",
    ),
    pytest.param(
        customer("source: CRM\nsource: POS"),
        CUSTOMER,
        ["mappings/x.yaml, line 8, source: stands twice (line 7 too); only one of the two can be meant."],
        id="two-keys-alike",
    ),
    pytest.param(
        customer(columns="Mobile: email"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, columns > Mobile: stands twice (line 5 too); only one of the two can be meant."],
        id="two-columns-alike",
    ),
    pytest.param(
        customer(columns="Sex: gendre"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex: customer-identity has no field "gendre". Did you mean "gender"? {field: gendre, extra: true} sends it all the same.'
        ],
        id="an-unknown-field",
    ),
    pytest.param(
        customer(columns="Sex: xyzzy"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex: customer-identity has no field "xyzzy". {field: xyzzy, extra: true} sends it all the same.'
        ],
        id="an-unknown-field-far-from-all",
    ),
    pytest.param(
        customer(columns="Sex: a.b"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex: "a.b" cannot be a field: a field is one word, and nested items stand under their own key.'
        ],
        id="a-field-with-a-dot",
    ),
    pytest.param(
        customer(columns="gender: Giới"),
        (*CUSTOMER, "Giới"),
        [
            'mappings/x.yaml, line 7, columns > gender: customer-identity has no field "Giới". A line of columns reads `column of the file: field of Pango`.'
        ],
        id="the-direction-turned-round",
    ),
    pytest.param(
        customer(columns="Sex: 5"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex: customer-identity has no field "5". {field: 5, extra: true} sends it all the same.'
        ],
        id="a-column-that-is-a-number",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, vlaues: {Nam: male}}"),
        (*CUSTOMER, "Sex"),
        ['mappings/x.yaml, line 7, columns > Sex: "vlaues" is no option of a column. Did you mean "values"?'],
        id="an-unknown-option",
    ),
    pytest.param(
        customer(columns="Tel: {field: customField01, restoreZero: true}"),
        (*CUSTOMER, "Tel"),
        [
            'mappings/x.yaml, line 7, columns > Tel: "restoreZero" is no option of a column. Write "clean: restore-zero".'
        ],
        id="the-old-word-for-restore-zero",
    ),
    pytest.param(
        customer(columns="Sex: {values: {Nam: male}}"),
        (*CUSTOMER, "Sex"),
        [
            "mappings/x.yaml, line 7, columns > Sex: takes a field, {field: ..., ...} with options, a list of these, or null."
        ],
        id="options-without-a-field",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, default: male, default: female}"),
        (*CUSTOMER, "Sex"),
        [
            "mappings/x.yaml, line 7, columns > Sex > default: stands twice (line 7 too); only one of the two can be meant."
        ],
        id="an-option-twice",
    ),
    pytest.param(
        "object: customer-identity\ncolumns: [a, b]\n",
        CUSTOMER,
        [
            "mappings/x.yaml, line 2, columns: takes pairs: a column of the file, then a field of Pango.",
            "mappings/x.yaml, columns: nothing is mapped, so there is nothing to send.",
            'mappings/x.yaml: customerId is required, and no column becomes it. "Code" looks like customerId.',
            'mappings/x.yaml: phone or email is required, and no column becomes one of them. "Mobile" looks like phone.',
            'mappings/x.yaml: fullName, or firstName and lastName is required, and no column becomes one of them. "Name" looks like fullName.',
        ],
        id="columns-as-a-list",
    ),
    pytest.param(
        customer(columns="Phone 2: phone"),
        (*CUSTOMER, "Phone 2"),
        ["mappings/x.yaml, line 7, columns > Phone 2: phone comes from columns > Mobile already (line 5)."],
        id="two-columns-for-one-field",
    ),
    pytest.param(
        customer("constants: {phone: '0900000000'}"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, constants > phone: phone comes from columns > Mobile already (line 5)."],
        id="a-constant-for-a-mapped-field",
    ),
    pytest.param(
        customer(columns="Tier: customField1"),
        (*CUSTOMER, "Tier"),
        ['mappings/x.yaml, line 7, columns > Tier: "customField1" is no slot. Did you mean "customField01"?'],
        id="a-slot-with-one-digit",
    ),
    pytest.param(
        customer(columns="Tier: customFieldText01"),
        (*CUSTOMER, "Tier"),
        ['mappings/x.yaml, line 7, columns > Tier: "customFieldText01" is no slot. Did you mean "customField01"?'],
        id="a-slot-with-text-in-its-name",
    ),
    pytest.param(
        customer(columns="Tier: customfieldlong03"),
        (*CUSTOMER, "Tier"),
        ['mappings/x.yaml, line 7, columns > Tier: "customfieldlong03" is no slot. Did you mean "customFieldLong03"?'],
        id="a-slot-in-small-letters",
    ),
    pytest.param(
        customer(columns="Tier: customField00"),
        (*CUSTOMER, "Tier"),
        ['mappings/x.yaml, line 7, columns > Tier: "customField00" is no slot: they are numbered from 01.'],
        id="slot-zero",
    ),
    pytest.param(
        customer(columns="Tier: customFieldFoo"),
        (*CUSTOMER, "Tier"),
        [
            'mappings/x.yaml, line 7, columns > Tier: "customFieldFoo" is no slot. A slot is called customField01, customFieldLong01, customFieldTimestamp01, customFieldList01, customFieldDouble01 or customFieldBoolean01, with two digits.'
        ],
        id="a-slot-of-no-family",
    ),
    pytest.param(
        "object: customer-identity-email\ncolumns: {a: customerId, b: email, c: emailType, d: customField01}\n",
        ("a", "b", "c", "d"),
        [
            'mappings/x.yaml, line 2, columns > d: "customField01" is a custom-field slot, and customer-identity-email takes none (its table has no such row).'
        ],
        id="a-slot-where-none-is-taken",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, values: {Nam: man, Nữ: femal}}"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex > values > Nam: "man" is not a word of gender (male, female, undefined).',
            'mappings/x.yaml, line 7, columns > Sex > values > Nữ: "femal" is not a word of gender (male, female, undefined). Did you mean "female"?',
        ],
        id="a-word-outside-the-list",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, values: {Nam: male, NAM: female}}"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex > values: "NAM" stands here twice (line 7 too); case does not matter.'
        ],
        id="a-word-twice",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, values: {Nam: null}}"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex > values: "Nam" becomes nothing: cells that mean nothing stand under nulls.'
        ],
        id="a-word-that-becomes-nothing",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, values: [Nam]}"),
        (*CUSTOMER, "Sex"),
        [
            "mappings/x.yaml, line 7, columns > Sex > values: takes words in pairs, for instance {Nam: male, Nữ: female}."
        ],
        id="values-that-are-no-pairs",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, default: unknown}"),
        (*CUSTOMER, "Sex"),
        [
            'mappings/x.yaml, line 7, columns > Sex > default: "unknown" is not a word of gender (male, female, undefined).'
        ],
        id="a-default-outside-the-list",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Y', default: 1900-01-01}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > default: "1900-01-01" is not a date in %d/%m/%Y, as the cells of the column are.'
        ],
        id="a-default-in-another-pattern",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, default: 01/01/1900}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > default: "01/01/1900" is not a date in ISO 8601 or epoch milliseconds, as the cells of the column are.'
        ],
        id="a-default-that-needs-a-pattern",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, default: [male]}"),
        (*CUSTOMER, "Sex"),
        ["mappings/x.yaml, line 7, columns > Sex > default: takes one word, not a list or keys."],
        id="a-default-that-is-a-list",
    ),
    pytest.param(
        customer("constants: {yob: '1988.5'}"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, constants > yob: "1988.5" is not a whole number, and yob holds one.'],
        id="a-whole-number-that-is-none",
    ),
    pytest.param(
        customer("constants: {customFieldDouble01: nan}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, constants > customFieldDouble01: "nan" is not a number, and customFieldDouble01 holds one.'
        ],
        id="a-number-that-is-none",
    ),
    pytest.param(
        customer("constants: {customFieldBoolean01: yes}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, constants > customFieldBoolean01: "yes" is neither true nor false, and customFieldBoolean01 holds one of them.'
        ],
        id="a-truth-that-is-none",
    ),
    pytest.param(
        customer("constants: {createdAt: yesterday}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, constants > createdAt: "yesterday": a constant time is written as ISO 8601 (2024-12-31T08:00:00+07:00) or epoch milliseconds.'
        ],
        id="a-constant-time-that-is-none",
    ),
    pytest.param(
        customer("constants: {country: ''}"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, constants > country: empty: a constant is a value; leave the line out otherwise."],
        id="an-empty-constant",
    ),
    pytest.param(
        customer("constants: [country]"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, constants: takes pairs: a field, then its value."],
        id="constants-as-a-list",
    ),
    pytest.param(
        customer("constants: {timezoneGmt: 7}"),
        CUSTOMER,
        [
            "mappings/x.yaml, line 7, constants > timezoneGmt: timezoneGmt stands at the left margin, not under constants: it says how dates are read."
        ],
        id="a-constant-zone",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: dd/MM/yyyy}"),
        (*CUSTOMER, "Born"),
        ['mappings/x.yaml, line 7, columns > Born > format: "dd/MM/yyyy" is no pattern. Did you mean "%d/%m/%Y"?'],
        id="a-pattern-in-letters",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: 'yyyy-MM-dd HH:mm:ss'}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: "yyyy-MM-dd HH:mm:ss" is no pattern. Did you mean "%Y-%m-%d %H:%M:%S"?'
        ],
        id="a-pattern-with-a-clock-in-letters",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: day first}"),
        (*CUSTOMER, "Born"),
        ['mappings/x.yaml, line 7, columns > Born > format: "day first" is no pattern. Write for instance "%d/%m/%Y".'],
        id="a-pattern-in-words",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m'}"),
        (*CUSTOMER, "Born"),
        ['mappings/x.yaml, line 7, columns > Born > format: "%d/%m" has no year: a date needs %Y, %m and %d.'],
        id="a-pattern-without-a-year",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%M/%Y'}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: "%d/%M/%Y" has a minute and no hour: %M is the minute, %m is the month.'
        ],
        id="a-pattern-with-minutes-for-months",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Q'}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: "%d/%m/%Q": %Q is no directive that can be read; %d, %m, %Y, %H, %M, %S, %p, %b, %z are.'
        ],
        id="a-pattern-with-an-unknown-directive",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Y %Z'}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: "%d/%m/%Y %Z": %Z (a zone\'s name) cannot be read; give timezone in the mapping, or %z for an offset.'
        ],
        id="a-pattern-with-a-zone-by-name",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Y %H:%M:%S %f'}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: "%d/%m/%Y %H:%M:%S %f": %f is not read alone; write %S%.f for seconds with a fraction.'
        ],
        id="a-pattern-with-a-bare-fraction",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Y %'}"),
        (*CUSTOMER, "Born"),
        ['mappings/x.yaml, line 7, columns > Born > format: "%d/%m/%Y %": a % stands alone at the end.'],
        id="a-pattern-with-a-lone-percent",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Y %I:%M'}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: "%d/%m/%Y %I:%M": %I is an hour of twelve and needs %p (AM, PM).'
        ],
        id="a-pattern-with-twelve-hours-alone",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Y %H:%M %p'}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: "%d/%m/%Y %H:%M %p": %p (AM, PM) goes with %I, not with %H.'
        ],
        id="a-pattern-with-am-and-24-hours",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: '%d/%m/%Y %H'}"),
        (*CUSTOMER, "Born"),
        ['mappings/x.yaml, line 7, columns > Born > format: "%d/%m/%Y %H": an hour needs its minute, %M.'],
        id="a-pattern-without-minutes",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: ''}"),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: empty. Write the pattern of the dates, for instance "%d/%m/%Y".'
        ],
        id="an-empty-pattern",
    ),
    pytest.param(
        customer(columns='Born: {field: dob, format: "decide: %d/%m/%Y or %m/%d/%Y"}'),
        (*CUSTOMER, "Born"),
        [
            'mappings/x.yaml, line 7, columns > Born > format: still open: which pattern the dates have is not decided. Write "%d/%m/%Y" or "%m/%d/%Y" here.'
        ],
        id="a-pattern-left-open",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, format: {a: b}}"),
        (*CUSTOMER, "Born"),
        ["mappings/x.yaml, line 7, columns > Born > format: takes a word or a list of words."],
        id="a-pattern-that-is-a-pair",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, format: '%d/%m/%Y'}"),
        (*CUSTOMER, "Sex"),
        ["mappings/x.yaml, line 7, columns > Sex > format: format is for dates, and gender holds text."],
        id="a-pattern-for-text",
    ),
    pytest.param(
        customer(columns="Born: {field: dob, split: ';'}"),
        (*CUSTOMER, "Born"),
        ["mappings/x.yaml, line 7, columns > Born > split: split is for lists, and dob holds a time."],
        id="split-for-a-date",
    ),
    pytest.param(
        customer(columns="Tags: {field: nickNames, split: ''}"),
        (*CUSTOMER, "Tags"),
        ['mappings/x.yaml, line 7, columns > Tags > split: takes the sign between the items, for instance ";".'],
        id="an-empty-split",
    ),
    pytest.param(
        customer(columns="Sex: {field: gender, decimal: ','}"),
        (*CUSTOMER, "Sex"),
        ["mappings/x.yaml, line 7, columns > Sex > decimal: decimal is for numbers, and gender holds text."],
        id="decimal-for-text",
    ),
    pytest.param(
        customer(columns="P: {field: customFieldDouble01, decimal: ';'}"),
        (*CUSTOMER, "P"),
        ['mappings/x.yaml, line 7, columns > P > decimal: ";" is not one of ",", ".".'],
        id="an-odd-decimal-sign",
    ),
    pytest.param(
        customer(columns="P: {field: customFieldDouble01, grouping: 'decide: ,'}"),
        (*CUSTOMER, "P"),
        [
            'mappings/x.yaml, line 7, columns > P > grouping: still open: the numbers can be read in both ways. Write grouping: "," where 1,250 is 1250, or decimal: "," where it is 1.25.'
        ],
        id="a-sign-left-open",
    ),
    pytest.param(
        customer(columns="P: {field: customFieldDouble01, grouping: 'x'}"),
        (*CUSTOMER, "P"),
        ['mappings/x.yaml, line 7, columns > P > grouping: "x" is not one of ",", ".", " ", "\'", "_", "’".'],
        id="an-odd-grouping-sign",
    ),
    pytest.param(
        customer(columns="P: {field: customFieldDouble01, decimal: ',', grouping: ','}"),
        (*CUSTOMER, "P"),
        [
            "mappings/x.yaml, line 7, columns > P > decimal: the decimal sign and the sign between thousands are the same."
        ],
        id="one-sign-for-both",
    ),
    pytest.param(
        customer(columns="Mail: {field: email, normalise: VN}"),
        (*CUSTOMER, "Mail"),
        ["mappings/x.yaml, line 7, columns > Mail > normalise: normalise is for phone numbers, and email holds text."],
        id="normalise-for-an-email",
    ),
    pytest.param(
        customer(columns="Tel: {field: customField01, normalise: Vietnam}"),
        (*CUSTOMER, "Tel"),
        [
            'mappings/x.yaml, line 7, columns > Tel > normalise: "Vietnam" is not a country of two capital letters, such as VN. Write "VN".'
        ],
        id="normalise-with-a-name",
    ),
    pytest.param(
        customer(columns="Tel: {field: customField01, clean: [trim, uper]}"),
        (*CUSTOMER, "Tel"),
        [
            'mappings/x.yaml, line 7, columns > Tel > clean: "uper" is not one of trim, collapse, lower, upper, title, digits, restore-zero. Did you mean "upper"?'
        ],
        id="an-unknown-cleaning",
    ),
    pytest.param(
        customer(columns="Tel: {field: customField01, empty: 0}"),
        (*CUSTOMER, "Tel"),
        [
            "mappings/x.yaml, line 7, columns > Tel > empty: takes null only; an empty cell is left out of the entry otherwise."
        ],
        id="empty-with-a-word",
    ),
    pytest.param(
        customer(columns="Tel: {field: customField01, extra: 1}"),
        (*CUSTOMER, "Tel"),
        ["mappings/x.yaml, line 7, columns > Tel > extra: takes true."],
        id="extra-with-a-word",
    ),
    pytest.param(
        customer(columns="Tel: {field: gender, type: long}"),
        (*CUSTOMER, "Tel"),
        [
            "mappings/x.yaml, line 7, columns > Tel > type: the type of gender is known; type is for fields that the catalogue does not know."
        ],
        id="a-type-for-a-known-field",
    ),
    pytest.param(
        customer(columns="Tel: {field: newOne, extra: true, type: integer}"),
        (*CUSTOMER, "Tel"),
        [
            'mappings/x.yaml, line 7, columns > Tel > type: "integer" is not one of text, long, double, boolean, timestamp, list, object.'
        ],
        id="an-unknown-type",
    ),
    pytest.param(
        customer("computed: {nickNames: '{Name'}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, computed > nickNames: "{Name": a brace is not closed. Columns stand in {...}; {{ is a brace itself.'
        ],
        id="an-open-brace",
    ),
    pytest.param(
        customer("computed: {address: Ha Noi}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, computed > address: "Ha Noi" names no column; a value without columns stands under constants.'
        ],
        id="a-template-without-columns",
    ),
    pytest.param(
        customer("computed: {address: [a]}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, computed > address: takes text with columns in braces, for instance "{First name} {Last name}".'
        ],
        id="a-template-that-is-a-list",
    ),
    pytest.param(
        customer("computed: {address: '{Street} {Name}'}"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, computed > address > {Street}: the file has no column of this name."],
        id="a-template-with-a-missing-column",
    ),
    pytest.param(
        customer("timezoneGmt: 7"),
        CUSTOMER,
        [
            "mappings/x.yaml, line 7, timezoneGmt: timezone stands in line 2 too. timezone sends true UTC times and no timezoneGmt; timezoneGmt sends the file's clock and lets Pango shift it. With both, times would be shifted twice: keep one of them."
        ],
        id="a-zone-and-an-offset",
    ),
    pytest.param(
        customer().replace("Ho_Chi_Minh", "Ho_Chi_Min"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 2, timezone: "Asia/Ho_Chi_Min" is not a time zone that is known (IANA names, such as Asia/Ho_Chi_Minh). Did you mean "Asia/Ho_Chi_Minh"?'
        ],
        id="a-zone-misspelt",
    ),
    pytest.param(
        customer().replace("Asia/Ho_Chi_Minh", "Vietnam"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 2, timezone: "Vietnam" is not a time zone that is known (IANA names, such as Asia/Ho_Chi_Minh). Did you mean "Asia/Ho_Chi_Minh"?'
        ],
        id="a-zone-by-its-country",
    ),
    pytest.param(
        customer().replace("Asia/Ho_Chi_Minh", "GMT+7"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 2, timezone: "GMT+7" is not a time zone that is known (IANA names, such as Asia/Ho_Chi_Minh). An offset is written as timezoneGmt: 7; timezone takes a place, such as Asia/Ho_Chi_Minh.'
        ],
        id="a-zone-as-an-offset",
    ),
    pytest.param(
        customer("").replace("timezone: Asia/Ho_Chi_Minh", "timezoneGmt: 15"),
        CUSTOMER,
        ['mappings/x.yaml, line 2, timezoneGmt: "15" is not a whole number of hours from -12 to 14 (Viet Nam is 7).'],
        id="an-offset-out-of-range",
    ),
    pytest.param(
        customer("").replace("timezone: Asia/Ho_Chi_Minh", "timezoneGmt: 5.5"),
        CUSTOMER,
        ['mappings/x.yaml, line 2, timezoneGmt: "5.5" is not a whole number of hours from -12 to 14 (Viet Nam is 7).'],
        id="an-offset-with-minutes",
    ),
    pytest.param(
        customer("").replace("timezone: Asia/Ho_Chi_Minh", "timezoneGmt: Asia/Ho_Chi_Minh"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 2, timezoneGmt: "Asia/Ho_Chi_Minh" is not a whole number of hours from -12 to 14 (Viet Nam is 7). Write "timezone: Asia/Ho_Chi_Minh".'
        ],
        id="an-offset-as-a-place",
    ),
    pytest.param(
        "object: user-event\ntimezoneGmt: 7\ncolumns: {a: source, b: sourceId, c: channel, d: eventCtg, e: eventName, f: eventAt}\n",
        ("a", "b", "c", "d", "e", "f"),
        [
            "mappings/x.yaml, line 2, timezoneGmt: user-event has no field timezoneGmt; write timezone (Asia/Ho_Chi_Minh), which sends true UTC times."
        ],
        id="an-offset-where-no-field-is",
    ),
    pytest.param(
        customer("timestamps: instant"),
        CUSTOMER,
        [
            "mappings/x.yaml, line 7, timestamps: timestamps: instant goes with timezoneGmt; with timezone, or without a zone, times are instants anyway."
        ],
        id="instants-without-an-offset",
    ),
    pytest.param(
        customer("timestamps: instants").replace("timezone: Asia/Ho_Chi_Minh", "timezoneGmt: 7"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, timestamps: "instants" is not one of instant. Did you mean "instant"?'],
        id="an-unknown-word-for-timestamps",
    ),
    pytest.param(
        customer(columns="Zone: timezoneGmt"),
        (*CUSTOMER, "Zone"),
        [
            "mappings/x.yaml, line 7, columns > Zone: the column gives the zone row by row, and timezone gives it for all rows; keep one of them."
        ],
        id="a-zone-by-column-and-for-all",
    ),
    pytest.param(
        customer(columns="Zone: {field: timezoneGmt, default: 7}").replace("timezone: Asia/Ho_Chi_Minh\n", ""),
        (*CUSTOMER, "Zone"),
        ["mappings/x.yaml, line 6, columns > Zone: a column of timezoneGmt takes no options: whole hours only."],
        id="a-zone-column-with-options",
    ),
    pytest.param(
        customer(columns="Zone: timezoneGmt\nZone 2: timezoneGmt").replace("timezone: Asia/Ho_Chi_Minh\n", ""),
        (*CUSTOMER, "Zone", "Zone 2"),
        ["mappings/x.yaml, line 7, columns > Zone 2: timezoneGmt comes from another column already (line 6)."],
        id="two-zone-columns",
    ),
    pytest.param(
        "object: sms-interaction\nignoredUpdateCfs: [customField01]\nconstants: {serviceProvider: x, event: sent}\ncolumns: {a: id, b: phoneNumber, c: eventAt, d: customField01}\n",
        ("a", "b", "c", "d"),
        [
            "mappings/x.yaml, line 2, ignoredUpdateCfs: sms-interaction does not support it: its page lacks the tag SUPPORT_IGNORED_UPDATE_CFS, and what Pango then does with the key is not documented. Leave it out."
        ],
        id="ignored-slots-of-an-untagged-type",
    ),
    pytest.param(
        customer("ignoredUpdateCfs: [customFieldTexts.customField01, phone]"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, ignoredUpdateCfs: "customFieldTexts.customField01" is no slot; slots alone can be left as they are. Did you mean "customField01"?',
            'mappings/x.yaml, line 7, ignoredUpdateCfs: "phone" is no slot; slots alone can be left as they are.',
        ],
        id="ignored-slots-that-are-none",
    ),
    pytest.param(
        customer("userEvent: {jeConfigId: a}"),
        CUSTOMER,
        [
            "mappings/x.yaml, line 7, userEvent: jeEventKey is missing: whether Pango takes one of the two alone is not known, so both are sent or neither."
        ],
        id="half-a-user-event",
    ),
    pytest.param(
        customer("userEvent: {jeConfigId: a, jeEventKey: ''}"),
        CUSTOMER,
        [
            "mappings/x.yaml, line 7, userEvent > jeEventKey: takes a word.",
            "mappings/x.yaml, line 7, userEvent: jeEventKey is missing: whether Pango takes one of the two alone is not known, so both are sent or neither.",
        ],
        id="an-empty-user-event",
    ),
    pytest.param(
        customer("userEvent: {jeConfigID: a, jeEventKey: b}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, userEvent > jeConfigID: "jeConfigID" is no key of userEvent. Did you mean "jeConfigId"?',
            "mappings/x.yaml, line 7, userEvent: jeConfigId is missing: whether Pango takes one of the two alone is not known, so both are sent or neither.",
        ],
        id="an-unknown-key-of-a-user-event",
    ),
    pytest.param(
        customer("recordKey: [customerID]"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, recordKey: "customerID" comes from no column, constant or template, so it cannot identify a record. Did you mean "customerId"?'
        ],
        id="a-record-key-that-is-not-mapped",
    ),
    pytest.param(
        customer("onDuplicate: keep_last"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, onDuplicate: "keep_last" is not one of send, keep-first, keep-last, reject. Did you mean "keep-last"?'
        ],
        id="an-unknown-word-for-duplicates",
    ),
    pytest.param(
        "object: product\nonDuplicate: reject\ncolumns: {a: sku}\n",
        ("a",),
        [
            "mappings/x.yaml, line 2, onDuplicate: nothing identifies a record of product; name its fields under recordKey."
        ],
        id="duplicates-of-nothing",
    ),
    pytest.param(
        customer("checks: {emial: warn}"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, checks > emial: "emial" is neither a field nor a check. Did you mean "email"?'],
        id="an-unknown-check",
    ),
    pytest.param(
        customer("checks: {email: warning}"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, checks > email: "warning" is not one of error, warn, off. Did you mean "warn"?'],
        id="an-unknown-severity",
    ),
    pytest.param(
        customer("request: {entries: []}"),
        CUSTOMER,
        [
            'mappings/x.yaml, line 7, request > entries: is written by the program itself; "columns" at the left margin says it.'
        ],
        id="a-request-key-of-the-program",
    ),
    pytest.param(
        customer("request: {a: {b: .inf}}"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, request > a > b: ".inf" is no number that JSON knows.'],
        id="a-request-that-json-cannot-hold",
    ),
    pytest.param(
        customer("containers: {Text: texts}"),
        CUSTOMER,
        [
            "mappings/x.yaml, line 7, containers > Text: customFieldTexts is documented, so it keeps its name; List, Double, Boolean can be renamed."
        ],
        id="a-container-that-is-documented",
    ),
    pytest.param(
        customer("containers: {Doubel: d}"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, containers > Doubel: "Doubel" is no kind of slot. Did you mean "Double"?'],
        id="an-unknown-container",
    ),
    pytest.param(
        customer("source: [CRM]"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, source: takes a word."],
        id="a-source-that-is-a-list",
    ),
    pytest.param(
        customer("nulls: {a: b}"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, nulls: takes a word or a list of words, for instance [a, b]."],
        id="nulls-that-are-pairs",
    ),
    pytest.param(
        customer(columns="Custmer Group: customerGroup"),
        (*CUSTOMER, "Customer Group"),
        [
            'mappings/x.yaml, line 7, columns > Custmer Group: the file has no column of this name. Did you mean "Customer Group"?'
        ],
        id="a-header-that-the-file-lacks",
    ),
    pytest.param(
        customer(columns="Zzz: customerGroup"),
        CUSTOMER,
        ["mappings/x.yaml, line 7, columns > Zzz: the file has no column of this name."],
        id="a-header-like-no-other",
    ),
    pytest.param(
        customer(columns="sex: gender"),
        (*CUSTOMER, "Sex", "SEX"),
        ["mappings/x.yaml, line 7, columns > sex: the file has 2 columns that could be meant: Sex, SEX."],
        id="a-header-that-fits-two",
    ),
    pytest.param(
        "object: customer-identity\ncolumns: {Mobile: phone, Name: fullName}\n",
        ("Customer ID", "Mobile", "Name"),
        ['mappings/x.yaml: customerId is required, and no column becomes it. "Customer ID" looks like customerId.'],
        id="a-required-field-without-a-column",
    ),
    pytest.param(
        "object: customer-identity\ncolumns: {Code: customerId, First: firstName}\n",
        ("Code", "First", "Tel"),
        [
            'mappings/x.yaml: phone or email is required, and no column becomes one of them. "Tel" looks like phone.',
            "mappings/x.yaml: fullName, or firstName and lastName is required, and no column becomes one of them.",
        ],
        id="an-any-of-without-a-column",
    ),
    pytest.param(
        "object: product\n",
        ("a",),
        ["mappings/x.yaml, columns: nothing is mapped, so there is nothing to send."],
        id="nothing-mapped",
    ),
    pytest.param(
        "object: order\ncolumns: {o: orderId, s: orderStatus, c: customerId, n: customerName, e: customerEmail}\nitems: {columns: {k: productSku, p: productName}}\n",
        ("o", "s", "c", "n", "e", "k", "p"),
        [
            "mappings/x.yaml, line 3, items: groupBy is missing: the field that the rows of one entry share, for instance orderId."
        ],
        id="groups-without-what-groups",
    ),
    pytest.param(
        "object: order\ncolumns: {o: orderId, s: orderStatus, c: customerId, n: customerName, e: customerEmail}\nitems: {groupBy: orderId, columns: {k: productSku}}\n",
        ("o", "s", "c", "n", "e", "k"),
        [
            "mappings/x.yaml, line 3, items > columns: productName is required in each item of items, and no column becomes it."
        ],
        id="an-item-without-what-it-needs",
    ),
    pytest.param(
        "object: order\ncolumns: {o: orderId, s: orderStatus, c: customerId, n: customerName, e: customerEmail}\nitems: {groupby: orderId, columns: {k: productSku, p: productName}}\n",
        ("o", "s", "c", "n", "e", "k", "p"),
        [
            'mappings/x.yaml, line 3, items > groupby: "groupby" is no key of items. Did you mean "groupBy"?',
            "mappings/x.yaml, line 3, items: groupBy is missing: the field that the rows of one entry share, for instance orderId.",
        ],
        id="an-unknown-key-of-a-group",
    ),
    pytest.param(
        "object: order\ncolumns: {o: orderId, s: orderStatus, c: customerId, n: customerName, e: customerEmail}\nitems: {groupBy: orderid, columns: {k: productSku, p: productName}}\n",
        ("o", "s", "c", "n", "e", "k", "p"),
        [
            'mappings/x.yaml, line 3, items > groupBy: "orderid" is neither a field that comes from a column nor a column of the file. Did you mean "orderId"?'
        ],
        id="a-group-by-nothing",
    ),
    pytest.param(
        "object: meta-survey\ncolumns: {s: surveyId}\nquestions: {groupBy: surveyId, columns: {q: questionId, l: langDef}}\n",
        ("s", "q", "l"),
        [
            "mappings/x.yaml, line 3, questions: questions of meta-survey is a map from keys to items, and no public page says which keys: rows cannot be grouped into it. Send it as JSON: from a JSONL file, or in one cell."
        ],
        id="a-map-made-of-rows",
    ),
    pytest.param(
        "object: order\ncolumns: {o: orderId, s: orderStatus, c: customerId, n: customerName, e: customerEmail}\nitems: orderId\n",
        ("o", "s", "c", "n", "e"),
        [
            "mappings/x.yaml, line 3, items: takes groupBy and columns.",
            "mappings/x.yaml: items is required, and no column becomes it.",
        ],
        id="a-group-that-is-a-word",
    ),
    pytest.param(
        "object: order\ncolumns: {o: orderId, s: orderStatus, c: customerId, n: customerName, e: customerEmail, i: items}\nitems: {groupBy: orderId, columns: {k: productSku, p: productName}}\n",
        ("o", "s", "c", "n", "e", "i", "k", "p"),
        ["mappings/x.yaml, line 3, items: items comes from columns > i already (line 2)."],
        id="items-from-a-column-and-from-rows",
    ),
    pytest.param(
        customer("headers: [Code, Mobile, Full name]"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, headers: the file lacks the column "Full name"; it was probably renamed to "Name".'],
        id="a-renamed-column",
    ),
    pytest.param(
        customer("headers: [Code, Name, Mobile]"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, headers: the columns stand in another order: "Mobile" where "Name" stood.'],
        id="a-column-that-moved",
    ),
    pytest.param(
        customer("headers: [Code, Mobile, Name, Zzz]"),
        CUSTOMER,
        ['mappings/x.yaml, line 7, headers: the file lacks the column "Zzz".'],
        id="a-column-that-went",
    ),
    pytest.param(
        "object: customer-identity\ncolumns: {a: b\nnulls: []\n",
        CUSTOMER,
        [
            "mappings/x.yaml, line 3: this is not YAML: a bracket is not closed, or a comma is missing. It opens in line 2."
        ],
        id="broken-yaml",
    ),
    pytest.param(
        "object: customer-identity\ncolumns:\n\tCode: customerId\n",
        CUSTOMER,
        ["mappings/x.yaml, line 3: this is not YAML: a tab stands where YAML wants spaces; indent with spaces."],
        id="a-tab",
    ),
    pytest.param(
        "object: customer-identity\ncolumns:\n  B: {field: dob, format: %d/%m/%Y}\n",
        CUSTOMER,
        ["mappings/x.yaml, line 3: this is not YAML: text that begins with % stands in quotes."],
        id="a-percent-without-quotes",
    ),
    pytest.param(
        "object: customer-identity\ncomputed: {fullName: {First name} x}\n",
        CUSTOMER,
        ["mappings/x.yaml, line 2: this is not YAML: a bracket is not closed, or a comma is missing."],
        id="a-brace-without-quotes",
    ),
    pytest.param(
        "object: customer-identity\ncolumns:\n  Code: customerId: x\n",
        CUSTOMER,
        [
            "mappings/x.yaml, line 3: this is not YAML: there is a second colon, or the line stands too far in; quote text with a colon."
        ],
        id="a-second-colon",
    ),
    pytest.param(
        'object: customer-identity\nsource: "CRM\ncolumns: {}\n',
        CUSTOMER,
        ["mappings/x.yaml, line 4: this is not YAML: a quote is not closed. It opens in line 2."],
        id="an-open-quote",
    ),
    pytest.param(
        "object: customer-identity\ncolumns: {a: *x}\n",
        CUSTOMER,
        ["mappings/x.yaml, line 2: this is not YAML: *x is used, and no &x stands above it."],
        id="an-unknown-anchor",
    ),
    pytest.param(
        "object: customer-identity\nrequest: &r {a: *r}\n",
        CUSTOMER,
        ["mappings/x.yaml, line 2: an anchor that holds itself."],
        id="an-anchor-that-holds-itself",
    ),
    pytest.param(
        "object: !type customer-identity\n",
        CUSTOMER,
        ["mappings/x.yaml, line 1: the tag !type means nothing in a mapping; leave it out."],
        id="a-tag",
    ),
    pytest.param(
        "object: customer-identity\n---\nobject: order\n",
        CUSTOMER,
        ["mappings/x.yaml, line 2: this is not YAML: a second document begins here (---); a mapping is one document."],
        id="two-documents",
    ),
    pytest.param(
        "object: customer-identity\n? [a]\n: b\n",
        CUSTOMER,
        ["mappings/x.yaml, line 2: a key must be a word; quote a key that holds braces or brackets."],
        id="a-key-that-is-a-list",
    ),
    pytest.param(
        "object: custmer-identity\n",
        CUSTOMER,
        [
            'mappings/x.yaml, line 1, object: "custmer-identity" is not an object type that Pango is known to accept. Did you mean "customer-identity"?'
        ],
        id="an-unknown-object",
    ),
    pytest.param(
        "columns: {}\n",
        CUSTOMER,
        ["mappings/x.yaml, object: the mapping names no object type, and neither does --object."],
        id="no-object",
    ),
]


@pytest.mark.parametrize(("text", "headers", "told"), _CASES)
def test_a_mistake_is_told_with_its_line_its_key_and_a_way_out(
    text: str, headers: tuple[str, ...], told: list[str], tmp_path: Path
) -> None:
    """Protects the person who writes a mapping by hand: what is pinned here is what they read."""
    assert mistakes_of(text, tmp_path, headers) == told
