"""A stand-in for the Pango API, strict where the documents are strict."""
