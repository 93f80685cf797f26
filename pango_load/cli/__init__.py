"""Words, flags, progress and exit codes: the only room that prints."""
