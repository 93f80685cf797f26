"""pango-load brings the rows of a file into PangoCDP: none lost, none miscounted, no limit broken.

The road, in the order in which data passes (`load.py` alone knows it):

    ask       cli/         flags, environment and mapping file become a `LoadPlan`
    read      source/      a file becomes chunks of text cells that know their row numbers
    map       mapping/     source columns become Pango's fields
    judge     validation/  rows that may be sent, and rejected rows with their problems
    write     payload/     valid rows become entries, entries become batches of at most 50
    send      delivery/    batches reach Pango under all its rate windows at once
    remember  journal/     what happened, and what is left to do because of it
    tell      report/      what the user takes away

Beside the road: `catalogue/` is what Pango accepts, as data; `sandbox/` stands in for Pango; `records.py` holds the
values that travel; `plan.py` what was asked for; `errors.py` the reasons to stop; `clock.py` the only door to time.

From Python: `load`, `check`, `make_plan` and what they take and give; `docs/python.md` shows each (`python_api.py`).
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pango_load.errors import LoadStopped as LoadStopped
    from pango_load.plan import Credentials as Credentials
    from pango_load.plan import Endpoint as Endpoint
    from pango_load.plan import LoadPlan as LoadPlan
    from pango_load.python_api import LoadProgress as LoadProgress
    from pango_load.python_api import check as check
    from pango_load.python_api import load as load
    from pango_load.python_api import make_plan as make_plan
    from pango_load.run import LoadReport as LoadReport

_PUBLIC = frozenset(
    {"Credentials", "Endpoint", "LoadPlan", "LoadProgress", "LoadReport", "LoadStopped", "check", "load", "make_plan"}
)


class _FrontDoor(ModuleType):
    """Two public functions are called like modules of this package, which Python would put in their place."""

    def __getattribute__(self, name: str) -> object:
        if name in _PUBLIC:
            return getattr(import_module("pango_load.python_api"), name)
        return super().__getattribute__(name)


# Nothing is imported before it is asked for: the command line passes through here on its way to --help.
sys.modules[__name__].__class__ = _FrontDoor
