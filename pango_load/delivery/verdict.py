"""What an answer means for the entries that were sent: decided here, acted upon by the sender."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pango_load.delivery.answer import Answer, NeverSent, NoAnswer, Reply
from pango_load.delivery.profile import value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pango_load.delivery.profile import Profile

LONGEST_WAIT = 2 * 86_400.0
"""Seconds; a wait beyond two days is longer than any window and taken for nonsense."""

UNCLEAR = "UNCLEAR_SUCCESS"
LONGEST_SUCCESS = 60

_NAMED_ENTRY = re.compile(
    r"(?i)\bentr(?:y|ies)\s*(?:\[|\(|#|\.|no\.?\s*|number\s+|index\s+)?\s*(\d{1,3})\b|\bindex\W{1,3}(\d{1,3})\b"
)
_NAMED_FIELD = re.compile(
    r"(?i)\b(?:invalid value of|missing|required|field)\b\W{0,3}([A-Za-z]\w*(?:\s*,\s*[A-Za-z]\w*)*)"
)


class Fate(StrEnum):
    """What becomes of what was sent.

    The classes of quota.md, 2.2, with two decisions of our own:

    * a 2xx whose body is empty or no JSON object is not a success, and nobody knows what it is: `UNREADABLE`, repeated
      like any unknown answer, and the end of the load when several come in a row (a captive portal answers like this);
      a profile may say that an empty one is a success, or one whose `success` is neither true nor false;
    * a 2xx that lists every entry as failed is a refusal, whatever it calls itself: nothing was taken, and one entry
      may be to blame for all;
    * a failure list that cannot be placed (`MUDDLED`) says that something was refused, not what; the rest may be taken.
    """

    ACCEPTED = "accepted"
    PARTLY = "partly accepted"
    REFUSED = "refused"
    TOO_LARGE = "too large"
    LIMITED = "limited"
    TOKEN_REFUSED = "token refused"  # noqa: S105 - a word for people
    BUSY = "busy"
    NEVER_SENT = "never sent"
    AMBIGUOUS = "no answer"
    UNREADABLE = "unreadable"
    MUDDLED = "muddled"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFailure:
    """One item of a list of failures.

    Attributes:
        index: of the entry in this request, from 0.
    """

    index: int
    code: str
    words: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What an answer means.

    Attributes:
        http: the status, None without an answer.
        code: the platform's code, or `HTTP_<status>`; not yet scrubbed.
        words: the platform's own, not yet scrubbed: they may echo values and secrets.
        wait: seconds that the platform asked us to wait; None where it named none.
        failures: under PARTLY: the entries that were refused.
        named: under REFUSED: indices in this request that its words seem to mean; a hint, never a proof.
        fields: under REFUSED: the fields that its words seem to mean.
    """

    fate: Fate
    http: int | None = None
    code: str = ""
    words: str = field(default="", repr=False)
    wait: float | None = None
    failures: tuple[EntryFailure, ...] = ()
    named: tuple[int, ...] = ()
    fields: tuple[str, ...] = ()


def judge(reply: Reply, *, profile: Profile, entries: int, now: float) -> Judgement:
    """Say what `reply` means for a request of `entries` entries; `now` is UTC in seconds, for HTTP dates."""
    match reply:
        case NeverSent():
            return Judgement(fate=Fate.NEVER_SENT, code="NEVER_SENT", words=reply.trouble.value)
        case NoAnswer():
            return Judgement(fate=Fate.AMBIGUOUS, code="NO_ANSWER", words=reply.trouble.value)
        case Answer() if _is_plain_success(reply, profile, entries):
            return Judgement(fate=Fate.ACCEPTED, http=reply.status)
        case Answer():
            return _judge_answer(reply, profile, entries, now)


def _judge_answer(  # noqa: PLR0911 - a table of answers
    answer: Answer, profile: Profile, entries: int, now: float
) -> Judgement:
    document = answer.document() if answer.is_whole else None
    status = answer.status
    code, words = said(answer, profile)

    def as_(fate: Fate, wait: float | None = None) -> Judgement:
        return Judgement(fate=fate, http=status, code=code, words=words, wait=wait)

    if 200 <= status <= 299:  # noqa: PLR2004 - the class of successes
        return _judge_success(answer, document, profile, entries, code, words)
    match status:
        case 400 | 422:
            return _refusal(answer, document, profile, entries, code, words)
        case 401:
            return as_(Fate.TOKEN_REFUSED)
        case 408 | 409:
            return as_(Fate.AMBIGUOUS)
        case 413:
            return as_(Fate.TOO_LARGE)
        case 429:
            return as_(Fate.LIMITED, seconds(answer.limit_wait, now) or _later(answer, now))
        case 503 if (wait := seconds(answer.retry_after, now)) is not None:
            return as_(Fate.BUSY, wait)
        case _ if status >= 500:  # noqa: PLR2004 - the class of the server's own failures
            return as_(Fate.AMBIGUOUS)
    return as_(Fate.STOP)


def _later(answer: Answer, now: float) -> float | None:
    """A 429's wait where the limit header says 0 or nothing: `Retry-After` may know more, else 0 stays 0."""
    wait = seconds(answer.retry_after, now)
    return wait if wait is not None else seconds(answer.limit_wait, now)


def _is_plain_success(answer: Answer, profile: Profile, entries: int) -> bool:
    """Whether it is a 2xx in which nothing says otherwise: most answers of a load, which are looked at no further."""
    if not (answer.is_whole and 200 <= answer.status <= 299):  # noqa: PLR2004 - the class of successes
        return False
    document = answer.document()
    return (
        isinstance(document, dict)
        and failures_in(document, profile, entries) == ()
        and not any(says_no(value_at(document, path)) for path in profile.success_paths)
        and (profile.unclear_is_success or not _unclear_success(document, profile))
    )


def _judge_success(  # noqa: PLR0911 - a table of answers
    answer: Answer, document: object, profile: Profile, entries: int, code: str, words: str
) -> Judgement:
    if not answer.is_whole:
        return Judgement(fate=Fate.AMBIGUOUS, http=answer.status, code="HALF_ANSWER", words=words)
    if not isinstance(document, dict):
        if profile.empty_is_success and not answer.body.strip():
            return Judgement(fate=Fate.ACCEPTED, http=answer.status)
        return Judgement(fate=Fate.UNREADABLE, http=answer.status, code="NOT_JSON", words=words)
    failures = failures_in(document, profile, entries)
    if any(says_no(value_at(document, path)) for path in profile.success_paths):
        return _refusal(answer, document, profile, entries, code, words)
    if not profile.unclear_is_success and (unclear := _unclear_success(document, profile)):
        return Judgement(fate=Fate.UNREADABLE, http=answer.status, code=UNCLEAR, words=unclear)
    if failures is None:
        return Judgement(fate=Fate.MUDDLED, http=answer.status, code=code, words=words)
    if len(failures) == entries:
        return _all_failed(answer, failures, profile)
    return Judgement(fate=Fate.PARTLY, http=answer.status, code=code, words=words, failures=failures)


def _all_failed(answer: Answer, failures: tuple[EntryFailure, ...], profile: Profile) -> Judgement:
    """A refusal in the words of most entries; the few that have words of their own are what it seems to mean."""
    counts = Counter(failure.code for failure in failures)
    code, most = counts.most_common(1)[0]
    words = next(failure.words for failure in failures if failure.code == code)
    if code in profile.temporary_codes:
        wait = seconds(answer.retry_after, 0.0)
        return Judgement(fate=Fate.BUSY, http=answer.status, code=code, words=words, wait=wait)
    others = tuple(failure.index for failure in failures if failure.code != code)
    named = others if most > len(others) else ()
    return Judgement(fate=Fate.REFUSED, http=answer.status, code=code, words=words, named=named)


def says_no(success: object) -> bool:
    """Whether `success` is false; absent is yes (pango-api.md, 3.1)."""
    return (isinstance(success, (bool, int)) and not success) or (
        isinstance(success, str) and success.strip().lower() in {"false", "no", "0"}
    )


def _unclear_success(document: dict[str, object], profile: Profile) -> str:
    """What stands where an answer says whether it succeeded, if that is neither yes nor no; absent is yes."""
    absent = object()
    path = next(iter(profile.success_paths), "success")
    success = value_at(document, path, absent)
    is_yes = success is absent or (isinstance(success, (bool, int)) and success == 1)
    if is_yes or (isinstance(success, str) and success.strip().lower() in {"true", "yes", "1"}):
        return ""
    return f"{path} is {json.dumps(success)[:LONGEST_SUCCESS]}"


def _refusal(answer: Answer, document: object, profile: Profile, entries: int, code: str, words: str) -> Judgement:
    if code in profile.temporary_codes:
        return Judgement(
            fate=Fate.BUSY, http=answer.status, code=code, words=words, wait=seconds(answer.retry_after, 0.0)
        )
    listed = failures_in(document, profile, entries) if isinstance(document, dict) else ()
    named = {failure.index for failure in listed or ()} | set(_named_entries(words, entries))
    fields = tuple(name.strip() for found in _NAMED_FIELD.findall(words) for name in str(found).split(","))
    return Judgement(
        fate=Fate.REFUSED, http=answer.status, code=code, words=words, named=tuple(sorted(named)), fields=fields
    )


def _named_entries(words: str, entries: int) -> Iterator[int]:
    for found in _NAMED_ENTRY.finditer(words):
        index = int(found[1] or found[2])
        if index < entries:
            yield index


def said(answer: Answer, profile: Profile) -> tuple[str, str]:
    """The code and the words of an answer: `HTTP_<status>` and the bare text of its body where it has none."""
    document = answer.document()
    code = next((text for path in profile.code_paths if (text := _text(value_at(document, path)))), "")
    words = next((text for path in profile.message_paths if (text := _text(value_at(document, path)))), "")
    if not words and answer.body:
        words = _bare(answer.body.decode("utf-8", "replace"))
    return code or f"HTTP_{answer.status}", words


def _bare(text: str) -> str:
    """An error page without its markup."""
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text[:20_000])
    return " ".join(re.sub(r"<[^<>]*>", " ", text).split())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, (str, int)) else ""


def failures_in(document: dict[str, object], profile: Profile, entries: int) -> tuple[EntryFailure, ...] | None:
    """The entries that an answer lists as failed; None where it lists some that cannot be placed."""
    for path in profile.failure_paths:
        listed = value_at(document, path)
        if not listed or isinstance(listed, bool):
            continue
        if not isinstance(listed, list):
            return None
        placed = [_failure(item, profile) for item in listed]
        failures = tuple(item for item in placed if item is not None and 0 <= item.index < entries)
        if len(failures) != len(placed) or len({item.index for item in failures}) != len(failures):
            return None
        return failures
    return ()


def _failure(item: object, profile: Profile) -> EntryFailure | None:
    if not isinstance(item, dict):
        return None
    index = next((value for key in profile.index_keys if (value := _index(item.get(key))) is not None), None)
    if index is None:
        return None
    code = next((text for path in profile.code_paths if (text := _text(value_at(item, path)))), "REFUSED")
    words = next((text for path in profile.message_paths if (text := _text(value_at(item, path)))), "")
    return EntryFailure(index=index - profile.first_index, code=code, words=words)


def _index(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:9])
    return value if isinstance(value, int) else None


def seconds(text: str | None, now: float) -> float | None:
    """A wait as a header writes it: seconds, whole or not, or an HTTP date; None where it is absent or absurd."""
    if text is None:
        return None
    try:
        wait = float(text.strip())
    except ValueError:
        try:
            wait = max(0.0, parsedate_to_datetime(text).timestamp() - now)
        except (ValueError, TypeError, OverflowError):
            return None
    return wait if math.isfinite(wait) and 0 <= wait <= LONGEST_WAIT else None
