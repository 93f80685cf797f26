"""Which encoding a text is written in, found from its first bytes, and why it is believed."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from pango_load.errors import UsageError

_SAMPLE_BYTES = 256 << 10
_SURE = 0.75
_UTF8_DAMAGE = 2
"""Broken characters for each whole one of several bytes: legacy text of Viet Nam or the West makes none by chance, that
of China or Japan one in four at most."""

_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\x0b\x0c\x1b")
_FEW_LINES = 0.12
_FEW_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How bytes become text.

    Attributes:
        codec: Python's name for it.
        label: the name that people know.
        found_by: why it was taken: "byte order mark", "--encoding", "its bytes"; empty for UTF-8 without a mark.
    """

    codec: str
    label: str
    found_by: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should see."""
        by = {"": "", "--encoding": ", as --encoding says"}.get(self.found_by, f", found by {self.found_by}")
        return (f"encoding {self.label}{by}",)


_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32 LE"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32 BE"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 LE"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 BE"),
)

LABELS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1258": "Windows-1258",
    "cp1252": "Windows-1252",
}


def find_encoding(place: str, head: bytes, asked: str | None) -> Encoding:
    """The encoding of a text that begins with `head`.

    A byte order mark decides, then `asked`, then the bytes: UTF-16 by its zeros, UTF-8 by its own pattern (a few
    broken characters spoil their rows, not the file), then the legacy encodings of Vietnam by whether the words make
    Vietnamese syllables, then charset-normalizer.

    Raises:
        UsageError: `place` is in an encoding that cannot be read or told; it begins the sentence.
    """
    for mark, codec, label in _MARKS:
        if head.startswith(mark):
            return Encoding(codec=codec, label=label, found_by="its byte order mark")
    if asked is not None:
        return _asked_for(asked)
    zeros = _zeros(head)
    if zeros is not None:
        return zeros
    if _is_mostly_utf8(head):
        return Encoding(codec="utf-8", label="UTF-8")
    return _legacy(place, head[:_SAMPLE_BYTES])


def _asked_for(asked: str) -> Encoding:
    name = asked.strip().lower().replace("_", "-").replace("windows-", "cp")
    if name in {"tcvn3", "abc", "tcvn-3"}:
        raise _tcvn3("--encoding")
    name = {"utf-8-sig": "utf-8", "utf8": "utf-8", "utf-16": "utf-16-le", "1258": "cp1258", "1252": "cp1252"}.get(
        name, name
    )
    try:
        codec = codecs.lookup(name).name
        "a".encode(codec).decode(codec)
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"--encoding {asked} is not an encoding that is known here.",
            "Use for instance utf-8, utf-16, windows-1258 or windows-1252.",
        ) from error
    return Encoding(codec=codec, label=LABELS.get(codec, codec), found_by="--encoding")


def _zeros(head: bytes) -> Encoding | None:
    """UTF-16 without a mark: nearly every second byte of mostly Latin text is zero."""
    sample = head[: 4096 & ~1]
    half = len(sample) // 2
    if half < 4:  # noqa: PLR2004 - fewer characters tell nothing
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > half * 0.6 and even < half * 0.1:
        return Encoding(codec="utf-16-le", label="UTF-16 LE", found_by="its bytes")
    if even > half * 0.6 and odd < half * 0.1:
        return Encoding(codec="utf-16-be", label="UTF-16 BE", found_by="its bytes")
    return None


def _is_mostly_utf8(head: bytes) -> bool:
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    broken = text.count("\ufffd")
    if not broken:
        return True
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return broken <= (foreign - broken) * _UTF8_DAMAGE


def _legacy(place: str, head: bytes) -> Encoding:
    refuse_binary(place, head)
    words = Counter(re.findall(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*", head))
    is_rare = _broken_lines(head) <= _FEW_LINES
    if len(words) < _FEW_WORDS and is_rare:
        return Encoding(codec="utf-8", label="UTF-8")
    as_1258 = _vietnamese_share(words, "cp1258")
    as_tcvn3 = _vietnamese_share(words, None)
    if as_tcvn3 > max(as_1258, _SURE):
        raise _tcvn3(place)
    if as_1258 >= _SURE:
        return Encoding(codec="cp1258", label="Windows-1258", found_by="its Vietnamese words")
    # Only text that is no Unicode needs it.
    from charset_normalizer import from_bytes

    best = from_bytes(head).best()
    codec = codecs.lookup(best.encoding).name if best is not None else ""
    western = {"cp1252", "iso8859-1", "iso8859-15", "cp1250", "latin-1"}
    if codec not in western:
        if is_rare:
            return Encoding(codec="utf-8", label="UTF-8")
        looks = f"; it looks like {codec}" if codec else ""
        raise UsageError(
            f"{place} is not UTF-8, and its encoding cannot be told for certain{looks}.",
            "Name it with --encoding (windows-1258, windows-1252, ...), or save the file as CSV UTF-8.",
        )
    # Windows-1252 holds every printable character of the Latin alphabets that are mistaken for one another here.
    return Encoding(codec="cp1252", label="Windows-1252", found_by="its bytes")


def refuse_binary(place: str, head: bytes) -> None:
    """Turn down what is no text in any encoding of one byte, nor UTF-8.

    Raises:
        UsageError: every twentieth character is a control character, or every tenth a zero.
    """
    sample = head[:4096]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    is_utf8 = _is_mostly_utf8(head)
    if (controls > len(sample) // 20 and not is_utf8) or sample.count(0) > max(32, len(sample) // 10):
        raise UsageError(
            f"{place} is no text: it holds binary data.", "Export the table as CSV UTF-8, Excel (.xlsx) or JSONL."
        )


def _broken_lines(head: bytes) -> float:
    """The share of lines that are no UTF-8: where they are few, their rows are broken rather than the encoding."""
    lines = head.splitlines()
    return sum("\ufffd" in line.decode(errors="replace") for line in lines) / max(len(lines), 1)


def _tcvn3(place: str) -> UsageError:
    return UsageError(
        f"{place}: the text is written for the old TCVN3 (.VnTime, ABC) fonts, which is no encoding that can be read.",
        "Convert it to Unicode first, for instance with UniKey (Ctrl+Shift+F6), and save it as UTF-8.",
    )


_TCVN3 = dict(
    zip(
        bytes.fromhex(
            "b5b6b7b8b9a8bbbcbdbec6a9c7c8c9cacbcccecfd0d1aad2d3d4d5d6d7d8dcdddedfe1e2e3e4abe5e6e7e8e9acea"
            "ebecedeeeff1f2f3f4adf5f6f7f8f9fafbfcfdfeaea1a2a3a4a5a6a7"
        ),
        "àảãáạăằẳẵắặâầẩẫấậèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵđĂÂÊÔƠƯĐ",
        strict=True,
    )
)

_VOWELS = (
    *("iêu", "yêu", "oai", "oao", "oay", "oeo", "uai", "uây", "uôi", "uya", "uyê", "uyu", "ươi", "ươu"),
    *("ai", "ao", "au", "ay", "âu", "ây", "eo", "êu", "ia", "iê", "yê", "iu", "oa", "oă", "oe", "oi", "oo", "ôi"),
    *("ơi", "ua", "uâ", "uê", "ui", "uô", "uơ", "uy", "ưa", "ưi", "ươ", "ưu"),
    *"aăâeêioôơuưy",
)
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdđghklmnpqrstvx])?"
    rf"(?:{'|'.join(_VOWELS)})(?:ng|nh|ch|[cmnpt])?",
)
_TONES = "\u0300\u0301\u0303\u0309\u0323"


def _vietnamese_share(words: Counter[bytes], codec: str | None) -> float:
    """The share of words that make one or more Vietnamese syllables, each with at most one tone."""
    total = good = 0
    for word, times in words.most_common(2000):
        total += times
        if codec is None:
            text = "".join(chr(byte) if byte < 0x80 else _TCVN3.get(byte, "?") for byte in word)  # noqa: PLR2004 - ASCII
        else:
            text = word.decode(codec, "replace")
        good += times * is_syllable(text)
    return good / total if total else 0.0


def is_syllable(word: str) -> bool:
    """Whether `word` could be one Vietnamese syllable."""
    letters = unicodedata.normalize("NFD", word.lower())
    tones = sum(letter in _TONES for letter in letters)
    bare = unicodedata.normalize("NFC", "".join(letter for letter in letters if letter not in _TONES))
    return tones <= 1 and _SYLLABLE.fullmatch(bare) is not None
