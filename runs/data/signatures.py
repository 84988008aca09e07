"""What a file is when it is not text: recognised by its first bytes, named for the person who chose it."""

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (  # offset, bytes, what it is
    (0, b"%PDF", "a PDF document"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (0, b"GGUF", "a GGUF model, which holds weights and not rows"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a Windows program"),
    (0, b"\xcf\xfa\xed\xfe", "a macOS program"),
    (0, b"\xca\xfe\xba\xbe", "a macOS program or a Java class"),
    (0, b"\x00asm", "a WebAssembly program"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"ARROW1", "an Arrow file; save it as .parquet"),
    (0, b"Obj\x01", "an Avro file; save it as .parquet"),
    (0, b"ORC", "an ORC file; save it as .parquet"),
    (0, b"PARE", "an encrypted parquet file; save it without encryption"),
    (0, b"\xff\xff\xff\xff", "an Arrow stream; save it as .parquet"),
    (0, b"FEA1", "a Feather file; save it as .parquet"),
    (8, b"DUCK", "a DuckDB database; export the table as .parquet or .csv"),
    (4, b"Standard Jet DB", "an Access database; export the table as .csv"),
    (0, b"7\x7f\x06\x82", "the journal of an SQLite database"),
    (0, b"7\x7f\x06\x83", "the journal of an SQLite database"),
    (0, b"PGDMP", "a dump of PostgreSQL; export the table as .csv"),
    (0, b"MATLAB 5.0", "a MATLAB file"),
    (0, b"RDX", "an R data file; export the table as .csv"),
    (0, b"X\n\0\0\0", "an R data file; export the table as .csv"),
    (0, b"<stata_dta>", "a Stata file; export the table as .csv"),
    (0, b"$FL2", "an SPSS file; export the table as .csv"),
    (0, b"lmgg", "a GGML model, which holds weights and not rows"),
    (0, b"fmgg", "a GGML model, which holds weights and not rows"),
    (0, b"tjgg", "a GGML model, which holds weights and not rows"),
    (4, b"TFL3", "a TensorFlow Lite model, which holds weights and not rows"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\xd0\xcf\x11\xe0", "an old Office document"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; only gzip and zip are read"),
    (0, b"Rar!", "a RAR archive; only gzip and zip are read"),
    (0, b"BZh", "a bzip2 archive; only gzip and zip are read"),
    (0, b"\xfd7zXZ\x00", "an xz archive; only gzip and zip are read"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive; only gzip and zip are read"),
    (0, b'\x04"M\x18', "an lz4 archive; only gzip and zip are read"),
    (0, b"\x1f\x9d", "a compress archive (.Z); only gzip and zip are read"),
    (0, b"\x1f\xa0", "a compress archive (.Z); only gzip and zip are read"),
    (0, b"x\x9c", "a zlib stream; only gzip and zip are read"),
    (0, b"x\x01", "a zlib stream; only gzip and zip are read"),
    (0, b"LZIP", "an lzip archive; only gzip and zip are read"),
    (0, b"]\0\0", "an LZMA archive; only gzip and zip are read"),
    (0, b"\xff\x06\0\0sNaPpY", "a Snappy archive; only gzip and zip are read"),
    (0, b"\x89LZO", "an lzop archive; only gzip and zip are read"),
    (0, b"!<arch>", "a package or library (ar archive); only gzip and zip are read"),
    (0, b"07070", "a cpio archive; only gzip and zip are read"),
    (0, b"\xed\xab\xee\xdb", "an RPM package"),
    (0, b"MSCF", "a cabinet archive; only gzip and zip are read"),
    (0, b"xar!", "a macOS package"),
    (0, b"hsqs", "a SquashFS image"),
    (32_769, b"CD001", "the image of a disc"),
    (0, b"Salted__", "a file encrypted by OpenSSL; decrypt it first"),
    (0, b"age-encryption.org", "a file encrypted by age; decrypt it first"),
    (0, b"d8:announce", "a torrent, which names files and does not hold them"),
    (0, b"bplist", "a property list"),
    (257, b"ustar", "a tar archive; only gzip and zip are read"),
    (4, b"ftypheic", "a HEIC image"),
    (4, b"ftypavif", "an AVIF image"),
    (4, b"ftyp", "a video"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"fLaC", "a sound"),
    (0, b"MThd", "a sound"),
    (0, b"#!AMR", "a sound"),
    (0, b"\xff\xfb", "a sound"),
    (0, b"\xff\xf1", "a sound"),
    (0, b"\0\0\1\0", "an icon"),
    (0, b"8BPS", "a Photoshop image"),
    (0, b"AT&TFORM", "a DjVu document"),
    (60, b"BOOKMOBI", "an e-book; save its text as .txt"),
    (0, b"wOF2", "a font"),
    (0, b"wOFF", "a font"),
    (0, b"OTTO", "a font"),
    (0, b"\0\1\0\0\0", "a font"),
    (0, b"L\0\0\0\1\x14\2\0", "a Windows shortcut, not the file that it points to"),
    (0, b"\0\0\0\1Bud1", "a folder's settings of macOS (.DS_Store)"),
    (0, b"b0VIM", "a swap file of vim, not the file that it belongs to"),
    (0, b"\xd4\xc3\xb2\xa1", "a capture of network traffic"),
    (0, b"OggS", "a sound or video"),
    (0, b"ID3", "a sound"),
    (0, b"RIFF", "a sound, video or image"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"%!PS", "a PostScript document"),
)
PARQUET, ZIP, GZIP = b"PAR1", (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\x1f\x8b"
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
MOST_CONTROL = 0.1  # share of control characters above which bytes are not text
CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def signed(head: bytes) -> str | None:
    """What a file is that bears one of the signatures."""
    return next((name for offset, signature, name in SIGNATURES if head.startswith(signature, offset)), None)


def binary(head: bytes) -> str | None:
    """What a file beginning with `head` is, or None when it may be text."""
    if name := signed(head):
        return name
    if head[:2] in PICKLES or head[:3] in (b"]q\0", b"}q\0"):
        return "a Python pickle, which is never opened here"
    if _safetensors(head):
        return "a safetensors file, which holds weights and not rows"
    if _tfrecord(head):
        return "a TFRecord file; write its examples as JSON lines"
    seen = head.replace(b"\0", b"") if head.lstrip()[:1] in (b"{", b"[") else head  # rows, then what a crash left: said by line
    if len(seen) - len(seen.translate(None, CONTROL)) > MOST_CONTROL * len(seen):
        return "a binary file of a kind unknown to us"
    return None


def _safetensors(head: bytes) -> bool:
    """Eight bytes of length, little-endian, then a JSON object."""
    return len(head) > 9 and head[8:10] in (b'{"', b"{}") and head[5:8] == b"\x00\x00\x00"


def _tfrecord(head: bytes) -> bool:
    """Records of eight bytes of length, little-endian, four of checksum, the data, and four more of checksum."""
    at, seen = 0, 0
    while at + 12 <= len(head) and seen < 3:
        length = int.from_bytes(head[at : at + 8], "little")
        if not 0 < length < 1 << 32 or head[at + 5 : at + 8] != b"\0\0\0" or not any(head[at + 8 : at + 12]):
            return False
        at, seen = at + 12 + length + 4, seen + 1
    return seen == 3 or (seen > 0 and at == len(head))


def wide(head: bytes) -> str | None:
    """The name of the encoding when the bytes are UTF-16 or UTF-32, with a byte order mark or without."""
    for mark, name in (
        (b"\xff\xfe\x00\x00", "UTF-32"),
        (b"\x00\x00\xfe\xff", "UTF-32"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ):
        if head.startswith(mark):
            return name
    pairs = len(head) // 2
    if pairs >= 8:
        mostly_zero = [head[start::4].count(0) > 0.95 * (pairs // 2) for start in range(4)]
        if mostly_zero in ([False, True, True, True], [True, True, True, False]):
            name = "UTF-32LE" if mostly_zero[3] else "UTF-32BE"
            return name if _reads(head, name) else None
        for start, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
            zeros, others = head[start::2].count(0), head[1 - start :: 2].count(0)
            if zeros > 0.6 * pairs and others < 0.1 * pairs and _reads(head, name):
                return name
    return None


def _reads(head: bytes, encoding: str) -> bool:
    """Whether the bytes are text in this encoding: numbers in a binary file have zeros at the same places."""
    text = head[: len(head) // 4 * 4].decode(encoding, errors="replace")
    odd = sum(not (mark.isprintable() or mark.isspace()) for mark in text) + text.count("\ufffd")
    return odd <= MOST_CONTROL * len(text)
