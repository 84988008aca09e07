"""Files that are no text: images, programs, archives whole and broken, bombs."""

import gzip
import io
import struct
import tarfile
import zipfile
from functools import cache

from tests.oddities.odd import CHAT, GOOD, GOOD_PAIRS, INSTRUCTION, TEXT, Odd, bad, fine, packed, pairs, parquet, zipped

HEADS = {
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "a PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "a GIF": b"GIF89a\x01\x00\x01\x00",
    "a WebP": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "a TIFF": b"II*\x00\x08\x00\x00\x00",
    "a BMP": b"BM\x36\x00\x0c\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00",
    "an ICO": b"\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00",
    "GGUF": b"GGUF\x03\x00\x00\x00" + bytes(64),
    "safetensors": struct.pack("<Q", 60) + b'{"weight": {"dtype": "F32", "shape": [1]}}',
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00",
    "an ELF program": b"\x7fELF\x02\x01\x01",
    "a Windows program": b"MZ\x90\x00\x03",
    "SQLite": b"SQLite format 3\x00",
    "Arrow": b"ARROW1\x00\x00",
    "an Arrow stream": b"\xff\xff\xff\xff\x10\x01\x00\x00" + bytes(40),
    "Avro": b"Obj\x01\x04\x16avro.schema",
    "ORC": b"ORC\x08\x03\x10",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "NumPy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}",
    "old Word": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04",
    "RAR": b"Rar!\x1a\x07\x01\x00",
    "bzip2": b"BZh91AY&SY",
    "xz": b"\xfd7zXZ\x00\x00\x04",
    "Zstandard": b"\x28\xb5\x2f\xfd\x24\x00",
    "lz4": b"\x04\x22\x4d\x18\x64\x40\xa7",
    "MP3": b"ID3\x03\x00\x00",
    "MP4": b"\x00\x00\x00\x20ftypisom",
    "Ogg": b"OggS\x00\x02",
    "RTF": b"{\\rtf1\\ansi hello}",
    "random bytes": bytes((n * 7_919 + n // 3) % 256 for n in range(5_000)),
    "zeros": bytes(5_000),
}


def binaries() -> list[Odd]:
    found = []
    for what, head in HEADS.items():
        found.append(bad(what, "a.jsonl", head, "binary"))
        found.append(bad(what, "a.txt", head, "binary", task=TEXT))
        found.append(bad(f"{what} in gzip", "a.jsonl.gz", packed(head), "binary"))
    for what in ("a PDF", "a PNG", "GGUF", "random bytes"):
        found += [bad(what, name, HEADS[what], "binary") for name in ("a.json", "a.csv", "a.pdf", "a", "a.zip")]
        found.append(bad(what, "a.parquet", HEADS[what], "binary"))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo("rows.jsonl")
        info.size = len(GOOD)
        tar.addfile(info, io.BytesIO(GOOD))
    found.append(bad("tar", "a.tar", file.getvalue(), "binary"))
    found.append(bad("tar in gzip", "a.tar.gz", packed(file.getvalue()), "binary"))
    return found


@cache
def archives() -> list[Odd]:
    whole, texts = packed(GOOD * 2_000), zipped({"a.txt": "A text.\n" * 400, "b/c.txt": "Another."})
    gzips = [
        bad("gzip of nothing", "a.jsonl.gz", packed(b""), "empty"),
        bad("only the magic of gzip", "a.jsonl.gz", b"\x1f\x8b", "broken_archive"),
        bad("the header of gzip", "a.jsonl.gz", whole[:10], "broken_archive"),
        bad("half a gzip", "a.jsonl.gz", whole[: len(whole) // 2], "broken_archive"),
        bad("gzip without its checksum", "a.jsonl.gz", whole[:-8], "broken_archive"),
        bad("gzip with a wrong checksum", "a.jsonl.gz", whole[:-8] + bytes(4) + whole[-4:], "broken_archive"),
        bad("gzip with a wrong length", "a.jsonl.gz", whole[:-4] + bytes(4), "broken_archive"),
        bad("gzip with a flipped bit", "a.jsonl.gz", whole[:200] + bytes([whole[200] ^ 255]) + whole[201:], "broken_archive"),
        bad("gzip of an unknown method", "a.jsonl.gz", whole[:2] + b"\x07" + whole[3:], "broken_archive"),
        bad("something after gzip", "a.jsonl.gz", whole + b"and more", "broken_archive"),
        fine("zeros after gzip, as tapes have", "a.jsonl.gz", packed(GOOD) + bytes(512)),
        bad("gzip in gzip", "a.jsonl.gz.gz", packed(packed(GOOD)), "archive"),
        bad("a gzip bomb", "a.jsonl.gz", packed(bytes(33 << 20)), "bomb"),
        bad("a gzip bomb of spaces", "a.json.gz", packed(b"[" + b" " * (33 << 20)), "bomb"),
        bad("a gzip bomb of text", "a.txt.gz", packed(b"a" * (33 << 20)), "bomb", task=TEXT),
        bad("gzip only by its name", "a.jsonl.gz", b"\x1f\x8c" + GOOD, "encoding"),
        fine("only called gzip", "a.jsonl.gz", GOOD),
        bad("a deflate bomb of gzip in gzip", "a.gz", packed(packed(bytes(64 << 20))), "archive"),
    ]
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    device = zipfile.ZipInfo("tty.txt")
    device.external_attr = 0o020666 << 16
    secret = bytearray(zipped({"a.txt": "secret"}))
    for at, offset in ((secret.find(b"PK\x03\x04"), 6), (secret.find(b"PK\x01\x02"), 8)):
        secret[at + offset] |= 1
    zips = [
        fine("a zip of texts", "a.zip", texts, task=TEXT),
        fine("a zip of texts under another ending", "a.dat", texts, task=TEXT),
        bad("a zip for chat", "a.zip", zipped({"rows.jsonl": GOOD}), "archive"),
        bad("a zip of texts for chat", "a.zip", texts, "archive"),
        bad("a zip called .jsonl", "a.jsonl", texts, "archive"),
        bad("an empty zip", "a.zip", zipped({}), "archive", task=TEXT),
        bad("a zip without texts", "a.zip", zipped({"a.md": "hi"}), "archive", "skipped_file", task=TEXT),
        bad("a zip of empty texts", "a.zip", zipped({"a.txt": "", "b.txt": " \n"}), "empty", "empty_document", task=TEXT),
        fine(
            "a zip with other files",
            "a.zip",
            zipped({"a.txt": "A text.", "b.md": "hi", "__MACOSX/._a.txt": b"\x00\x05\x16\x07" + bytes(50)}),
            "skipped_file",
            task=TEXT,
        ),
        bad("..", "a.zip", zipped({"good.txt": "hi", "../up.txt": "hi"}), "archive", task=TEXT),
        bad(".. inside", "a.zip", zipped({"a/../../up.txt": "hi"}), "archive", task=TEXT),
        bad(".. with backslashes", "a.zip", zipped({"..\\up.txt": "hi"}), "archive", task=TEXT),
        bad("an absolute name", "a.zip", zipped({"/etc/up.txt": "hi"}), "archive", task=TEXT),
        bad("a drive", "a.zip", zipped({"C:\\up.txt": "hi"}), "archive", task=TEXT),
        bad("a share", "a.zip", zipped({"\\\\host\\share\\up.txt": "hi"}), "archive", task=TEXT),
        bad("a link", "a.zip", zipped([(link, "/etc/passwd")]), "archive", task=TEXT),
        bad("a device", "a.zip", zipped([(device, "x")]), "archive", task=TEXT),
        bad("a password", "a.zip", bytes(secret), "archive", task=TEXT),
        fine("stored, not deflated", "a.zip", zipped({"a.txt": "A text."}, zipfile.ZIP_STORED), task=TEXT),
        fine("bzip2 in zip", "a.zip", zipped({"a.txt": "A text."}, zipfile.ZIP_BZIP2), task=TEXT),
        fine("LZMA in zip", "a.zip", zipped({"a.txt": "A text."}, zipfile.ZIP_LZMA), task=TEXT),
        bad(
            "broken LZMA in zip",
            "a.zip",
            _spoiled(zipped({"a.txt": "A text." * 9}, zipfile.ZIP_LZMA), 55),
            "broken_archive",
            task=TEXT,
        ),
        bad(
            "broken bzip2 in zip",
            "a.zip",
            _spoiled(zipped({"a.txt": "A text." * 9}, zipfile.ZIP_BZIP2), 45),
            "broken_archive",
            task=TEXT,
        ),
        bad(
            "a wrong checksum in zip",
            "a.zip",
            _spoiled(zipped({"a.txt": "A text."}, zipfile.ZIP_STORED), 37),
            "broken_archive",
            task=TEXT,
        ),
        bad("AES", "a.zip", _method(zipped({"a.txt": "A text."}), 99), "broken_archive", task=TEXT),
        bad("Deflate64", "a.zip", _method(zipped({"a.txt": "A text."}), 9), "broken_archive", task=TEXT),
        fine("control characters in a name", "a.zip", zipped({"a\x07\x1b[31m.txt": "A text."}), task=TEXT),
        fine("a name of 10,000 characters", "a.zip", zipped({"n" * 10_000 + ".txt": "A text."}), task=TEXT),
        fine("names in other scripts", "a.zip", zipped({"日本/текст.txt": "A text."}), task=TEXT),
        fine("one bad text among good ones is named", "a.zip", texts, task=TEXT),
        bad(
            "two bad texts among good ones",
            "a.zip",
            zipped({"a.txt": "fine", "b.txt": b"\xff\xfe\x00", "c.txt": b"caf\xe9"}),
            "encoding",
            task=TEXT,
        ),
        bad("a zip in a zip", "a.zip", zipped({"a.txt": zipped({"b.txt": "hi"})}), "binary", task=TEXT),
        bad("a zip that holds a zip", "a.zip", zipped({"inner.zip": texts}), "archive", "skipped_file", task=TEXT),
        bad("a bomb", "a.zip", zipped({"a.txt": bytes(33 << 20)}), "bomb", task=TEXT),
        bad("many small bombs", "a.zip", zipped({f"{n}.txt": bytes(1 << 20) for n in range(40)}), "bomb", task=TEXT),
        bad("an image in it", "a.zip", zipped({"a.txt": HEADS["a PNG"]}), "binary", task=TEXT),
        bad("Latin-1 in it", "a.zip", zipped({"a.txt": "Où?".encode("latin-1")}), "encoding", task=TEXT),
        bad("UTF-16 in it", "a.zip", zipped({"a.txt": "A text.".encode("utf-16")}), "encoding", task=TEXT),
        bad("NUL in it", "a.zip", zipped({"a.txt": b"a fine text " * 40 + b"\x00"}), "nul", task=TEXT),
        bad("a zip cut off", "a.zip", texts[:-30], "broken_archive", task=TEXT),
        bad("half a zip", "a.zip", texts[: len(texts) // 2], "broken_archive", task=TEXT),
        bad("only the magic of zip", "a.zip", b"PK\x03\x04", "broken_archive", task=TEXT),
        bad(
            "a zip with a flipped bit", "a.zip", texts[:45] + bytes([texts[45] ^ 255]) + texts[46:], "broken_archive", task=TEXT
        ),
        bad(
            "a Word document",
            "a.docx",
            zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"}),
            "binary",
            task=TEXT,
        ),
        bad("an Excel sheet for chat", "a.xlsx", zipped({"[Content_Types].xml": "<Types/>"}), "binary"),
        bad(
            "an OpenDocument text",
            "a.odt",
            zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<x/>"}),
            "binary",
            task=TEXT,
        ),
        bad(
            "a PyTorch checkpoint", "a.pt", zipped({"archive/data.pkl": b"\x80\x02}q\x00.", "archive/version": "3\n"}), "binary"
        ),
        bad("an EPUB", "a.epub", zipped({"mimetype": "application/epub+zip", "a.txt": "x"}), "binary", task=TEXT),
        bad(
            "the same name twice",
            "a.zip",
            zipped([("a.txt", "one"), ("b.txt", "two")]).replace(b"b.txt", b"a.txt"),
            "archive",
            task=TEXT,
        ),
        fine("a zip with a comment before it", "a.zip", _commented(texts), task=TEXT),
        fine("a folder in a zip", "a.zip", zipped([("folder/", ""), ("folder/a.txt", "hi there")]), task=TEXT),
        fine("a zip in gzip", "a.zip.gz", packed(texts), task=TEXT),
        bad("100,000 entries", "a.zip", _many(100_000), "empty", "empty_document", task=TEXT),
    ]
    return gzips + zips


def _commented(archive: bytes) -> bytes:
    file = io.BytesIO(archive)
    with zipfile.ZipFile(file, "a") as opened:
        opened.comment = b"made on a Tuesday"
    return file.getvalue()


def _spoiled(archive: bytes, at: int) -> bytes:
    return archive[:at] + bytes([archive[at] ^ 255]) + archive[at + 1 :]


def _method(archive: bytes, number: int) -> bytes:
    """The same archive, said to be compressed otherwise."""
    at, listed = archive.find(b"PK\x03\x04") + 8, archive.find(b"PK\x01\x02") + 10
    method = struct.pack("<H", number)
    return archive[:at] + method + archive[at + 2 : listed] + method + archive[listed + 2 :]


def _many(number: int) -> bytes:
    """A zip of that many empty texts, written by hand: zipfile takes seconds."""
    entries, directory = [], []
    offset = 0
    for n in range(number):
        name = b"%06d.txt" % n
        local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0) + name
        directory.append(
            struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0, 0, 0, 0, 0, offset) + name
        )
        entries.append(local)
        offset += len(local)
    index = b"".join(directory)
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, number, number, len(index), offset)
    where = struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + len(index), 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return b"".join([*entries, index, end64, where, end])


def compressed_tables() -> list[Odd]:
    good = parquet(pairs(50))
    return [
        fine("parquet in gzip", "a.parquet.gz", packed(good), task=INSTRUCTION),
        bad("a parquet file cut in gzip", "a.parquet.gz", packed(good)[:-40], "broken_archive", task=INSTRUCTION),
        fine("CSV in gzip", "a.csv.gz", packed(b"prompt,response\na,b\n"), task=INSTRUCTION),
        fine("pairs in gzip", "a.jsonl.gz", gzip.compress(GOOD_PAIRS, mtime=0), task=INSTRUCTION),
        bad("parquet in gzip for chat", "a.parquet.gz", packed(good), "keys", task=CHAT),
    ]
