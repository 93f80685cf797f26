"""What a person wants to know of a problem beside its sentence: why it is one, how it comes about, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A cell that has the problem, in a mapping of one column; a test puts it through the program.

    Attributes:
        field: of customer-identity, or a slot.
        cell: as it stands in the file.
        options: of the column in the mapping, as YAML.
        places: what the sentence needs beside field and cell.
    """

    field: str
    cell: str
    options: str = ""
    places: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemNote:
    """The part of a problem's page that is written by hand.

    Attributes:
        why: why the program minds, and what usually lies behind it.
        mend: what to do, the likeliest first.
        example: a cell that has it.
    """

    why: str
    mend: tuple[str, ...]
    example: Example | None = None


NOTES = {
    "required.missing": ProblemNote(
        why=(
            "Pango's documents call this field required for the object type, and an empty key is left out of "
            "what is sent. Usually the cell is empty in the source; sometimes the column holds a word that "
            "the mapping's `nulls` list as nothing, or the mapping names the wrong column."
        ),
        mend=(
            "Fill the cell in.",
            (
                "Whole column empty? `pango-load preview FILE --object TYPE --row N` shows which column the "
                "field comes from."
            ),
            (
                "The same for every row: `constants: {customerGroup: Retail}` in the mapping, or `default` on"
                " the column."
            ),
        ),
    ),
    "required.any-of": ProblemNote(
        why=(
            "Of these fields one must be there: a customer needs a phone or an e-mail address, for instance, "
            "and a name either whole or as first and last name."
        ),
        mend=(
            "Fill one of them in.",
            (
                "If the file has such a column and it is not sent, give it a line in the mapping: `check` "
                "names the columns that are not sent."
            ),
        ),
    ),
    "required.all-of": ProblemNote(
        why="These fields only make sense together, and one of them is empty.",
        mend=("Fill in the one that is missing, or empty the others.",),
    ),
    "number.whole": ProblemNote(
        why=(
            "The field holds whole numbers, and the cell holds something else: separators between thousands, "
            "decimals, a unit, or words."
        ),
        mend=(
            (
                "Separators between thousands: `grouping` on the column in the mapping, for instance `{field:"
                ' customFieldLong01, grouping: "."}`.'
            ),
            (
                "Decimals in a whole-number slot: use a `customFieldDouble` slot if the model has one, or "
                "round in the source."
            ),
            "Otherwise mend the cell: digits, with a minus if need be.",
        ),
        example=Example(field="customFieldLong01", cell="1.250 điểm"),
    ),
    "number.decimal": ProblemNote(
        why=(
            "The field holds numbers, and the cell cannot be read as one. `85,000` is 85 to some and 85000 to"
            " others, so nothing is guessed."
        ),
        mend=(
            'Say which signs the file uses: `decimal: ","` and `grouping: "."` on the column in the mapping.',
            "Currency signs and units: take them out in the source.",
        ),
        example=Example(field="customFieldDouble01", cell="85,000"),
    ),
    "boolean.word": ProblemNote(
        why=(
            "The field is true or false. Read as such are true, false, yes, no, y, n, 1 and 0, whatever their capitals."
        ),
        mend=(
            (
                'Translate the file\'s words: `{field: customFieldBoolean01, values: {Có: "true", Không: '
                '"false"}}` in the mapping.'
            ),
        ),
        example=Example(field="customFieldBoolean01", cell="Có"),
    ),
    "date.format": ProblemNote(
        why=(
            "The cell is no date in the form that the mapping gives, or no day of the calendar (31 February)."
            " Without `format` only ISO 8601, epoch milliseconds and real Excel dates are read, since 03/04 "
            "could be two days."
        ),
        mend=(
            ('Every row? Give the column\'s pattern: `{field: dob, format: "%d/%m/%Y"}`. `pango-load map` proves one.'),
            'Some rows? Several patterns are tried in order: `format: ["%d/%m/%Y", "%d/%m/%Y %H:%M"]`.',
            "A single row: mend the cell.",
            'Words such as "unknown" in a date column: list them under `nulls`.',
        ),
        example=Example(
            field="dob", cell="31/02/1990", options='format: "%d/%m/%Y"', places=(("expected", "a date in %d/%m/%Y"),)
        ),
    ),
    "date.range": ProblemNote(
        why=(
            "Dates of business data lie between 1900 and 2099. What falls outside is nearly always a slip: a "
            "year of two digits, seconds read as milliseconds, an Excel serial number, or 9999 for never."
        ),
        mend=(
            "Seconds since 1970: `format: epoch-s` on the column.",
            "9999-12-31 and the like mean nothing: list them under `nulls`.",
            "If such dates are meant, `checks: {date.range: warn}` sends them.",
        ),
        example=Example(field="dob", cell="9999-12-31"),
    ),
    "date.gap": ProblemNote(
        why=(
            "In zones with daylight saving an hour is skipped once a year. A wall-clock time within it never "
            "was, so there is no instant to send."
        ),
        mend=(
            "Write the time with its offset.",
            "If the times are UTC already, say `timezone: UTC` in the mapping.",
        ),
    ),
    "date.old-clock": ProblemNote(
        why=(
            "A zone has a past. Until June 1975 the clocks of Ho Chi Minh City stood at times at GMT+8; "
            "midnight of a birthday in 1974 is 16:00 UTC of the day before, and a screen that shows today's 7"
            " hours shows 23:00 of the day before. The row is sent; this is a warning only. The platform's "
            "own way of showing dates is not established."
        ),
        mend=(
            (
                "Try one such row in the console (`pango-load preview FILE --object TYPE --row N` shows its "
                "instant). If the day is right, nothing needs doing; `checks: {date.old-clock: off}` silences"
                " the warning."
            ),
            (
                "If it shows the day before, write `timezone: Etc/GMT-7` in the mapping (the sign is meant "
                "so): every date is then read by today's clock."
            ),
        ),
    ),
    "date.zone": ProblemNote(
        why=(
            "The mapping takes `timezoneGmt` from a column, row by row, and this row has none. A time without"
            " a zone is no instant; nothing is silently taken for GMT."
        ),
        mend=(
            "Fill the column in.",
            "Write the time with its offset (`2024-12-31T08:00:00+07:00`).",
        ),
    ),
    "zone.range": ProblemNote(
        why="`timezoneGmt` is a whole number of hours ahead of GMT. Half-hour zones cannot be said with it.",
        mend=(
            "Viet Nam is `7`.",
            (
                "For a zone of half an hour use `timezone: Asia/Kolkata` in the mapping instead, which sends "
                "true UTC times."
            ),
        ),
        example=Example(field="timezoneGmt", cell="GMT+7"),
    ),
    "word.closed": ProblemNote(
        why="Pango's documents print a closed list of words for this field. Capitals do not matter; other words do.",
        mend=(
            "Translate the file's words in the mapping: `{field: gender, values: {Nam: male, Nữ: female}}`.",
            "Words for nothing: `default: undefined` on the column sends that instead.",
            "A slip: mend the cell.",
            "If your platform takes more words than the documents print: `checks: {word.closed: warn}`.",
        ),
        example=Example(field="gender", cell="Khác", places=(("words", "male, female, undefined"),)),
    ),
    "word.open": ProblemNote(
        why=(
            "The documents print words for this field and leave open whether there are others. The row is "
            "sent as it is; this is a warning only."
        ),
        mend=(
            "Nothing, if the word is meant.",
            "Otherwise translate it with `values` in the mapping.",
        ),
    ),
    "word.unmapped": ProblemNote(
        why=(
            "The mapping translates the words of this column, and this one is not among them. It is sent as "
            "it stands; this is a warning only."
        ),
        mend=("Add it to `values`, or give a `default`.",),
    ),
    "email.shape": ProblemNote(
        why=(
            "The cell has not the shape of an e-mail address: one @, a domain with a dot, no spaces or "
            "commas. Whether the mailbox exists is not asked."
        ),
        mend=(
            "Mend the cell, or empty it where the row has a phone.",
            'Words such as "không có": list them under `nulls`.',
            "Several addresses in one cell: keep one, the others go to `customer-identity-email`.",
            "To send it as it is: `checks: {email: warn}`.",
        ),
        example=Example(field="email", cell="tung.do@example"),
    ),
    "phone.length": ProblemNote(
        why="A phone number has 6 to 15 digits. Fewer are a fragment, more are usually two numbers in one cell.",
        mend=(
            "Two numbers: keep one, or split them into two columns.",
            "A number like 9,01E+08: see [damage](damage.md), digits are lost.",
            "To send it as it is: `checks: {phone: warn}`.",
        ),
        example=Example(field="phone", cell="0901000101 / 0902000202", places=(("digits", "20"),)),
    ),
    "phone.characters": ProblemNote(
        why=(
            "The number holds letters or signs that phone numbers do not have. The row is sent; this is a warning only."
        ),
        mend=(
            "`clean: digits` on the column keeps the digits alone.",
            "Mend the cell.",
        ),
    ),
    "phone.unreadable": ProblemNote(
        why=(
            "`normalise` asks for one form of all numbers, and this one is no number of that country. It is "
            "sent as it stands; this is a warning only."
        ),
        mend=(
            "Mend the cell.",
            "A nine-digit number has lost its zero: `clean: restore-zero` on the column.",
        ),
    ),
    "list.bracket": ProblemNote(
        why="The cell begins with `[` and is no JSON list, so that it travels as one item. This is a warning only.",
        mend=(
            'Write a JSON list (`["a", "b"]`), or take the brackets out.',
            'Another separator: `{field: nickNames, split: ";"}`.',
        ),
    ),
    "object.json": ProblemNote(
        why="The field holds a nested value, and the cell is no JSON that fits it.",
        mend=(
            "Nested values come from JSONL files as they are, and from adjacent rows by `groupBy` in the mapping.",
            "In CSV the cell must hold JSON.",
        ),
    ),
    "object.items": ProblemNote(
        why=(
            "An entry has a list of items (an order's lines), and one of them breaks a rule of its own "
            "fields. The message says which."
        ),
        mend=("Mend that item; the whole entry waits for it, since an order without one of its lines would be wrong.",),
    ),
    "key.repeated": ProblemNote(
        why=(
            "Two rows have the same record key, and the mapping says `onDuplicate: reject`. With `send`, the "
            "default, both go, in the file's order and never in one request."
        ),
        mend=(
            "Keep one of the rows, and load it.",
            "`onDuplicate: keep-first` or `keep-last` in the mapping chooses for you.",
        ),
    ),
    "group.differs": ProblemNote(
        why=(
            "The rows of a group become one entry (`groupBy`), and this row says something else about it than the "
            "group's first row. Sending either of the two would be a guess, so the whole group waits."
        ),
        mend=(
            "Write the same in every row of the group, or leave the cell empty below the first one.",
            "Does the column belong to the items? Then name it under `items: {columns: ...}` in the mapping.",
            "`checks: {group.differs: warn}` in the mapping sends what the first row says.",
        ),
    ),
    "group.no-key": ProblemNote(
        why=(
            "The cell by which rows are grouped is empty, so nobody knows which entry the row is an item of. The "
            "groups right before and after it wait too: it may belong to either."
        ),
        mend=(
            "Fill the cell in, in every row: merged cells of a spreadsheet leave all but the first empty.",
            "A row of totals at the end is best deleted.",
        ),
    ),
    "group.incomplete": ProblemNote(
        why=(
            "The rows of a group become one entry, and one of them is rejected, or a row beside them cannot be placed. "
            "An entry is never sent with an item missing, so this row waits for that one, though nothing is wrong with "
            "it."
        ),
        mend=("Mend the row that the sentence names: `rejected.*` holds the whole group, and loads again.",),
    ),
    "source.too-few-cells": ProblemNote(
        why=(
            "The record has fewer cells than the header. Usually a line break inside a cell that is not "
            "quoted cut it in two. The record is never filled up by guessing: text in the wrong column could "
            "be sent."
        ),
        mend=(
            "Look at the record in `damaged.txt`, and at the one after it.",
            "Cells with line breaks must stand in quotes: export again.",
            "Many records? The separator may be another: `--delimiter`.",
        ),
    ),
    "source.too-many-cells": ProblemNote(
        why=(
            "The record has more cells than the header: a cell holds the separator (often a comma in an "
            "address) and does not stand in quotes."
        ),
        mend=(
            "Put quotes around that cell, or export again with quotes.",
            "Many records? The separator may be another: `--delimiter`.",
        ),
    ),
    "source.bad-quote": ProblemNote(
        why=(
            "A quote was opened and not closed, or text follows a closing quote. Such a quote can swallow the"
            " records after it; where it ends is found out by the shape of the file, and only the record in "
            "question is turned down."
        ),
        mend=(
            "Write a quote inside a quoted cell twice.",
            "Mend the record from `damaged.txt`.",
        ),
    ),
    "source.bad-encoding": ProblemNote(
        why=(
            "The record holds bytes that are no letters in the file's encoding: two files in different "
            "encodings were put together, or the encoding was taken for another."
        ),
        mend=(
            "Save the file as UTF-8.",
            "Name its encoding: `--encoding windows-1258`.",
        ),
    ),
    "source.bad-json": ProblemNote(
        why="In a JSONL file each line is one JSON object. This line is cut off, holds two, or is something else.",
        mend=(
            "Mend the line from `damaged.txt`.",
            "A file that is one large list is read too, if it is named .json.",
        ),
    ),
    "source.error-cell": ProblemNote(
        why="A cell of the workbook holds an Excel error (#N/A, #REF!). What belongs there is not known.",
        mend=("Mend the formula, or paste values over it.",),
    ),
    "source.no-value": ProblemNote(
        why="A workbook written by a program can hold formulas that nobody has calculated yet.",
        mend=("Open it in Excel or LibreOffice, let it calculate, save it.",),
    ),
    "platform.refused": ProblemNote(
        why=(
            "Every check here let the row through, and Pango said no. A refused request is narrowed down "
            "until the guilty row stands alone; the other rows of its request are accepted. Where Pango gives"
            " a code of its own, that code stands in `_pango_code`."
        ),
        mend=(
            (
                "The message is in Pango's own words. The console shows the model's fields and which are "
                "required there: an organisation can demand more than the public documents."
            ),
            "Every row refused alike stops the load (exit 7): the object type, the model or a field is wrong.",
        ),
    ),
}
"""By code; a test holds that there is one for every problem, and none too many."""


DAMAGE = {
    "damage.scientific": (
        "Excel showed a long number as 1.23E+11 and exported what it showed. The digits are gone from this "
        "file. Format the column as text in Excel and export again."
    ),
    "damage.mojibake": (
        "Letters like `á»…` or `Ã¡` are UTF-8 that was once read as another encoding and saved. Export again "
        "as CSV UTF-8; if the file itself is sound, `--encoding` names the right one."
    ),
    "damage.replaced": "`?` inside words: letters were lost in an export. They cannot be restored from this file.",
    "damage.error-text": (
        "#N/A and its like as text. Mend the formulas, or list the word under `nulls` if it means nothing."
    ),
    "damage.test-row": "A row that looks like somebody's trial. Take it out if it is no customer.",
    "damage.empty-column": "A column without a single value. Check the export if it should hold something.",
    "damage.cut": "Several cells are exactly 255 (or 32,767) characters long: something on the way cut them off.",
    "damage.lost-zero": (
        "Phone numbers of nine digits: a spreadsheet took the zero in front for a number's. Give it back with"
        " `{field: phone, clean: restore-zero}` in the mapping. Or ids of fewer digits than the others of their "
        "column, which begin with a zero: export the column as text. A workbook's number format like 00000 is read "
        "with the zeros that it shows."
    ),
    "damage.serial-date": (
        "Numbers like 45352 where dates belong are Excel's own count of days. Load the .xlsx itself, or "
        "format the column as a date and export again."
    ),
    "damage.rounded": (
        "Numbers of more than 15 digits in a workbook, or long ones that end in zeros in a text: Excel keeps 15 "
        "digits. Format the column as text and enter the ids again, or export it as text from where they come."
    ),
    "damage.swapped": (
        "E-mail addresses under a phone, or phones under an e-mail address. Check the order of the columns."
    ),
    "damage.same-key": (
        "Rows with the record key of an earlier row: all are sent, in the file's order and never in one batch. "
        "`onDuplicate` in the mapping sends one of each, or turns them down."
    ),
}
"""What whole columns suffered before the file came here: a warning each, no row is turned down for it."""
