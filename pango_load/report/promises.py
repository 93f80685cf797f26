"""What each way of treating a lost answer means for the rows, in plain words."""

from pango_load.plan import OnUnknown

PROMISES = {
    OnUnknown.RESEND: (
        "A request whose answer never came is sent again: no row of it is left out, and some may arrive twice."
    ),
    OnUnknown.HOLD: (
        "A request whose answer never came is not sent again: its rows are counted as unknown and kept in a file."
    ),
}
