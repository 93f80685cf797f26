"""`map` gives a mapping that loads, and never writes over one."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from inline_snapshot import snapshot
from support.cli_more import in_this_process, on_a_terminal, without_styles
from support.mapping_exports import HOSTILE_HEADERS
from support.program import REPOSITORY, pango_load

from pango_load.mapping.read import read_mapping

if TYPE_CHECKING:
    from pathlib import Path

EXPORT = """\
Mã KH,Họ tên,SĐT,Ngày sinh,Ghi chú
KH001,Nguyễn Thị Minh,0901000101,31/12/1990,vip
KH002,Trần Quốc Bảo,0901000102,01/02/1988,
KH003,Lê Hoàng,0901000103,15/07/1999,gọi sau 17h
"""
AMBIGUOUS = "Mã KH,Họ tên,SĐT,Ngày sinh\nKH001,An,0901000101,01/02/1990\nKH002,Ba,0901000102,03/04/1988\n"
WORDS = ("--object", "customer-identity")


def test_an_unknown_export_is_mapped_checked_and_loaded_by_the_commands_that_are_named(tmp_path: Path) -> None:
    """Protects the first hour: following what `map` says leads from a file to accepted rows."""
    (tmp_path / "a.csv").write_text(EXPORT, encoding="utf-8")
    made = pango_load("map", "a.csv", *WORDS, "-o", "mappings/customer-identity.yaml", folder=tmp_path)
    assert (made.code, made.out) == (0, "")
    assert made.err == snapshot("""\
mappings/customer-identity.yaml is written: 4 of 5 columns sent as customer-identity.

Look through it, then:
  pango-load check a.csv --object customer-identity --mapping mappings/customer-identity.yaml
For an editor that completes and checks it:
  pango-load map --schema -o mappings/mapping.schema.json
""")
    assert pango_load("check", "a.csv", *WORDS, "--json", folder=tmp_path).counts["unsent"] == 3
    loaded = pango_load("a.csv", *WORDS, "--sandbox", "--json", folder=tmp_path)
    assert (loaded.code, loaded.counts["accepted"]) == (0, 3)


def test_odd_headers_and_many_of_them_are_mapped_checked_and_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the export that nobody would believe: what map writes loads as it is, every column named."""
    odd = [header for header in HOSTILE_HEADERS if header == header.strip() and not header.startswith("^")]
    headers = ["Mã KH", "Họ tên", "SĐT", *odd, *(f"Cột {number}" for number in range(197 - len(odd)))]
    file, mapping = tmp_path / "a.csv", tmp_path / "m.yaml"
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = [[f"K{row}", "An", f"090100010{row}", *(f"v{row}" for _ in headers[3:])] for row in range(3)]
        csv.writer(out).writerows([headers, *rows])

    made = in_this_process("map", str(file), *WORDS, "-o", str(mapping), "--slots", capsys=capsys)
    words = ("check", str(file), "--mapping", str(mapping), "--strict", "--json", "--out", str(tmp_path / "run"))
    checked = in_this_process(*words, capsys=capsys)

    assert made.code == 0, made.err
    assert (checked.code, checked.counts["unsent"]) == (0, 3), checked.err
    assert "Warning" not in checked.err


def test_a_header_that_a_terminal_would_obey_is_spelled_out_in_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the screen of whoever is sent a file."""
    file = tmp_path / "a.csv"
    file.write_text("Mã KH,Số thẻ\x1b[2J\nK1,An\n", encoding="utf-8")
    ended = in_this_process("check", str(file), "--object", "customer-membership", capsys=capsys)
    mapped = in_this_process("map", str(file), "--object", "customer-membership", capsys=capsys)
    assert ended.code == 2
    assert "\x1b" not in ended.err + mapped.err + mapped.out


def test_standard_output_holds_the_mapping_alone(tmp_path: Path) -> None:
    """Protects `pango-load map a.csv --object TYPE > m.yaml`: it loads as it is."""
    (tmp_path / "a.csv").write_text(EXPORT, encoding="utf-8")
    made = pango_load("map", "a.csv", *WORDS, folder=tmp_path)
    assert made.code == 0
    (tmp_path / "m.yaml").write_text(made.out, encoding="utf-8")
    assert pango_load("check", "a.csv", "--mapping", "m.yaml", "--json", folder=tmp_path).counts["unsent"] == 3
    assert "0901000101" not in made.out + made.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.csv", "m.yaml"]


def test_on_a_screen_comments_stand_above_their_lines_and_nothing_is_broken(tmp_path: Path) -> None:
    """Protects the first look: a screen of 80 columns can be read from top to bottom, and copied."""
    shutil.copy(REPOSITORY / "sample_data" / "customers.csv", tmp_path)
    code, shown = on_a_terminal("map", "customers.csv", *WORDS, folder=tmp_path, columns=80)
    piped = pango_load("map", "customers.csv", *WORDS, folder=tmp_path)
    text, _, steps = without_styles(shown).partition("\nProposed: ")
    assert code == 0
    assert steps
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "\n  # 95%: a known word for it; e.g. 0•••••••\n  Customer Code: customerId\n" in text
    for name, content in (("seen", text), ("piped", piped.out)):
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    seen, kept = (read_mapping(tmp_path / f"{name}.yaml") for name in ("seen", "piped"))
    assert [entry.rule.target for entry in seen.entries] == [entry.rule.target for entry in kept.entries]
    assert (seen.headers, seen.mentioned, seen.mistakes) == (kept.headers, kept.mentioned, ())


def test_what_has_to_be_decided_is_said_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a guess between day and month: it stands where a person looks."""
    (tmp_path / "a.csv").write_text(AMBIGUOUS, encoding="utf-8")
    ended = in_this_process("map", str(tmp_path / "a.csv"), *WORDS, capsys=capsys)
    assert ended.code == 0
    assert 'To decide: "Ngày sinh" can be read in more than one way: keep one of the readings on its line.' in " ".join(
        ended.err.split()
    )


def test_dates_that_nobody_has_decided_about_are_never_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects birthdays: what map leaves open stops check and load alike, and both readings are offered."""
    file, mapping = tmp_path / "a.csv", tmp_path / "m.yaml"
    file.write_text(AMBIGUOUS, encoding="utf-8")
    in_this_process("map", str(file), *WORDS, "-o", str(mapping), capsys=capsys)
    for words in (("check",), ("load", "--sandbox"), ("preview",)):
        ended = in_this_process(*words, str(file), "--mapping", str(mapping), capsys=capsys)
        assert (ended.code, ended.out) == (2, "")
        assert 'Write "%d/%m/%Y" or "%m/%d/%Y" here.' in ended.err
    for reading, first in (("%d/%m/%Y", "1 February"), ("%m/%d/%Y", "2 January")):
        text = mapping.read_text(encoding="utf-8").replace("decide: %d/%m/%Y or %m/%d/%Y", reading)
        (tmp_path / "decided.yaml").write_text(text, encoding="utf-8")
        decided = str(tmp_path / "decided.yaml")
        ended = in_this_process("preview", str(file), "--mapping", decided, "--row", "2", capsys=capsys)
        assert f"{first} 1990 in Asia/Ho_Chi_Minh" in " ".join(ended.out.split()), ended.out


def test_a_field_without_a_column_is_said_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a mapping that is written and cannot load."""
    (tmp_path / "a.csv").write_text("SĐT\n0901000101\n", encoding="utf-8")
    ended = in_this_process("map", str(tmp_path / "a.csv"), *WORDS, capsys=capsys)
    assert ended.code == 0
    assert "Lacking: " in ended.err
    assert "needs no column: `constants: {field: value}`." in ended.err


def test_a_mapping_is_never_written_over_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects an hour of somebody's work."""
    (tmp_path / "a.csv").write_text(EXPORT, encoding="utf-8")
    mine = tmp_path / "m.yaml"
    mine.write_text("mine", encoding="utf-8")
    words = ("map", str(tmp_path / "a.csv"), *WORDS, "-o", str(mine))
    ended = in_this_process(*words, capsys=capsys)
    assert (ended.code, mine.read_text(encoding="utf-8")) == (2, "mine")
    assert ended.err == f"Error: {mine} is there already.\nTry:   Name another file with -o, or add --force.\n"
    assert in_this_process(*words, "--force", capsys=capsys).code == 0
    assert "customerId" in mine.read_text(encoding="utf-8")


def test_a_key_that_turns_up_late_in_jsonl_is_mapped_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a column that is left out in silence because the first records lack it."""
    records = [{"customerId": str(n), "fullName": "An", "phone": f"09{n:08d}"} for n in range(300)]
    records[299]["email"] = "an@example.vn"
    text = "".join(json.dumps(record) + "\n" for record in records)
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    ended = in_this_process("map", str(tmp_path / "a.jsonl"), *WORDS, capsys=capsys)
    assert "email: email" in ended.out


def test_the_schema_is_the_published_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects editors from a schema that lags behind."""
    published = (REPOSITORY / "mappings" / "mapping.schema.json").read_text(encoding="utf-8")
    assert in_this_process("map", "--schema", capsys=capsys).out == published
    path = tmp_path / "mapping.schema.json"
    assert in_this_process("map", "--schema", "-o", str(path), capsys=capsys).code == 0
    assert path.read_text(encoding="utf-8") == published


MISTAKES = [
    pytest.param(WORDS, "map needs a file.", id="no file"),
    pytest.param(("{file}",), "map needs --object: what the rows should become.", id="no type"),
    pytest.param(("{file}", "--object", "customer-identiy"), '"customer-identiy" is not an object type', id="type"),
    pytest.param(("{file}x", *WORDS), "does not exist.", id="missing file"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_a_mistake_is_two_lines(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects a newcomer from a traceback."""
    shutil.copy(REPOSITORY / "sample_data" / "customers.csv", tmp_path)
    given = [word.format(file=tmp_path / "customers.csv") for word in words]
    ended = in_this_process("map", *given, capsys=capsys)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err.splitlines()[0]
    assert ended.err.splitlines()[1].startswith("Try:   ")
