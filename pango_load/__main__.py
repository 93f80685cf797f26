"""`python -m pango_load` is `pango-load`."""

from pango_load.cli.program import program

program()
