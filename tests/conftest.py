"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no mistake of the program: how fast it must be is measured elsewhere (test_speed.py, benchmarks/).
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
