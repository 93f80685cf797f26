"""Bugs put in on purpose, one at a time, into a copy of the package: the everyday checks must see each of them.

The first ten are those of the crash test in the quota document (2.4), the next five those of its limiter (1.6); the
others are mistakes that the rules of delivery invite. A patch that no longer applies fails: then the code has moved on,
and its seed must too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.program import REPOSITORY

DELIVERY = (
    "tests/delivery/test_verdict.py",
    "tests/delivery/test_narrowing.py",
    "tests/journal/test_journal_sending.py",
    "tests/journal/test_resume_rules.py",
    "tests/delivery/test_sender_endings.py",
    "tests/delivery/test_sender_any_schedule.py",
    "tests/delivery/test_faults_over_the_wire.py",
    "tests/delivery/test_token_keeper.py",
    "tests/journal/test_journal_failures.py",
    "tests/journal/test_journal_machine.py",
)
LIMITER = (
    "tests/delivery/test_quota_ring.py",
    "tests/delivery/test_quota_account.py",
    "tests/delivery/test_limiter.py",
    "tests/delivery/test_quota_worlds.py::test_no_window_is_ever_exceeded_at_the_platform",
)
OVERTAKING = ("tests/cli/test_overtaking.py", "tests/cli/test_repeated_rows.py", "tests/cli/test_going_on.py")


@dataclass(frozen=True, slots=True)
class Seed:
    """A bug: in `file` of the package, `right` becomes `wrong`."""

    file: str
    right: str
    wrong: str
    checks: tuple[str, ...] = DELIVERY


SEEDS = {
    # --- quota.md, 2.4 ------------------------------------------------------------------------------------------------
    "accepted is recorded before the request leaves": Seed(
        "delivery/exchange.py",
        "            await self.recorder.sending(batch.number, part)\n",
        "            await self.recorder.sending(batch.number, part)\n"
        "            await self.recorder.piece(batch.number, accepted=tuple(batch.refs[index] for index in piece))\n",
    ),
    "no intent before the request": Seed(
        "delivery/exchange.py",
        "            await self.recorder.sending(batch.number, part)\n",
        "            del part\n",
    ),
    "a time-out is a rejection": Seed(
        "delivery/verdict.py",
        'return Judgement(fate=Fate.AMBIGUOUS, code="NO_ANSWER"',
        'return Judgement(fate=Fate.REFUSED, code="NO_ANSWER"',
    ),
    "a resume takes what was in flight for accepted": Seed(
        "journal/standing.py",
        "    state = BatchState.UNKNOWN if standing.state.is_under_way else standing.state\n",
        "    state = BatchState.ACCEPTED if standing.state.is_under_way else standing.state\n",
    ),
    "taking a batch apart drops a row": Seed(
        "delivery/narrowing.py",
        "        self._parts.appendleft(_Part(piece, is_bad=True))\n",
        "        self._parts.appendleft(_Part(piece[1:] if len(piece) > 2 else piece, is_bad=True))\n",
    ),
    "a batch and its parts are written in two transactions": Seed(
        "journal/ledger.py",
        "        if after.parts != before.parts:\n            self.write_parts(before, after)\n",
        "        if after.parts != before.parts:\n"
        '            self.db.execute("COMMIT")\n            self.db.execute("BEGIN IMMEDIATE")\n'
        "            self.write_parts(before, after)\n",
    ),
    "a resume forgets batches that are unknown": Seed(
        "journal/reading.py",
        "        if resend:\n            wanted = (\n",
        "        if False:\n            wanted = (\n",
    ),
    "the token is in the log": Seed(
        "delivery/exchange.py",
        "            self.listener.sent(batch.number, len(piece))\n",
        "            self.listener.sent(batch.number, len(piece))\n"
        '            _log.info("sending with %s", token.value)\n',
    ),
    "a 500 counts as not applied": Seed(
        "delivery/verdict.py",
        "            return as_(Fate.AMBIGUOUS)\n    return as_(Fate.STOP)\n",
        "            return as_(Fate.NEVER_SENT)\n    return as_(Fate.STOP)\n",
    ),
    "a 400 rejects the whole batch": Seed(
        "delivery/taking_apart.py",
        "        if len(piece) == 1:\n            tally.take(piece, result)\n            return None\n        named",
        "        if piece:\n            tally.take(piece, result)\n            return None\n        named",
    ),
    # --- quota.md, 1.6 ------------------------------------------------------------------------------------------------
    "nothing is forgotten before something is added": Seed(
        "delivery/quota_ring.py",
        "        if self.frees <= now:\n            self.expire(now)\n        slice_",
        "        slice_",
        LIMITER,
    ),
    "a permit is released when the request leaves": Seed(
        "delivery/quota_account.py",
        "            ring.held += want\n            holding.held[place] += want\n",
        "            ring.add(now, now, want)\n            holding.held[place] += 0\n",
        LIMITER,
    ),
    "a limit is off by one": Seed(
        "delivery/quota_account.py",
        "- ring.total - ring.held\n",
        "- ring.total - ring.held + 1\n",
        LIMITER,
    ),
    "the longest window is not enforced": Seed(
        "delivery/quota_account.py",
        "            pairs = zip(terms.windows, terms.limits, strict=True)\n",
        "            pairs = list(zip(terms.windows, terms.limits, strict=True))[: max(1, len(terms.windows) - 1)]\n",
        LIMITER,
    ),
    "a slice is freed at its start": Seed(
        "delivery/quota_ring.py",
        "        self.hold = seconds * (1 + DRIFT) + min(EDGE, seconds / 200)\n",
        "        self.hold = seconds * (1 + DRIFT) + min(EDGE, seconds / 200) - self.width\n",
        LIMITER,
    ),
    # --- what else the rules invite -----------------------------------------------------------------------------------
    "a newer value does not wait for the older one": Seed(
        "delivery/turns.py",
        '            if number in self._unsettled:\n                return float("inf")\n',
        "",
    ),
    "a newer value does not wait out the time-out of an unknown one": Seed(
        "delivery/turns.py",
        "                latest = max(latest, until)\n",
        "                pass\n",
    ),
    "a batch that was settled at its second attempt is not waited for": Seed(
        "journal/reading.py",
        "AND (lost > 0 OR state NOT IN",
        "AND (state NOT IN",
    ),
    "what is held is sent again": Seed(
        "delivery/exchange.py",
        "                if self.options.on_unknown is OnUnknown.HOLD:\n                    return Result(end=End.HELD",
        "                if False:\n                    return Result(end=End.HELD",
    ),
    "a redirect is followed": Seed(
        "delivery/verdict.py",
        "    return as_(Fate.STOP)\n\n\ndef _later",
        "    return as_(Fate.AMBIGUOUS if status < 400 else Fate.STOP)\n\n\ndef _later",
    ),
    "a 2xx that nobody can read is accepted": Seed(
        "delivery/verdict.py",
        '        return Judgement(fate=Fate.UNREADABLE, http=answer.status, code="NOT_JSON", words=words)\n',
        '        return Judgement(fate=Fate.ACCEPTED, http=answer.status, code="NOT_JSON", words=words)\n',
    ),
    "an answer is told before it is on the disk": Seed(
        "journal/run.py",
        "        return self._writer.place(lambda ledger: ledger.settled(outcome))\n",
        "        self._writer.put(lambda ledger: ledger.settled(outcome))\n"
        "        done = asyncio.get_running_loop().create_future()\n"
        "        done.set_result(None)\n"
        "        return done\n",
    ),
    "a request that surely was not executed clears an older doubt": Seed(
        "journal/standing.py",
        "            case BatchState.SENT_AGAIN:\n                return BatchState.UNKNOWN\n",
        "            case BatchState.SENT_AGAIN:\n                return BatchState.PLANNED\n",
    ),
    "each sender renews the token for itself": Seed(
        "delivery/token.py",
        "            if self._generation != generation:\n                return\n",
        "",
        ("tests/delivery/test_token_keeper.py",),
    ),
    "what was held is sent after a newer value": Seed(
        "load.py",
        "        if run.on_unknown is OnUnknown.RESEND:\n            self._leave_out_overtaken",
        "        if False:\n            self._leave_out_overtaken",
        OVERTAKING,
    ),
    "a mended row is sent after a newer value": Seed(
        "newer_rows.py",
        '            overtaken = overtaken.filter(pl.col("at") < pl.col("last"))\n',
        '            overtaken = overtaken.filter(pl.col("at") > pl.col("last"))\n',
        OVERTAKING,
    ),
    "a row is left out for a newer one that was never accepted": Seed(
        "newer_rows.py",
        '        accepted = self.accepted_among(alike["at"].to_list())\n',
        '        accepted = set(alike["at"].to_list())\n',
        OVERTAKING,
    ),
}


def copy_of_the_project(folder: Path) -> Path:
    """The package and its tests in `folder`, which is what `check` runs."""
    for name in ("pango_load", "tests"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    return folder


def check(folder: Path, checks: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run the everyday checks against the package in `folder`, until one of them fails."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *checks],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.mark.heavy
def test_without_a_bug_the_checks_pass_and_look_at_the_copy(tmp_path: Path) -> None:
    """Protects the tests below from failing for another reason."""
    copy = copy_of_the_project(tmp_path)
    where = [sys.executable, "-c", "import pango_load; print(pango_load.__file__)"]
    told = subprocess.run(
        where, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True, check=True
    )
    assert Path(told.stdout.strip()).is_relative_to(copy)
    ended = check(copy, (*DELIVERY, *LIMITER, *OVERTAKING))
    assert ended.returncode == 0, ended.stdout


@pytest.mark.heavy
@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS.keys())
def test_a_seeded_bug_is_caught(seed: Seed, tmp_path: Path) -> None:
    """Protects every promise of delivery from checks that have gone blind."""
    copy = copy_of_the_project(tmp_path)
    path = copy / "pango_load" / seed.file
    text = path.read_text(encoding="utf-8")
    assert text.count(seed.right) == 1, f"{seed.file} has moved on: the seed must too"
    path.write_text(text.replace(seed.right, seed.wrong), encoding="utf-8")
    ended = check(copy, seed.checks)
    assert ended.returncode == 1, ended.stdout
    print(*re.findall(r"^FAILED .*", ended.stdout, re.MULTILINE))  # noqa: T201 - shown with `pytest -rA`: who caught it


def test_every_seed_still_applies() -> None:
    """Protects the heavy test above from rotting unseen between its runs."""
    for seed in SEEDS.values():
        text = (REPOSITORY / "pango_load" / seed.file).read_text(encoding="utf-8")
        assert text.count(seed.right) == 1, seed
