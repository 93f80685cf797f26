"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no mistake of the program: how fast it must be is measured elsewhere (test_speed.py, benchmarks/).
# Every day half of the usual examples, so that the suite stays under three minutes on two cores; a property that
# wants more says so itself, and `--hypothesis-profile=thorough` tries ten times as many.
settings.register_profile("unhurried", deadline=None, max_examples=50)
settings.register_profile("thorough", deadline=None, max_examples=500)
settings.load_profile("unhurried")
