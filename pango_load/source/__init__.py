"""A file becomes chunks of text cells that know their row numbers."""
