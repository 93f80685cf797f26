"""`objects learn`: from a payload of the console to a type that loads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from inline_snapshot import snapshot
from support.cli_more import in_this_process
from support.program import pango_load, pango_load_process

from pango_load.catalogue.types import object_type
from pango_load.sandbox.server import Sandbox
from pango_load.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from pathlib import Path

COMMENT = {
    "systemName": "Website",
    "internalCompanyId": "ORG1029130112",
    "commentId": "106326142526362525",
    "parentCommentId": None,
    "title": "Tình trạng sản phẩm",
    "content": "Xin hỏi sản phẩm này còn không?",
    "commentedAt": 1614814801000,
    "ipAddress": "14.169.110.80",
    "customerId": "KH12352632526325",
    "customerName": "Nguyen Minh Dien",
    "customerPhone": "098685xxx",
    "customerEmail": "someone@example.com",
    "productId": "PID32632526325",
    "productSku": "SKU3263252632",
    "productName": "Iphone 12",
    "productCategoryId": "C1020",
    "productPrice": 23520000,
    "productPrice4Sale": 23000000,
    "productLink": "https://domain/product....html",
    "productImageLink": "https://domain/...jpg",
    "customFieldTexts": {"customField01": "tag:question"},
}
"""The one JSON sample of the vendor's pages (seed 004)."""

EXPORT = """\
Mã bình luận,Thời gian,Nội dung,Mã KH,Tên KH,SĐT,Mã SP,Tên SP,Giá,Nhãn
1,31/12/2024 10:30,Hay,K1,An,0901000101,S1,Trà,12000,hỏi
2,01/01/2025 08:00,Tốt,K2,Ba,0901000102,S2,Bánh,9000,khen
"""
OWN = ("--object", "shop-comment", "--catalogue", "catalogue")


def _payload(folder: Path, content: object) -> None:
    (folder / "payload.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def test_a_payload_becomes_a_type_that_is_mapped_checked_and_loaded(tmp_path: Path) -> None:
    """Protects the organisation with a model of its own: the commands that are named lead to accepted rows."""
    _payload(tmp_path, COMMENT)
    (tmp_path / "a.csv").write_text(EXPORT, encoding="utf-8")

    learned = pango_load_process("objects", "learn", "payload.json", "--as", "shop-comment", folder=tmp_path)
    mapped = pango_load("map", "a.csv", *OWN, "-o", "mappings/shop-comment.yaml", folder=tmp_path)
    loaded = pango_load("a.csv", *OWN, "--sandbox", "--json", folder=tmp_path)

    assert (learned.code, learned.out) == (0, "")
    assert learned.err == snapshot("""\
catalogue/shop-comment.yaml is written: 20 fields, sent as shop-comment.
Review it: which fields are required, which words a field takes, and what identifies a record.

See it:
  pango-load objects shop-comment --catalogue catalogue
Map a file:
  pango-load map FILE --object shop-comment --catalogue catalogue -o mappings/shop-comment.yaml
""")
    assert mapped.code == 0
    assert (
        "pango-load check a.csv --object shop-comment --mapping mappings/shop-comment.yaml --catalogue catalogue"
        in (mapped.err)
    )
    assert "object: shop-comment\n" in (tmp_path / "mappings" / "shop-comment.yaml").read_text(encoding="utf-8")
    assert (loaded.code, loaded.counts["accepted"]) == (0, 2), loaded.err
    assert (loaded.summary["object"], loaded.counts["rejected"]) == ("shop-comment", 0)


def test_a_learned_type_is_found_by_its_own_word_and_sent_by_the_payloads(tmp_path: Path) -> None:
    """Protects several models that are all sent as custom-model: each has fields and a mapping of its own."""
    _payload(tmp_path, {"objectType": "custom-model", "source": "Kho", "entries": [{"momCode": "M-1", "refId": "1"}]})
    pango_load("objects", "learn", "payload.json", "--as", "visits", "--catalogue", "ours", folder=tmp_path)
    (tmp_path / "a.csv").write_text("Model,Ref\nM-1,7\n", encoding="utf-8")
    (tmp_path / "mappings").mkdir()
    text = "object: visits\ncolumns: {Model: momCode, Ref: refId}\n"
    (tmp_path / "mappings" / "visits.yaml").write_text(text, encoding="utf-8")

    shown = pango_load("objects", "visits", "--catalogue", "ours", folder=tmp_path)
    checked = pango_load("check", "a.csv", "--object", "visits", "--catalogue", "ours", "--json", folder=tmp_path)
    next_one = str(checked.summary["next_command"])
    loaded = pango_load(*next_one.split()[1:], "--sandbox", "--json", folder=tmp_path)

    assert shown.out.startswith("visits: Visits\n")
    assert "Its entries are sent as custom-model." in shown.out
    assert next_one == "pango-load a.csv --object visits --catalogue ours"
    assert (loaded.code, loaded.summary["object"], loaded.counts["accepted"]) == (0, "custom-model", 1), loaded.err


def test_the_console_payload_may_be_pasted(tmp_path: Path) -> None:
    """Protects the hand that has copied: `-` takes it from standard input."""
    words = ("objects", "learn", "-", "--as", "visits")
    learned = pango_load(*words, folder=tmp_path, stdin=json.dumps({"refId": "1"}))
    assert learned.code == 0
    assert object_type("visits", tmp_path / "catalogue").field("refId") is not None


def test_a_learned_type_is_never_written_over_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects what somebody reviewed and corrected by hand."""
    _payload(tmp_path, {"refId": "1"})
    mine = tmp_path / "own" / "visits.yaml"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    words = ("objects", "learn", str(tmp_path / "payload.json"), "--as", "visits", "--catalogue", str(mine.parent))

    ended = in_this_process(*words, capsys=capsys)

    assert (ended.code, mine.read_text(encoding="utf-8")) == (2, "mine")
    assert ended.err == (
        f"Error: {mine} is there already.\nTry:   Give another name with --as, or add --force to replace it.\n"
    )
    assert in_this_process(*words, "--force", capsys=capsys).code == 0
    assert "refId" in mine.read_text(encoding="utf-8")


def test_a_correction_of_a_known_type_is_said_to_outrank_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a learned type that silently stands in front of a documented one."""
    _payload(tmp_path, {"orderId": "1"})
    words = ("objects", "learn", str(tmp_path / "payload.json"), "--as", "order", "--catalogue", str(tmp_path / "own"))
    ended = in_this_process(*words, capsys=capsys)
    assert "With --catalogue it outranks the program's own order." in ended.err


MISTAKES = [
    pytest.param(("learn",), "learn needs the file of one payload.", id="no payload"),
    pytest.param(("learn", "{file}", "{file}"), "learn needs the file of one payload.", id="two payloads"),
    pytest.param(("learn", "{file}"), "learn needs --as: what the type is to be called.", id="no name"),
    pytest.param(("learn", "{file}x", "--as", "a"), "{file}x does not exist.", id="missing file"),
    pytest.param(("learn", "{folder}", "--as", "a"), "{folder} cannot be read: Is a directory.", id="a folder"),
    pytest.param(("learn", "{file}", "--as", "a", "--json"), "--json does not go with learn.", id="as JSON"),
    pytest.param(
        ("learn", "{file}", "--as", "a", "--template", "csv"), "--template does not go with learn.", id="a template"
    ),
    pytest.param(
        ("learn", "{file}", "--as", "learn"),
        '--as "learn": a type of that name could not be shown.',
        id="the word itself",
    ),
    pytest.param(("order", "--as", "a"), "--as goes with learn.", id="a name for nothing"),
    pytest.param(("order", "--force"), "--force goes with learn.", id="force of nothing"),
    pytest.param(("order", "product"), "objects takes one type, and here are 2 words.", id="two types"),
    pytest.param(
        ("learn", "{file}", "--as", "a", "--catalogue", "{file}"),
        "{file} is not a folder.",
        id="a catalogue that is a file",
    ),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_a_mistake_is_two_lines(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects a newcomer from a traceback."""
    _payload(tmp_path, {"refId": "1"})
    places = {"file": str(tmp_path / "payload.json"), "folder": str(tmp_path)}
    ended = in_this_process("objects", *(word.format(**places) for word in words), capsys=capsys)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[0] == f"Error: {said.format(**places)}"
    assert ended.err.splitlines()[1].startswith("Try:   ")


def test_rejected_rows_of_an_own_type_are_mended_by_its_own_fields(tmp_path: Path) -> None:
    """Protects models that are all sent as custom-model: a retry reads rows by the type that they were loaded as."""
    text = "object: custom-model\ntitle: V\ncoverage: partial\nsource: s\nrecordKey: [refId]\nfields:\n"
    text += "  momCode: {type: String}\n  refId: {type: String}\n  visits: {type: Long, required: true}\n"
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "visits.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "a.csv").write_text("momCode,refId,visits\nM-1,1,3\nM-1,2,many\n", encoding="utf-8")
    words = ("--object", "visits", "--catalogue", "ours", "--json", "--out", "run")

    with Sandbox(SandboxSettings(windows=())) as sandbox:
        loaded = pango_load("a.csv", *words, folder=tmp_path, sandbox=sandbox)
        rejected = tmp_path / "run" / "rejected.csv"
        rejected.write_text(rejected.read_text(encoding="utf-8-sig").replace("many", "9", 1), encoding="utf-8")
        retried = pango_load("retry", loaded.run, "--json", folder=tmp_path, sandbox=sandbox)
        sent = [entry["visits"] for entry in sandbox.accepted_entries]

    assert (loaded.code, loaded.counts["rejected"]) == (3, 1), loaded.err
    assert (retried.code, retried.counts["accepted"], sent) == (0, 2, [3, 9]), retried.err
