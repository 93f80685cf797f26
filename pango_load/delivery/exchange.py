"""One piece of a batch, sent again and again until it is known what became of it."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pango_load.delivery.answer import Answer, NeverSent, Reply, Trouble
from pango_load.delivery.limiter import PermitEnd
from pango_load.delivery.listener import Wait
from pango_load.delivery.narrowing import entries_of
from pango_load.delivery.pauses import RetryBudget, next_pause
from pango_load.delivery.token import untrusted
from pango_load.delivery.verdict import UNCLEAR, EntryFailure, Fate, Judgement, judge
from pango_load.errors import LoadStopped, MustBeMended, TemporaryStop
from pango_load.plan import OnUnknown

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from pango_load.clock import Clock
    from pango_load.delivery.client import Line, Platform
    from pango_load.delivery.gate import Gate
    from pango_load.delivery.limiter import Limiter
    from pango_load.delivery.listener import Listener
    from pango_load.delivery.narrowing import Piece
    from pango_load.delivery.patience import Patience
    from pango_load.delivery.pauses import Outage, Pauses
    from pango_load.delivery.quota_terms import Permit
    from pango_load.delivery.recorder import Recorder
    from pango_load.delivery.roster import Roster
    from pango_load.delivery.scrub import Scrubber
    from pango_load.delivery.token import Token, TokenKeeper
    from pango_load.plan import DeliveryOptions
    from pango_load.records import Batch

_log = logging.getLogger(__name__)

ODD_IN_A_ROW = 10
"""So many successes in a row that are no JSON, and none that is, mean that something else answers in Pango's place."""
ODD_AT_FIRST = 3
LONGEST_CODE = 64
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}|\d{1,5}")
"""What can be a code of the platform, and is no sentence."""
LONG_WAIT = 60.0
"""Waits for quota longer than this (seconds) do not count as time in which nothing works."""

_ADVICE = {
    403: "The key may lack the permission to send this object type: see the model's API screen.",
    404: "Compare PANGO_INGEST_URL with the address on the model's API screen.",
    405: "Compare PANGO_INGEST_URL with the address on the model's API screen.",
    407: "The proxy wants to know who asks: see HTTPS_PROXY.",
}


@dataclass(slots=True, kw_only=True)
class Job:
    """What is known of a batch on its way, in this run.

    Attributes:
        attempts: requests that the platform may have looked at; a 429 is none.
        http: the last status.
        doubted_at: when an answer was missed last, steady seconds.
        conclusive: how many answers of all batches told something when this one began.
        was_failing: it was taken apart because it alone got no answer.
    """

    batch: Batch
    attempts: int = 0
    http: int | None = None
    doubted_at: float | None = None
    conclusive: int = 0
    was_failing: bool = False


class End(Enum):
    """What became of a piece, in the end."""

    ACCEPTED = auto()
    PARTLY = auto()
    REFUSED = auto()
    TOO_LARGE = auto()
    HELD = auto()
    """Nobody knows, and it is not sent again."""
    FAILING = auto()
    """It gets no answer while others do: to be taken apart."""
    MUDDLED = auto()
    """Something of it was refused, and the rest may well be taken: recorded as unanswered, to be taken apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a piece, with the platform's words freed of values."""

    end: End
    code: str = ""
    words: str = ""
    failures: tuple[EntryFailure, ...] = ()
    judgement: Judgement = field(default_factory=lambda: Judgement(fate=Fate.ACCEPTED))


_ACCEPTED = Result(end=End.ACCEPTED)


@dataclass(slots=True, kw_only=True)
class _Trials:
    """The attempts at one piece."""

    failures: int = 0
    since: float = 0.0
    conclusive: int = 0


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Sends pieces for all senders, and is the one place where what they learn of the service comes together.

    Attributes:
        conclusive: answers that told something: the service is at work.
        was_reached: the host was reached at least once in this run.
    """

    client: Platform
    limiter: Limiter
    recorder: Recorder
    options: DeliveryOptions
    clock: Clock
    listener: Listener
    tokens: TokenKeeper
    gate: Gate
    outage: Outage
    patience: Patience
    pauses: Pauses
    roster: Roster
    scrubber: Scrubber
    dice: random.Random
    budget: RetryBudget = field(default_factory=RetryBudget)
    conclusive: int = 0
    was_reached: bool = False
    _odd_in_a_row: int = 0
    _last: Judgement | None = None

    async def send(self, job: Job, piece: Piece, line: Line) -> Result:
        """Send `piece` (indices of the batch's entries) until it is known what became of it.

        When it returns, the answer is not recorded yet; whatever was recorded before says that a request is under way.

        Raises:
            LoadStopped: where the load cannot go on.
            CalledOff: where it ends.
        """
        trials = _Trials()
        if self._last is not None and self.outage.is_over(self.clock.steady()):
            # Where unknown batches are held, none of them comes back to notice that nothing works any more.
            raise self._gave_up(self._last)
        while True:
            self.roster.rest()
            await self.gate.enter()
            try:
                judgement = await self._try(job, piece, line)
            finally:
                self.gate.leave()
            result = await self._weigh(job, piece, judgement, trials)
            if result is not None:
                return result

    async def _try(self, job: Job, piece: Piece, line: Line) -> Judgement:
        """One request: permit, intention, request, verdict."""
        batch = job.batch
        entries = entries_of(batch, piece)
        part = None if len(piece) == len(batch.entries) else tuple(batch.refs[index] for index in piece)
        token, permit = await self._allowed()
        end = PermitEnd.NEVER_SENT
        wait: float | None = None
        try:
            self.roster.begin()
            await self.recorder.sending(batch.number, part)
            self.listener.sent(batch.number, len(piece))
            # From here on nobody may assume that the platform saw nothing.
            end = PermitEnd.ANSWERED
            try:
                reply = await line.send(entries, token.value)
            except asyncio.CancelledError:
                await self.recorder.unanswered(batch.number)
                raise
            judgement = freed(
                judge(reply, profile=self.client.profile, entries=len(piece), now=self.clock.now()),
                self.scrubber,
                entries,
                keep_words=self.client.profile.keep_words,
            )
            match judgement.fate:
                case Fate.NEVER_SENT:
                    end = PermitEnd.NEVER_SENT
                case Fate.LIMITED:
                    end, wait = PermitEnd.LIMITED, judgement.wait
                case _:
                    pass
        finally:
            self.limiter.settle(permit, end, retry_after=wait)
        await self._note(job, judgement, reply, token)
        return judgement

    async def _allowed(self) -> tuple[Token, Permit]:
        """A token and a permit. A long wait for the permit may outlive the token."""
        token = await self.tokens.current()
        for _ in range(2):
            if self.patience.is_limited and (full := self.limiter.next_possible()) is not None:
                self.patience.check(full.until - self.clock.now(), full.reason)
            began = self.clock.steady()
            permit = await self.limiter.acquire()
            now = self.clock.steady()
            if now - began > LONG_WAIT:
                self.outage.excuse(began, now)
            if not token.is_due(now):
                break
            # The renewal takes a permit as well: with this one in hand it might wait for itself.
            self.limiter.settle(permit, PermitEnd.NEVER_SENT)
            token = await self.tokens.current()
        else:
            permit = await self.limiter.acquire()
        return token, permit

    async def _note(self, job: Job, judgement: Judgement, reply: Reply, token: Token) -> None:
        """Take in what every answer tells, whatever becomes of the piece."""
        fate = judgement.fate
        if not isinstance(reply, NeverSent):
            self.was_reached = True
            job.http = judgement.http
            job.attempts += fate is not Fate.LIMITED
        if isinstance(reply, Answer) and fate is not Fate.TOKEN_REFUSED:
            self.tokens.proved(token)
        self._odd_in_a_row = self._odd_in_a_row + 1 if fate is Fate.UNREADABLE else 0
        self._last = judgement
        self._learn(judgement)
        if fate is Fate.STOP:
            await self.recorder.returned(job.batch.number)
            raise self._must_be_mended(judgement, reply)
        if isinstance(reply, NeverSent) and reply.trouble is Trouble.CERTIFICATE and not self.was_reached:
            await self.recorder.returned(job.batch.number)
            raise untrusted("PANGO_INGEST_URL")
        if fate is Fate.TOKEN_REFUSED:
            await self.recorder.returned(job.batch.number)
            self.roster.rest()
            await self.tokens.refused(token)

    def _learn(self, judgement: Judgement) -> None:
        """Take in what the answer tells of the service."""
        match judgement.fate:
            case Fate.ACCEPTED | Fate.PARTLY | Fate.REFUSED | Fate.TOO_LARGE | Fate.MUDDLED:
                self.conclusive += 1
                self.outage.succeeded()
                self.gate.worked()
                self.budget.earn()
            case Fate.NEVER_SENT | Fate.AMBIGUOUS | Fate.UNREADABLE:
                self.outage.failed(self.clock.steady())
                self.gate.failed()
            case Fate.BUSY:
                self.outage.failed(self.clock.steady())
                self.gate.failed(wait=judgement.wait)
            case Fate.LIMITED:
                self.outage.failed(self.clock.steady())
            case Fate.TOKEN_REFUSED | Fate.STOP:
                pass

    async def _weigh(  # noqa: PLR0911 - a table of fates
        self, job: Job, piece: Piece, judgement: Judgement, trials: _Trials
    ) -> Result | None:
        """What the answer makes of the piece; None: it is sent again, after a pause that is over."""
        number = job.batch.number
        code, words = judgement.code, judgement.words
        match judgement.fate:
            case Fate.ACCEPTED:
                return _ACCEPTED
            case Fate.PARTLY:
                failures = tuple(replace(failure, index=piece[failure.index]) for failure in judgement.failures)
                return Result(end=End.PARTLY, failures=failures)
            case Fate.REFUSED:
                return Result(end=End.REFUSED, code=code, words=words, judgement=judgement)
            case Fate.TOO_LARGE:
                return Result(end=End.TOO_LARGE, code=code, words=words)
            case Fate.MUDDLED if self.options.on_unknown is OnUnknown.RESEND:
                job.doubted_at = self.clock.steady()
                await self.recorder.unanswered(number)
                return Result(end=End.MUDDLED, code=code, words=words, judgement=judgement)
            case Fate.TOKEN_REFUSED:
                return None
            case Fate.LIMITED | Fate.NEVER_SENT | Fate.BUSY:
                await self.recorder.returned(number)
            case _:
                job.doubted_at = self.clock.steady()
                await self.recorder.unanswered(number)
                self._refuse_odd_answers(judgement)
                if self.options.on_unknown is OnUnknown.HOLD:
                    return Result(end=End.HELD, code=code, words=words)
        self.roster.rest()
        return await self._again(job, piece, judgement, trials)

    async def _again(self, job: Job, piece: Piece, judgement: Judgement, trials: _Trials) -> Result | None:
        now = self.clock.steady()
        if self.outage.is_over(now):
            if self._is_to_blame(job, piece):
                self.outage.succeeded()
                return Result(end=End.HELD)
            raise self._gave_up(judgement)
        if judgement.fate is Fate.LIMITED:
            self.listener.waiting(Wait.QUOTA, judgement.wait)
            return None
        if not self.was_reached and self._contact_failed(now):
            raise self._gave_up(judgement)
        if trials.failures == 0:
            trials.since, trials.conclusive = now, self.conclusive
        trials.failures += 1
        end = self._lone_end(piece, judgement, trials, now)
        if end is not None:
            job.was_failing = True
            return Result(end=end)
        pause = next_pause(trials.failures, self.pauses, self.dice)
        if not self.budget.spend():
            pause = max(pause, min(self.pauses.longest, self.pauses.first * 2.0 ** min(trials.failures, 60)))
        _log.info("batch %d: %s, again in %.1f s", job.batch.number, judgement.code, pause)
        self.listener.repeated(job.batch.number, judgement.words or judgement.code, pause)
        await self.patience.nap(pause, judgement.words or judgement.code)
        return None

    def _lone_end(self, piece: Piece, judgement: Judgement, trials: _Trials, now: float) -> End | None:
        """Whether this piece alone gets no answer, so that it is taken apart, or at last held where it cannot be."""
        if judgement.fate not in {Fate.AMBIGUOUS, Fate.UNREADABLE}:
            return None
        others_pass = self.conclusive > trials.conclusive
        if len(piece) == 1:
            return End.HELD if others_pass and now - trials.since >= self.options.give_up_after else None
        # With nobody beside it to compare with, it takes more to say that the service is not to blame.
        enough = self.pauses.lone if others_pass else 2 * self.pauses.lone
        return End.FAILING if trials.failures >= enough else None

    def _is_to_blame(self, job: Job, piece: Piece) -> bool:
        """Whether it is this one entry that gets no answer, and not the service: its neighbours got theirs."""
        return len(piece) == 1 and job.was_failing and self.conclusive > job.conclusive

    def _contact_failed(self, now: float) -> bool:
        return self.outage.since is not None and now - self.outage.since >= self.pauses.first_contact

    def _refuse_odd_answers(self, judgement: Judgement) -> None:
        if judgement.fate is not Fate.UNREADABLE:
            return
        enough = ODD_AT_FIRST if self.conclusive == 0 or self.options.on_unknown is OnUnknown.HOLD else ODD_IN_A_ROW
        if self._odd_in_a_row >= enough and judgement.code == UNCLEAR:
            raise MustBeMended(
                f"{self.client.host} answers HTTP {judgement.http}, and {judgement.words}: neither true nor false.",
                "Ask what it means; if it is a success, set unclear_is_success in the profile. Rows sent are unknown.",
            )
        if self._odd_in_a_row >= enough:
            raise MustBeMended(
                f'{self.client.host} answers HTTP {judgement.http}, and no JSON: "{judgement.words}".',
                "A proxy or a login page may answer in Pango's place; compare PANGO_INGEST_URL with the API screen.",
            )

    def _gave_up(self, judgement: Judgement) -> LoadStopped:
        if not self.was_reached:
            return TemporaryStop(
                f"{self.client.host} cannot be reached: {judgement.words}. Nothing was sent.",
                "Check PANGO_INGEST_URL and the network; run the same command again to go on.",
            )
        last = judgement.words if judgement.http is None else f"HTTP {judgement.http}"
        seconds = self.options.give_up_after
        lasted = f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:g} s"  # noqa: PLR2004 - a minute
        return TemporaryStop(
            f"Nothing has worked at {self.client.host} for {lasted} (last: {last}).",
            "Run the same command again when the service is back; it goes on where it stopped.",
        )

    def _must_be_mended(self, judgement: Judgement, reply: Reply) -> LoadStopped:
        shown = f"{judgement.code}: {judgement.words}" if judgement.words else judgement.code
        advice = _ADVICE.get(judgement.http or 0, "Mend what the answer names, then run the same command again.")
        if isinstance(reply, Answer) and 300 <= reply.status <= 399:  # noqa: PLR2004 - the class of redirects
            where = self.scrubber.clean(urlsplit(reply.location or "").netloc) or "nowhere"
            shown = f"a redirect to {where}"
            advice = "Redirects are not followed, since keys would follow: put the final address into PANGO_INGEST_URL."
        return MustBeMended(f"{self.client.host} answers HTTP {judgement.http} ({shown}).", advice)


def _code_alone(code: str, otherwise: str) -> str:
    return code if _CODE.fullmatch(code) else otherwise


def freed(judgement: Judgement, scrubber: Scrubber, entries: Sequence[bytes], *, keep_words: bool = True) -> Judgement:
    """`judgement` without secrets and without values of `entries`, at once: nothing later has to think of it.

    Without `keep_words` nothing of what an answer says is left but a code that looks like one.
    """
    if not judgement.code and not judgement.failures:
        return judgement
    if not keep_words and judgement.http is not None:
        judgement = replace(
            judgement,
            code=_code_alone(judgement.code, f"HTTP_{judgement.http}"),
            words="",
            failures=tuple(
                replace(failure, code=_code_alone(failure.code, "REFUSED"), words="") for failure in judgement.failures
            ),
        )
    said = [judgement.code, judgement.words]
    for failure in judgement.failures:
        said += [failure.code, failure.words]
    clean = iter(scrubber.clean_all(said, entries))
    return replace(
        judgement,
        code=next(clean)[:LONGEST_CODE],
        words=next(clean),
        failures=tuple(
            replace(failure, code=next(clean)[:LONGEST_CODE], words=next(clean)) for failure in judgement.failures
        ),
    )
