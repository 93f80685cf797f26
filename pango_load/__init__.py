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
"""
