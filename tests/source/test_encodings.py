"""Every encoding becomes UTF-8 character for character, wherever a block ends."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.source_reading import in_windows_1258

from pango_load.source.encodings import is_syllable
from pango_load.source.text import to_utf8

VIETNAMESE = "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđĂÂÊÔƠƯĐ ,;\n"
WESTERN = bytes(byte for byte in range(1, 256) if byte not in b"\x81\x8d\x8f\x90\x9d").decode("cp1252")


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(["utf-16-le", "utf-16-be"]), st.integers(1, 9))
def test_any_text_in_utf_16_survives(text: str, codec: str, size: int) -> None:
    """Protects Excel's "Unicode text", emoji included."""
    assert b"".join(to_utf8(cut(text.encode(codec), size), codec)).decode() == text


@given(st.text(st.sampled_from(WESTERN)), st.integers(1, 9))
def test_any_western_text_survives(text: str, size: int) -> None:
    """Protects names out of Western software."""
    assert b"".join(to_utf8(cut(text.encode("cp1252"), size), "cp1252")).decode() == text


@given(st.text(st.sampled_from(VIETNAMESE)), st.integers(1, 9))
def test_any_vietnamese_text_survives_as_whole_letters(text: str, size: int) -> None:
    """Protects names out of old Vietnamese software: a tone may come one block after its letter."""
    read = b"".join(to_utf8(cut(in_windows_1258(text), size), "cp1258")).decode()

    assert read == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("word", ["Nguyễn", "Trương", "Quỳnh", "nghiêng", "Đặng", "ý", "khuỷu"])
def test_vietnamese_syllables_are_recognised(word: str) -> None:
    """Protects the choice of Windows-1258 over its neighbours."""
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["NguyÔn", "Müller", "Besançon", "strength", "ñandú"])
def test_other_words_are_no_syllables(word: str) -> None:
    """Protects Western names from being read as Vietnamese."""
    assert not is_syllable(word)
