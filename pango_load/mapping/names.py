"""When two names of a column or a field are the same name."""

from __future__ import annotations

import re
import unicodedata


def trimmed(name: str) -> str:
    """Without outer white space, in composed letters (NFC): how headers are compared."""
    return unicodedata.normalize("NFC", name).strip()


def folded(name: str) -> str:
    """Case, spaces, `_` and `-` ignored: how headers meet field names (design, section 2)."""
    return re.sub(r"[\s_-]+", "", trimmed(name).casefold())


def plain(name: str) -> str:
    """Letters and digits only, without diacritics: `Mã KH` is `makh`. For suggestions, never for matching alone."""
    apart = unicodedata.normalize("NFKD", name.casefold().replace("đ", "d"))
    return "".join(sign for sign in apart if sign.isalnum() and not unicodedata.combining(sign))


def in_words(name: str) -> str:
    """Separate lower-case words without diacritics: `customerId` and `Customer_ID` are `customer id`."""
    apart = unicodedata.normalize("NFKD", in_marked_words(name).replace("đ", "d"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def in_marked_words(name: str) -> str:
    """Separate lower-case words with their diacritics: `Quê quán` is not `quận`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", unicodedata.normalize("NFKC", name))
    return " ".join("".join(sign if sign.isalnum() else " " for sign in parted.casefold()).split())
