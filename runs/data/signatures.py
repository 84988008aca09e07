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
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\xd0\xcf\x11\xe0", "an old Office document"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; only gzip and zip are read"),
    (0, b"Rar!", "a RAR archive; only gzip and zip are read"),
    (0, b"BZh", "a bzip2 archive; only gzip and zip are read"),
    (0, b"\xfd7zXZ\x00", "an xz archive; only gzip and zip are read"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive; only gzip and zip are read"),
    (257, b"ustar", "a tar archive; only gzip and zip are read"),
    (4, b"ftyp", "a video"),
    (0, b"OggS", "a sound or video"),
    (0, b"ID3", "a sound"),
    (0, b"RIFF", "a sound, video or image"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"%!PS", "a PostScript document"),
)
PARQUET, ZIP, GZIP = b"PAR1", (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\x1f\x8b"
MOST_CONTROL = 0.1  # share of control characters above which bytes are not text
CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def binary(head: bytes) -> str | None:
    """What a file beginning with `head` is, or None when it may be text."""
    for offset, signature, name in SIGNATURES:
        if head.startswith(signature, offset):
            return name
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return "a Python pickle, which is never opened here"
    if _safetensors(head):
        return "a safetensors file, which holds weights and not rows"
    seen = head.replace(b"\0", b"") if head.lstrip()[:1] in (b"{", b"[") else head  # rows, then what a crash left: said by line
    if len(seen) - len(seen.translate(None, CONTROL)) > MOST_CONTROL * len(seen):
        return "a binary file of a kind unknown to us"
    return None


def _safetensors(head: bytes) -> bool:
    """Eight bytes of length, little-endian, then a JSON object."""
    return len(head) > 9 and head[8:10] in (b'{"', b"{}") and head[5:8] == b"\x00\x00\x00"


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
            return "UTF-32LE" if mostly_zero[3] else "UTF-32BE"
        for start, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
            zeros, others = head[start::2].count(0), head[1 - start :: 2].count(0)
            if zeros > 0.6 * pairs and others < 0.1 * pairs:
                return name
    return None
