"""What `preview` shows is what a load sends."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as some
from inline_snapshot import snapshot
from support.cli_more import in_this_process, on_a_terminal, plan_for, without_styles
from support.program import MAIN_JOB, command, customer, environment, pango_load, write_csv, write_customers

from pango_load.cli.curl import curl_command
from pango_load.cli.preview_command import pretty_json, safe_json
from pango_load.delivery.profile import APP_CONNECT
from pango_load.errors import UsageError
from pango_load.one_row import RowExplained, Step, explain_row
from pango_load.preview import preview
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE = ("--timezone", "Asia/Ho_Chi_Minh")
MAPPING = """\
object: customer-identity
source: CRM
timezone: Asia/Ho_Chi_Minh
columns:
  Ma KH: customerId
  Ho ten: {field: fullName, clean: [collapse]}
  Di dong: phone
  Sex: {field: gender, values: {Nam: male}}
  Ngay sinh: {field: dob, format: "%d/%m/%Y"}
  Ghi chu: null
constants: {country: Viet Nam}
nulls: ["-"]
"""
HEADER = "Ma KH,Ho ten,Di dong,Sex,Ngay sinh,Ghi chu,Moi\n"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(windows=())) as running:
        yield running


def step_of(explained: RowExplained, key: str) -> Step:
    return next(step for step in explained.steps if step.key == key)


# --- the request ------------------------------------------------------------------------------------------------------


def test_the_previewed_bytes_are_the_ones_that_are_sent(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever decides by the preview: not one byte differs from what leaves."""
    write_customers(tmp_path / "a.csv", 20)
    words = ("a.csv", *MAIN_JOB, *ZONE, "--source", "POS")
    shown = subprocess.run(
        command("preview", *words, "--json", "-n", "50"),
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, check=True,
    )  # fmt: skip
    assert pango_load(*words, folder=tmp_path, sandbox=sandbox).code == 0
    assert [request.body for request in sandbox.received] == [shown.stdout]


def test_a_preview_leaves_nothing_behind_and_needs_no_keys(tmp_path: Path) -> None:
    """Protects whoever only looks: no folder, no journal, no credentials."""
    write_customers(tmp_path / "a.csv", 5)
    shown = pango_load("preview", "a.csv", *MAIN_JOB, *ZONE, folder=tmp_path)
    assert shown.code == 0
    assert len(cast("dict[str, list[object]]", json.loads(shown.out))["entries"]) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


def test_rejected_rows_on_the_way_are_said_and_not_in_the_request(tmp_path: Path) -> None:
    """Protects from thinking that row 3 was forgotten."""
    rows = [customer(1), customer(2, email="tung.do@example"), customer(3), customer(4)]
    write_csv(tmp_path / "a.csv", rows)
    shown = pango_load("preview", "a.csv", *MAIN_JOB, *ZONE, "-n", "2", folder=tmp_path)
    assert [entry["customerId"] for entry in shown.summary["entries"]] == ["0000001", "0000003"]  # type: ignore[attr-defined] # JSON
    assert shown.err == snapshot("""\
a.csv as customer-identity, by the headers: 7 of 7 columns are field names.
The request for rows 2 and 4:

1 row on the way is rejected, and not in the request:
  Row 3
    email: "tung.do@example" is not an e-mail address.
    Mend or empty the cell; checks: {email: warn} in the mapping sends it as it is.
""")


def test_a_file_of_rejected_rows_only_is_exit_3_and_no_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects scripts that pipe the request on: nothing comes where nothing would be sent."""
    write_csv(tmp_path / "a.csv", [customer(number, phone="", email="") for number in range(5)])
    shown = in_this_process("preview", str(tmp_path / "a.csv"), *MAIN_JOB, *ZONE, "--json", capsys=capsys)
    assert (shown.code, shown.out) == (3, "")
    said = " ".join(shown.err.split())
    assert said.startswith(f"No row of {tmp_path}/a.csv would be sent: all 5 rows are rejected.")
    assert said.endswith("and 2 further rows")


def test_rows_with_one_key_and_rows_that_delete_are_pointed_out(tmp_path: Path) -> None:
    """Protects from a preview that a load would not send in this one request, or not without a further flag."""
    plan = plan_for(
        tmp_path / "a.csv",
        "customerId,fullName,phone,recordStatus\n1,An,0912345678,\n1,An,0912345679,\n2,Ba,0912345670,deleted\n",
        object_type="customer-identity",
    )
    found = preview(plan)
    assert (found.rows, found.repeated, found.deletes, found.is_all) == ((2, 3, 4), (3,), (4,), False)


def test_a_wall_clock_without_a_zone_stops_as_it_stops_a_load(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects from an hour shown that nobody meant."""
    write_customers(tmp_path / "a.csv", 5)
    shown = pango_load("preview", "a.csv", *MAIN_JOB, folder=tmp_path)
    loaded = pango_load("load", "a.csv", *MAIN_JOB, folder=tmp_path, sandbox=sandbox)
    assert shown.code == loaded.code == 2
    assert shown.out == ""
    assert [line for line in loaded.err.splitlines() if line in shown.err.splitlines()] == shown.err.splitlines()
    assert "--timezone Asia/Ho_Chi_Minh" in shown.err


def test_a_terminal_gets_colours_and_unbroken_json(tmp_path: Path) -> None:
    """Protects whoever copies the JSON from a narrow terminal."""
    write_csv(tmp_path / "a.csv", [customer(1, fullName="An " * 60)])
    code, shown = on_a_terminal("preview", "a.csv", *MAIN_JOB, *ZONE, folder=tmp_path, columns=80)
    plain = without_styles(shown)
    assert code == 0
    assert shown != plain
    start = plain.index("{\n")
    assert json.loads(plain[start : plain.index("\n}\n") + 3])["entries"][0]["fullName"] == ("An " * 60).strip()
    assert plain.rstrip().endswith("One row step by step: add --row 2 to this command.")


def test_standard_input_is_previewed_and_not_kept(tmp_path: Path) -> None:
    """Protects whoever pipes an export through: its rows lie nowhere afterwards."""
    write_customers(tmp_path / "a.csv", 2)
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    shown = pango_load(
        "preview", "-", *MAIN_JOB, *ZONE, folder=tmp_path, stdin=text, variables={"TMPDIR": str(tmp_path / "tmp")}
    )
    assert shown.code == 0, shown.err
    assert shown.err.startswith("standard input as customer-identity")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.csv", "tmp"]


# --- JSON on a screen -------------------------------------------------------------------------------------------------

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_pretty_json_always_means_the_same(document: object) -> None:
    """Protects whoever copies it into the console."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    assert json.loads(safe_json(pretty_json(text))) == document


def test_pretty_json_keeps_every_digit() -> None:
    """Protects amounts and long ids from a trip through floating point."""
    assert pretty_json('{"a":7.50,"b":[12345678901234567890123,1E400],"c":{},"d":[]}') == (
        '{\n  "a": 7.50,\n  "b": [\n    12345678901234567890123,\n    1E400\n  ],\n  "c": {},\n  "d": []\n}'
    )


def test_characters_that_a_terminal_obeys_are_spelled_out() -> None:
    """Protects the screen from a cell that moves the cursor or turns the text round."""
    assert safe_json('"a\u202eb\x9bc"') == r'"a\u202eb\u009bc"'


# --- curl -------------------------------------------------------------------------------------------------------------


def test_the_curl_command_works_and_holds_no_secret(tmp_path: Path, sandbox: Sandbox) -> None:
    """Protects whoever tries one record by hand, and whoever pastes the command into a ticket."""
    write_csv(tmp_path / "a.csv", [customer(1, fullName="Trần 'Tí' $HOME \"x\" `id`")])
    shown = pango_load("preview", "a.csv", *MAIN_JOB, *ZONE, "--curl", "--initData", folder=tmp_path, sandbox=sandbox)
    secrets = (sandbox.credentials.api_key, sandbox.credentials.group_key, sandbox.ingest_url)
    assert not any(secret in shown.out + shown.err for secret in secrets)
    assert shown.out.startswith('curl --request POST "$PANGO_INGEST_URL?initData=true" \\\n')
    variables = environment(tmp_path, sandbox, PANGO_TOKEN=sandbox.issue_token())
    subprocess.run(
        ["/bin/sh", "-c", f"{shown.out.strip()} --silent --noproxy '*'"], env=variables, check=True, capture_output=True
    )
    assert [entry["fullName"] for entry in sandbox.accepted_entries] == ["Trần 'Tí' $HOME \"x\" `id`"]


def test_the_curl_command_follows_the_profile() -> None:
    """Protects those whose organisation has another way in."""
    assert curl_command(b"{}", APP_CONNECT) == snapshot("""\
curl --request POST "$PANGO_INGEST_URL" \\
  --header 'Content-Type: application/json' \\
  --header "OrgId: $PANGO_CDP_GKEY" \\
  --header "AccessToken: Bearer $PANGO_TOKEN" \\
  --data-binary '{}'\
""")


# --- one row ----------------------------------------------------------------------------------------------------------


def test_a_row_is_explained_from_its_cells_to_its_entry(tmp_path: Path) -> None:
    """Protects whoever asks why a value arrives as it does: the whole screen, as it is piped."""
    row = "007,Trần   Văn Tí,0912345678,nam,31/01/1990,gọi sau 17h,x\n"
    plan_for(tmp_path / "a.csv", HEADER + row, MAPPING)
    shown = pango_load("preview", "a.csv", "--mapping", "a.yaml", "--row", "2", folder=tmp_path)
    assert shown.code == 0, shown.err
    assert shown.out == snapshot("""\
Row 2 of a.csv would be sent.
As customer-identity, by a.yaml (5 columns).

Ma KH      "007" → customerId: "007"
Di dong    "0912345678" → phone: "0912345678"
Ho ten     "Trần   Văn Tí" → cleaned "Trần Văn Tí" → fullName: "Trần Văn Tí"
Sex        "nam" → gender: "male"
Ngay sinh  "31/01/1990" → dob: 633718800000
           00:00:00 on Wednesday 31 January 1990 in Asia/Ho_Chi_Minh (UTC+07:00) is 17:00:00 on
           Tuesday 30 January 1990 UTC; sent as that instant in milliseconds
constant   "Viet Nam" → country: "Viet Nam"
Ghi chu    "gọi sau 17h" → left out on purpose
Moi        "x" → not in the mapping: not sent

The entry:
{
  "customerId": "007",
  "phone": "0912345678",
  "fullName": "Trần Văn Tí",
  "gender": "male",
  "dob": 633718800000,
  "country": "Viet Nam"
}
""")


def test_a_rejected_row_is_explained_at_80_columns(tmp_path: Path) -> None:
    """Protects whoever has to mend a row: every problem stands beside its cell, with its hint."""
    row = "008,Lý Ba,-,Nứ,31/02/1990,,\n"
    plan_for(tmp_path / "a.csv", HEADER + row, MAPPING)
    code, shown = on_a_terminal("preview", "a.csv", "--mapping", "a.yaml", "--row", "2", folder=tmp_path, columns=80)
    assert code == 0
    assert max(map(len, without_styles(shown).splitlines())) <= 80
    assert without_styles(shown) == snapshot("""\
Row 2 of a.csv would be rejected.
As customer-identity, by a.yaml (5 columns).

One of phone, email is required, and none is there.
Fill in one of phone, email.

Ma KH      "008" → customerId: "008"
Di dong    "-" → means nothing → phone is left out
Ho ten     "Lý Ba" → fullName: "Lý Ba"
Sex        "Nứ" → gender: "Nứ"
           gender: "Nứ" is none of male, female, undefined.
           Use one of male, female, undefined, or translate it in the mapping:
           values: {"Nứ": ...}.
Ngay sinh  "31/02/1990" → dob cannot be made
           dob: "31/02/1990" is not a date in %d/%m/%Y.
           Mend the cell.
constant   "Viet Nam" → country: "Viet Nam"
Ghi chu    empty → left out on purpose
Moi        empty → not in the mapping: not sent
""")


def test_a_row_as_json_says_all_that_the_screen_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects scripts that look into one row."""
    plan_for(tmp_path / "a.csv", HEADER + "008,Lý Ba,091,Nam,01/02/1990,,\n", MAPPING)
    path = str(tmp_path / "a.csv")
    shown = in_this_process(
        "preview", path, "--mapping", path.replace(".csv", ".yaml"), "--row", "2", "--json", capsys=capsys
    )
    document = shown.summary
    assert (document["verdict"], document["entry"]) == ("rejected", None)
    steps = {step["key"]: step for step in cast("list[dict[str, object]]", document["steps"])}
    assert steps["phone"]["problems"][0]["code"] == "phone.length"  # type: ignore[index] # JSON
    assert steps["dob"]["moment"] == {
        "local": "1990-02-01T00:00:00",
        "zone": "Asia/Ho_Chi_Minh",
        "utc": "1990-01-31T17:00:00+00:00",
        "sent": 633805200000,
        "shifted": False,
    }


WAYS = [
    pytest.param("timezone: Asia/Ho_Chi_Minh", "2024-01-31 08:00", 1706662800000, "08:00", False, id="timezone"),
    pytest.param("timezoneGmt: 7", "2024-01-31 08:00", 1706688000000, "08:00", True, id="timezoneGmt"),
    pytest.param("timezoneGmt: 7", "2024-01-31T08:00:00+09:00", 1706680800000, "06:00", True, id="offset, moved"),
    pytest.param(
        "timezoneGmt: 7\ntimestamps: instant", "2024-01-31 08:00", 1706662800000, "08:00", False, id="instant"
    ),
    pytest.param("source: x", "2024-01-31T08:00:00+09:00", 1706655600000, None, False, id="no zone, offset"),
]


@pytest.mark.parametrize(("zone", "cell", "sent", "local", "shifted"), WAYS)
def test_a_date_is_told_by_its_own_clock_by_utc_and_as_it_is_sent(
    zone: str, cell: str, sent: int, local: str | None, shifted: bool, tmp_path: Path
) -> None:
    """Protects from a shift of some hours: all three readings stand side by side, in each way that a date travels."""
    mapping = f"object: customer-identity\n{zone}\ncolumns: {{a: customerId, b: phone, d: fullName, c: dob}}\n"
    plan = plan_for(tmp_path / "a.csv", f"a,b,c,d\n1,0912345678,{cell},An\n", mapping)
    moment = step_of(explain_row(plan, 2), "dob").moment
    assert moment is not None
    assert (moment.sent, moment.is_shifted) == (sent, shifted)
    assert (f"{moment.local:%H:%M}" if moment.local else None) == local
    hour = 23 if "+09:00" in cell else 1
    assert moment.instant == datetime(2024, 1, 30 if hour == 23 else 31, hour, tzinfo=UTC)


def test_dates_before_1970_and_hours_of_a_column_are_told_too(tmp_path: Path) -> None:
    """Protects birthdays, and files whose rows have clocks of their own."""
    mapping = "object: customer-identity\ncolumns: {a: customerId, b: phone, c: dob, z: timezoneGmt, d: fullName}\n"
    plan = plan_for(tmp_path / "a.csv", "a,b,c,z,d\n1,0912345678,1949-02-28 01:00,8,An\n", mapping)
    moment = step_of(explain_row(plan, 2), "dob").moment
    assert moment is not None
    assert moment.instant == datetime(1949, 2, 27, 17, tzinfo=UTC)
    assert moment.zone == "GMT+8"


def test_the_zone_of_a_row_is_a_step_of_its_own_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    """Protects files whose rows have clocks of their own: a wrong one is shown where it stands."""
    mapping = "object: customer-identity\ncolumns: {a: customerId, b: phone, c: dob, z: timezoneGmt, d: fullName}\n"
    text = "a,b,c,z,d\n1,0912345678,1949-02-28 01:00, 8 ,An\n2,0912345678,1949-02-28 01:00,77,An\n"
    plan = plan_for(tmp_path / "a.csv", text, mapping)
    sound, wrong = (step_of(explain_row(plan, row), "timezoneGmt") for row in (2, 3))
    assert (sound.origin, sound.cells, sound.cleaned, sound.sent) == ("z", (("z", " 8 "),), "8", "8")
    assert (wrong.sent, [problem.code for problem in wrong.problems]) == (None, ["zone.range"])


def test_a_broken_record_is_shown_as_it_stands(tmp_path: Path) -> None:
    """Protects whoever looks for the comma that is missing."""
    plan = plan_for(tmp_path / "a.csv", HEADER + "007,An,0912345678\n", MAPPING)
    explained = explain_row(plan, 2)
    assert not explained.is_valid
    assert explained.raw == "007,An,0912345678"
    assert [problem.code for problem in explained.problems] == ["source.too-few-cells"]


NO_SUCH_ROW = [
    pytest.param(1, "a.csv has no row 1 (the headers stand above): its rows are 2 to 3.", id="headers"),
    pytest.param(9, "a.csv has no row 9: its rows are 2 to 3.", id="beyond"),
]


@pytest.mark.parametrize(("row", "told"), NO_SUCH_ROW)
def test_a_row_that_is_not_there_is_answered_with_those_that_are(row: int, told: str, tmp_path: Path) -> None:
    """Protects from counting wrong by one."""
    plan = plan_for(tmp_path / "a.csv", HEADER + "007,An,0912345678,,,,\n008,Ba,0912345679,,,,\n", MAPPING)
    with pytest.raises(UsageError) as stopped:
        explain_row(plan, row)
    assert stopped.value.message.replace(f"{tmp_path}/", "") == told


def test_the_last_row_is_named_however_long_the_file_is(tmp_path: Path) -> None:
    """Protects from rows that seem to be missing in a file that is read piece by piece."""
    plan = plan_for(tmp_path / "a.csv", HEADER + "007,An,0912345678,,,,\n" * 400_000, MAPPING)
    with pytest.raises(UsageError) as stopped:
        explain_row(plan, 1)
    assert stopped.value.message.endswith("its rows are 2 to 400,001.")
    assert explain_row(plan, 400_001).row == 400_001


def test_a_blank_row_is_called_blank(tmp_path: Path) -> None:
    """Protects from taking a blank line of a file for a lost record."""
    path = tmp_path / "a.jsonl"
    record = '{"customerId": "1", "fullName": "An", "phone": "0912345678"}\n'
    plan = plan_for(path, f"{record}\n{record}", object_type="customer-identity")
    with pytest.raises(UsageError) as stopped:
        explain_row(plan, 2)
    assert stopped.value.message == f"Row 2 of {path} is blank."


def test_one_row_of_several_files_is_asked_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from an answer about another file's row."""
    for name in ("a.csv", "b.csv"):
        write_customers(tmp_path / name, 2)
    shown = in_this_process("preview", *map(str, tmp_path.iterdir()), *MAIN_JOB, *ZONE, "--row", "2", capsys=capsys)
    assert shown.code == 2
    assert shown.err == (
        "Error: --row 2 could mean a row of any of 2 files.\nTry:   Name the one file that it is in.\n"
    )
