"""What cannot be read is told in two lines: the file and what is wrong with it, and the next step."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import sys
import zipfile
from typing import TYPE_CHECKING

import openpyxl
import pytest
from support.source_reading import in_windows_1258, read_all

from pango_load.errors import UsageError
from pango_load.plan import SourceOptions
from pango_load.source.files import SourceFormat, find_files, open_source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from pathlib import Path

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
SOUND = "id,name\n1,Nguyễn\n".encode()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


def protected(archive: bytes) -> bytes:
    """The archive with the flag that says its content is encrypted."""
    at = archive.rindex(b"PK\x01\x02") + 8
    return archive[:at] + bytes([archive[at] | 1]) + archive[at + 1 :]


def workbook() -> bytes:
    out = io.BytesIO()
    book = openpyxl.Workbook()
    book.worksheets[0].append(["id", "name"])
    book.worksheets[0].append([1, "Nguyễn"])
    book.save(out)
    return out.getvalue()


UNUSABLE = {
    "empty": ("a.csv", b"", "is empty"),
    "only a mark": ("a.csv", b"\xef\xbb\xbf", "is empty"),
    "only blank lines": ("a.csv", b"\r\n\r\n", "is empty"),
    "binary": ("a.csv", bytes(range(256)).replace(b"\n", b"").replace(b"\r", b"") * 20, "holds binary data"),
    "zeros": ("a.csv", b"a,b\n" + bytes(500), "holds binary data"),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "is a picture"),
    "a PDF": ("a.csv", b"%PDF-1.7\n", "is a PDF"),
    "a web page called .xls": ("a.xls", b"<html><table></table></html>", "is a web page"),
    "text called .xlsx": ("a.xlsx", SOUND, "is not a spreadsheet"),
    "a broken workbook": ("a.xlsx", workbook()[:2000], "cannot be opened as a workbook"),
    "a protected workbook": ("a.xlsx", OLE + bytes(500) + "EncryptedPackage".encode("utf-16-le"), "by a password"),
    "a broken old workbook": ("a.xls", OLE + bytes(2000), "cannot be opened as a workbook"),
    "an archive with two files": ("a.zip", zipped(a_csv=SOUND, b_csv=SOUND), "holds 2 files"),
    "a protected archive": ("a.zip", protected(zipped(a_csv=SOUND)), "is protected by a password"),
    "a packed workbook": ("a.zip", zipped(a_xlsx=workbook()), "holds a workbook in packed form"),
    "a gzip file cut short": ("a.csv.gz", gzip.compress(SOUND * 100)[:-20], "was cut short"),
    "a zstd file cut short": ("a.csv.zst", zstd.compress(SOUND * 100)[:-20], "was cut short"),
    "a zstd file with other bytes": ("a.csv.zst", zstd.compress(SOUND)[:8] + b"\xff" * 20, "cannot be unpacked"),
    "a header in both encodings of its letters": (
        "a.csv",
        "Ma\u0303,M\u00e3\n1,2\n".encode(),
        '"M\u00e3" stands in columns 1 and 2',
    ),
    "a header that polars takes for a pattern": ("a.csv", b"^.*$,b\n1,2\n", 'the column "^.*$" cannot be read'),
    "such a key": ("a.jsonl", b'{"^.*$": 1, "b": 2}\n', 'the column "^.*$" cannot be read'),
    "a header twice": ("a.csv", b"a,b,a\n1,2,3\n", '"a" stands in columns 1 and 3'),
    "a header that is missing": ("a.csv", b"a,,c\n1,2,3\n", "column 2 has none"),
    "headers in bad quotes": ("a.csv", b'a,"b"x\n1,2\n', "a quote in the headers"),
    "a title above": ("a.csv", b"Our customers\n\na,b,c\n1,2,3\n4,5,6\n", "row 1 looks like a title, and row 3"),
    "no such header row": ("a.jsonl", b"[1]\n", "no JSON object"),
    "an unknown encoding": ("a.csv", "имя,город\nИван,Москва\nПётр,Казань\n".encode("cp1251"), "cannot be told"),
    "old Vietnamese fonts": (
        "a.csv",
        b"id,name\n1,Nguy\xd4n Th\xde H\xb9nh\n2,Tr\xcdn V\xa8n C\xad\xeang\n3,Ph\xb9m Qu\xfanh\n",
        "TCVN3",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_file_that_cannot_be_used_is_told_with_the_next_step(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    """Protects against silent garbage, and against a traceback."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(UsageError) as stopped:
        read_all(path)
    assert str(path) in stopped.value.message
    assert message in stopped.value.message
    assert stopped.value.advice
    assert "\n" not in stopped.value.message


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    """Protects whoever mistypes a name."""
    with pytest.raises(UsageError, match="does not exist"):
        open_source([tmp_path / "none.csv"], SourceOptions())
    with pytest.raises(UsageError, match="is a folder"):
        open_source([tmp_path], SourceOptions())


def test_a_pipe_in_place_of_a_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    """Protects `<(zcat a.gz)` from hanging: what can be read only once comes by standard input."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UsageError, match="is no regular file") as stopped:
        open_source([tmp_path / "pipe"], SourceOptions())
    assert "pango-load -" in stopped.value.advice


def test_marks_that_nobody_sees_are_no_part_of_a_header(tmp_path: Path) -> None:
    """Protects headers that look right and match nothing: byte order marks set twice, spaces of no width."""
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeff\ufeffid,\u200bfull name\u00a0\u200b ,b\ufeff\n1,An,2\n".encode())

    assert read_all(path).headers == ("id", "full name", "b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    """Protects whoever runs the load as another user."""
    path = tmp_path / "a.csv"
    path.write_bytes(SOUND)
    path.chmod(0)

    with pytest.raises(UsageError, match="may not be read"):
        open_source([path], SourceOptions())


def test_a_header_without_rows_is_a_source_without_records(tmp_path: Path) -> None:
    """Protects nightly jobs on a day without news."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n")

    read = read_all(path)
    assert (read.headers, read.cells) == (("a", "b"), [])


ENCODED = {
    "UTF-8": (SOUND, ("encoding UTF-8",)),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + SOUND, ("encoding UTF-8, found by its byte order mark",)),
    "UTF-16 LE with a mark": (
        b"\xff\xfe" + SOUND.decode().encode("utf-16-le"),
        ("encoding UTF-16 LE, found by its byte order mark",),
    ),
    "UTF-16 BE with a mark": (
        b"\xfe\xff" + SOUND.decode().encode("utf-16-be"),
        ("encoding UTF-16 BE, found by its byte order mark",),
    ),
    "UTF-16 LE without a mark": (SOUND.decode().encode("utf-16-le"), ("encoding UTF-16 LE, found by its bytes",)),
    "UTF-16 BE without a mark": (SOUND.decode().encode("utf-16-be"), ("encoding UTF-16 BE, found by its bytes",)),
}


@pytest.mark.parametrize(("content", "notes"), ENCODED.values(), ids=ENCODED.keys())
def test_unicode_in_every_form_is_recognised_and_said(content: bytes, notes: tuple[str, ...], tmp_path: Path) -> None:
    """Protects names from Excel's "Unicode text"."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    assert read_all(path).cells == [("1", "Nguyễn")]
    assert open_source([path], SourceOptions()).files[0].notes == notes


def test_many_broken_letters_spoil_their_rows_and_not_the_encoding(tmp_path: Path) -> None:
    """Protects the whole letters of a file that went through a bad pipe: it is still UTF-8."""
    path = tmp_path / "a.csv"
    sound = "".join(f"{number},Nguyễn\n" for number in range(10)).encode()
    path.write_bytes(b"id,name\n" + sound + b"".join(b"%d,Nguy\xe1\xbb \xc3 \xe1\n" % number for number in range(5)))
    read = read_all(path)

    assert read.cells[:10] == [(str(number), "Nguyễn") for number in range(10)]
    assert set(read.codes.values()) == {"source.bad-encoding"}
    assert len(read.damaged) == 5


VIETNAMESE = "mã,họ tên,địa chỉ\n1,Nguyễn Thị Hạnh,Đường Trần Hưng Đạo\n2,Lê Văn Cường,Phường Bến Nghé\n"


def test_windows_1258_is_recognised_by_its_words(tmp_path: Path) -> None:
    """Protects names out of old Vietnamese software, letters and tones as one character."""
    path = tmp_path / "a.csv"
    path.write_bytes(in_windows_1258(VIETNAMESE))

    read = read_all(path)
    assert [list(read.headers), *map(list, read.cells)] == [line.split(",") for line in VIETNAMESE.splitlines()]
    assert open_source([path], SourceOptions()).files[0].notes == (
        "encoding Windows-1258, found by its Vietnamese words",
    )


def test_windows_1252_is_recognised(tmp_path: Path) -> None:
    """Protects names out of Western software."""
    path = tmp_path / "a.csv"
    path.write_bytes("name,ville\nRené Lefèvre,Orléans\nFrançois Müller,Besançon\n".encode("cp1252"))

    assert read_all(path).cells[1] == ("François Müller", "Besançon")
    assert open_source([path], SourceOptions()).files[0].notes == ("encoding Windows-1252, found by its bytes",)


def test_an_encoding_that_is_named_is_taken_and_its_gaps_are_damage(tmp_path: Path) -> None:
    """Protects whoever knows better than we do, and the neighbours of a byte that the encoding lacks."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,\xe9\n2,\x81\n")

    read = read_all(path, options=SourceOptions(encoding="windows-1252"))
    assert read.cells[0] == ("1", "é")
    assert read.codes == {3: "source.bad-encoding"}
    with pytest.raises(UsageError, match="--encoding klingon"):
        read_all(path, options=SourceOptions(encoding="klingon"))


PACKED = {
    "gzip": ("a.csv.gz", gzip.compress(SOUND)),
    "two gzip files in one": ("a.csv.gz", gzip.compress(SOUND[:10]) + gzip.compress(SOUND[10:])),
    "bzip2": ("a.csv.bz2", bz2.compress(SOUND)),
    "zstd": ("a.csv.zst", zstd.compress(SOUND)),
    "two zstd frames in one": ("a.csv.zst", zstd.compress(SOUND[:10]) + zstd.compress(SOUND[10:])),
    "zip": ("a.zip", zipped(a_csv=SOUND)),
    "gzip under another name": ("a.csv", gzip.compress(SOUND)),
}


@pytest.mark.parametrize(("name", "content"), PACKED.values(), ids=PACKED.keys())
def test_packed_files_are_unpacked_while_they_are_read(name: str, content: bytes, tmp_path: Path) -> None:
    """Protects disks: nobody has to unpack an export first."""
    path = tmp_path / name
    path.write_bytes(content)

    assert read_all(path).cells == [("1", "Nguyễn")]


def test_the_encoding_is_found_behind_a_tiny_first_piece(tmp_path: Path) -> None:
    """Protects logs that are packed line by line: the first piece alone says nothing of the letters."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"".join(gzip.compress(line) for line in in_windows_1258(VIETNAMESE).splitlines(keepends=True)))

    assert read_all(path).cells[0] == ("1", "Nguyễn Thị Hạnh", "Đường Trần Hưng Đạo")


def test_a_packed_file_much_larger_than_a_block_arrives_whole(tmp_path: Path) -> None:
    """Protects against losing what a block of the packed file unpacks to beyond the first piece."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 3_000_000, 1))

    source = open_source([path], SourceOptions())
    assert sum(chunk.frame.height for chunk in source.read_chunks()) == 3_000_000


def test_several_files_load_as_one_run(tmp_path: Path) -> None:
    """Protects monthly exports, whatever format each of them has."""
    (tmp_path / "1.csv").write_bytes(b"id,name\n1,x\n")
    (tmp_path / "2.jsonl").write_bytes(b'{"name":"y","id":2,"new":true}\n')
    (tmp_path / "3.xlsx").write_bytes(workbook())

    paths = find_files([str(tmp_path)])
    source = open_source(paths, SourceOptions())
    chunks = list(source.read_chunks())

    assert [file.format for file in source.files] == [SourceFormat.CSV, SourceFormat.JSONL, SourceFormat.XLSX]
    assert source.headers == ("id", "name", "new")
    assert [(chunk.file, chunk.first, chunk.frame.rows(), chunk.rows.to_list()) for chunk in chunks] == [
        (0, 0, [("1", "x", None)], [2]),
        (1, 1, [("2", "y", "true")], [1]),
        (2, 2, [("1", "Nguyễn", None)], [2]),
    ]
    assert source.files[0].notes == ("encoding UTF-8", 'has no column "new": read as empty')


def test_files_without_a_common_header_do_not_make_one_run(tmp_path: Path) -> None:
    """Protects against a folder that holds customers and orders."""
    (tmp_path / "1.csv").write_bytes(b"id,name\n1,x\n")
    (tmp_path / "2.csv").write_bytes(b"order,sum\n1,x\n")

    with pytest.raises(UsageError, match=r"2\.csv has no header in common"):
        open_source(find_files([str(tmp_path / "*.csv")]), SourceOptions())


def test_files_are_found_in_order_and_once(tmp_path: Path) -> None:
    """Protects the order of a run, which resumes count on."""
    for name in ("b.csv", "a.csv", ".hidden", "~$a.xlsx", "c.txt"):
        (tmp_path / name).write_bytes(SOUND)

    everything = find_files([str(tmp_path)])
    assert [path.name for path in everything] == ["a.csv", "b.csv", "c.txt"]
    assert find_files([str(tmp_path / "*.csv"), str(tmp_path / "a.csv")]) == everything[:2]
    (tmp_path / "linked.csv").symlink_to("a.csv")
    (tmp_path / "again").symlink_to(tmp_path)
    linked, through = str(tmp_path / "linked.csv"), str(tmp_path / "again" / "a.csv")
    assert find_files([str(tmp_path / "a.csv"), linked, through]) == everything[:1]
    assert find_files([linked, str(tmp_path)]) == (tmp_path / "linked.csv", *everything[1:])
    with pytest.raises(UsageError, match="No file matches"):
        find_files([str(tmp_path / "*.xlsm")])
    with pytest.raises(UsageError, match=r"none\.csv"):
        find_files([str(tmp_path / "none.csv")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="without files"):
        find_files([str(tmp_path / "empty")])
