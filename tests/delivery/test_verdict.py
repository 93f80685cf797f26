"""What an answer means: the classes of the issue, as a table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pango_load.delivery.answer import Answer, NeverSent, NoAnswer, Trouble
from pango_load.delivery.exchange import freed
from pango_load.delivery.profile import DOCUMENTED, read_profile
from pango_load.delivery.scrub import Scrubber
from pango_load.delivery.verdict import EntryFailure, Fate, judge, seconds

NOW = 1_790_000_000.0


def answer(
    status: int, document: object = None, *, body: bytes | None = None, retry_after: str | None = None
) -> Answer:
    return Answer(
        status=status, body=body if body is not None else json.dumps(document).encode(), retry_after=retry_after
    )


CASES: dict[str, tuple[Answer | NeverSent | NoAnswer, Fate]] = {
    "200-success-true": (answer(200, {"success": True}), Fate.ACCEPTED),
    "200-success-absent": (answer(200, {}), Fate.ACCEPTED),
    "202-success-true": (answer(202, {"success": True}), Fate.ACCEPTED),
    "200-success-false": (answer(200, {"success": False, "errorCode": "MISSING_INFO"}), Fate.REFUSED),
    "200-success-false-as-text": (answer(200, {"success": "false"}), Fate.REFUSED),
    "200-success-zero": (answer(200, {"success": 0}), Fate.REFUSED),
    "200-success-true-as-text": (answer(200, {"success": "TRUE"}), Fate.ACCEPTED),
    "200-success-null": (answer(200, {"success": None}), Fate.UNREADABLE),
    "200-success-pending": (answer(200, {"success": "pending"}), Fate.UNREADABLE),
    "200-success-a-count": (answer(200, {"success": 48}), Fate.UNREADABLE),
    "200-nested-false": (answer(200, {"data": {"success": False}}), Fate.REFUSED),
    "200-nested-false-under-true": (answer(200, {"success": True, "result": {"success": False}}), Fate.REFUSED),
    "200-nested-count-under-true": (answer(200, {"success": True, "data": {"success": 48}}), Fate.ACCEPTED),
    "200-nested-null-under-true": (answer(200, {"success": True, "data": {"success": None}}), Fate.ACCEPTED),
    "200-empty": (answer(200, body=b""), Fate.UNREADABLE),
    "200-html": (answer(200, body=b"<html>"), Fate.UNREADABLE),
    "200-list": (answer(200, [1]), Fate.UNREADABLE),
    "200-text": (answer(200, "success"), Fate.UNREADABLE),
    "200-json-nested-too-deep": (answer(200, body=b"[" * 100_000), Fate.UNREADABLE),
    "200-cut-short": (replace(answer(200, {"success": True}), is_whole=False), Fate.AMBIGUOUS),
    "200-failures-that-cannot-be-placed": (answer(200, {"errors": ["some"]}), Fate.MUDDLED),
    "200-failures-counted-only": (answer(200, {"success": True, "failures": 2}), Fate.MUDDLED),
    "200-failures-none": (answer(200, {"success": True, "errors": [], "failures": 0}), Fate.ACCEPTED),
    "200-failures-outside": (answer(200, {"errors": [{"index": 50}]}), Fate.MUDDLED),
    "301": (answer(301), Fate.STOP),
    "400": (answer(400, {"success": False, "errorCode": "X", "message": "m"}), Fate.REFUSED),
    "400-cut-short": (replace(answer(400, {}), is_whole=False), Fate.REFUSED),
    "400-html": (answer(400, body=b"<p>no</p>"), Fate.REFUSED),
    "401": (answer(401), Fate.TOKEN_REFUSED),
    "403": (answer(403), Fate.STOP),
    "404": (answer(404), Fate.STOP),
    "405": (answer(405), Fate.STOP),
    "408": (answer(408), Fate.AMBIGUOUS),
    "409": (answer(409), Fate.AMBIGUOUS),
    "413": (answer(413), Fate.TOO_LARGE),
    "418": (answer(418), Fate.STOP),
    "422": (answer(422, {}), Fate.REFUSED),
    "429": (answer(429), Fate.LIMITED),
    "500": (answer(500), Fate.AMBIGUOUS),
    "502": (answer(502, body=b"<html>"), Fate.AMBIGUOUS),
    "503": (answer(503), Fate.AMBIGUOUS),
    "503-retry-after": (answer(503, retry_after="7"), Fate.BUSY),
    "503-retry-after-nonsense": (answer(503, retry_after="soon"), Fate.AMBIGUOUS),
    "504": (answer(504), Fate.AMBIGUOUS),
    "never-sent": (NeverSent(trouble=Trouble.DNS), Fate.NEVER_SENT),
    "no-answer": (NoAnswer(trouble=Trouble.TIMEOUT), Fate.AMBIGUOUS),
}


@pytest.mark.parametrize(("reply", "fate"), CASES.values(), ids=CASES.keys())
def test_each_answer_has_its_class(reply: Answer | NeverSent | NoAnswer, fate: Fate) -> None:
    """Protects the promise: accepted is only what was acknowledged, refused only what was turned down."""
    assert judge(reply, profile=DOCUMENTED, entries=50, now=NOW).fate is fate


@given(status=st.integers(100, 599), body=st.binary(max_size=60), is_whole=st.booleans())
def test_no_answer_is_accepted_but_a_whole_2xx_object(*, status: int, body: bytes, is_whole: bool) -> None:
    """Protects rows from being called accepted by an answer that nobody understood."""
    found = judge(Answer(status=status, body=body, is_whole=is_whole), profile=DOCUMENTED, entries=50, now=NOW)

    if found.fate in {Fate.ACCEPTED, Fate.PARTLY}:
        assert 200 <= status <= 299
        assert is_whole
        assert isinstance(json.loads(body), dict)


def test_a_temporary_code_of_the_profile_is_no_refusal() -> None:
    """Protects rows where the platform says false and means later."""
    profile = replace(DOCUMENTED, temporary_codes=("TRY_LATER",))
    document = {"success": False, "errorCode": "TRY_LATER", "message": "busy"}

    assert judge(answer(200, document), profile=profile, entries=1, now=NOW).fate is Fate.BUSY
    assert judge(answer(400, document), profile=profile, entries=1, now=NOW).fate is Fate.BUSY


def test_an_empty_success_is_accepted_only_where_the_profile_says_so() -> None:
    """Protects both ways: the body of a 200 is not established, and a load balancer's empty 200 is no acceptance."""
    profile = replace(DOCUMENTED, empty_is_success=True)

    assert judge(answer(200, body=b""), profile=profile, entries=1, now=NOW).fate is Fate.ACCEPTED
    assert judge(answer(204, body=b" "), profile=profile, entries=1, now=NOW).fate is Fate.ACCEPTED
    assert judge(answer(200, body=b"<html>"), profile=profile, entries=1, now=NOW).fate is Fate.UNREADABLE
    assert judge(answer(400, body=b""), profile=profile, entries=1, now=NOW).fate is Fate.REFUSED


def test_where_success_stands_and_what_an_unclear_one_means_are_settings() -> None:
    """Protects both ways: no document says what `success: null` means, or whether a nested one counts."""
    lenient = replace(DOCUMENTED, unclear_is_success=True)
    assert judge(answer(200, {"success": None}), profile=lenient, entries=1, now=NOW).fate is Fate.ACCEPTED
    assert judge(answer(200, {"success": False}), profile=lenient, entries=1, now=NOW).fate is Fate.REFUSED

    other = replace(DOCUMENTED, success_paths=("ok",))
    assert judge(answer(200, {"ok": None}), profile=other, entries=1, now=NOW).fate is Fate.UNREADABLE
    assert judge(answer(200, {"ok": False, "success": True}), profile=other, entries=1, now=NOW).fate is Fate.REFUSED
    assert judge(answer(200, {"success": None}), profile=other, entries=1, now=NOW).fate is Fate.ACCEPTED


def test_a_list_of_failures_is_read_as_the_profile_says() -> None:
    """Protects organisations whose answers use other names: nothing about such a list is documented."""
    profile = replace(
        DOCUMENTED, failure_paths=("result.bad",), index_keys=("row",), first_index=1, code_paths=("why.code",)
    )
    document = {"success": True, "result": {"bad": [{"row": "3", "why": {"code": "DUPLICATE"}, "message": "again"}]}}

    found = judge(answer(200, document), profile=profile, entries=5, now=NOW)

    assert found.fate is Fate.PARTLY
    assert found.failures == (EntryFailure(index=2, code="DUPLICATE", words="again"),)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("entries[7].phone is wrong", (7,)),
        ("Entry 3: bad", (3,)),
        ("error at index 12", (12,)),
        ("index: 4, field: dob", (4,)),
        ("Invalid value of: dob", ()),
        ("entries[99]", ()),
        ("more than 50 entries 2", (2,)),
        ("order 5 is wrong", ()),
    ],
)
def test_indices_in_the_words_are_hints(message: str, named: tuple[int, ...]) -> None:
    """Protects the quota: a refusal that names its entry need not be searched."""
    document = {"success": False, "message": message}

    assert judge(answer(400, document), profile=DOCUMENTED, entries=50, now=NOW).named == named


def test_fields_in_the_words_are_hints() -> None:
    """Protects the quota: the documented refusal names fields, several in one text."""
    document = {"success": False, "errorCode": "MISSING_INFO", "message": "Invalid value of: orgId, appId"}

    assert judge(answer(400, document), profile=DOCUMENTED, entries=1, now=NOW).fields == ("orgId", "appId")


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 2.5 ", 2.5),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e12", None),
        ("soon", None),
        ("", None),
        ("Mon, 21 Sep 2026 14:13:30 GMT", 10.0),
        ("Mon, 21 Sep 2020 14:13:30 GMT", 0.0),
    ],
)
def test_a_wait_is_read_or_left_alone(text: str | None, wait: float | None) -> None:
    """Protects the load from a header that makes no sense: it then backs off by itself."""
    assert seconds(text, NOW) == wait


def test_a_429_takes_the_named_header_before_the_usual_one() -> None:
    """Protects against waiting by the wrong header; 0 in the named one gives way to a longer one beside it."""

    def wait(limit: str | None, usual: str | None) -> float | None:
        reply = Answer(status=429, limit_wait=limit, retry_after=usual)
        return judge(reply, profile=DOCUMENTED, entries=1, now=NOW).wait

    assert (wait("5", "9"), wait("0", "9"), wait(None, "9"), wait("0", None), wait(None, None)) == (5, 9, 9, 0, None)


@pytest.mark.parametrize(
    ("code", "kept"),
    [("MISSING_INFO", "MISSING_INFO"), (1001, "1001"), ("An is no name", "HTTP_400"), ("", "HTTP_400")],
)
def test_a_profile_that_keeps_no_words_keeps_status_and_code_alone(code: str | int, kept: str) -> None:
    """Protects those for whom no masking is sure enough: nothing that a server may say in words is left."""
    profile = read_profile({"keep_words": False})
    said = {"success": False, "errorCode": code, "message": "Row 1: of Q.ữ.y.z.k, hash 1f3a"}
    listed = [{"index": 0, "code": "of An", "message": "Qữyzk"}]
    for document in (said, said | {"errors": listed}, said | {"errors": listed, "success": True}):
        found = judge(answer(400, document), profile=profile, entries=2, now=NOW)
        partly = judge(answer(200, document | {"success": True, "errors": listed}), profile=profile, entries=2, now=NOW)
        for each in (found, partly):
            cleaned = freed(each, Scrubber(), [b"{}"], keep_words=profile.keep_words)
            assert (cleaned.words, cleaned.code) == ("", kept if each.http == 400 else kept.replace("400", "200"))
            assert {(failure.code, failure.words) for failure in cleaned.failures} <= {("REFUSED", "")}
            # What tells which row it was is read before.
            assert cleaned.named == each.named
