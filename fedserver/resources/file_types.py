"""What a file of a resource is, by what is in it and never by its name: the types that harm nobody who opens them.

Refused is what runs, or hides something: programs, scripts, HTML, SVG, macros, what is encrypted, and files that are two things
at once. A name only tells apart what is text, and gets the ending of what the file is. Everything here blocks.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from fedserver.content.text import clean_line
from fedserver.errors import Invalid
from fedserver.media.sniff import SNIFF_BYTES, sniff
from fedserver.resources import zips

NAME_CHARS_MAX: Final = 150
JSON_BYTES_MAX: Final = 50_000_000
CHUNK_BYTES: Final = 1 << 20
# Readers of PDF take one that begins anywhere in here (ISO 32000-1, Annex H.3.4.1).
_PDF_BEGINS_WITHIN: Final = 1_024
_PDF_ENDS_WITHIN: Final = 2_048

_ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    "application/pdf": ("pdf",),
    "application/epub+zip": ("epub",),
    "application/zip": ("zip",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "video/mp4": ("mp4", "m4v"),
    "video/quicktime": ("mov",),
    "video/webm": ("webm", "mkv"),
    "video/ogg": ("ogv", "ogg"),
    "audio/mpeg": ("mp3",),
    "audio/mp4": ("m4a",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/wav": ("wav",),
    "audio/flac": ("flac",),
    "text/plain": (
        "txt",
        "text",
        "log",
        "srt",
        "vtt",
        "tex",
        "rst",
        "org",
        "py",
        "r",
        "rmd",
        "jl",
        "ipy",
        "m",
        "sql",
    ),
    "text/markdown": ("md", "markdown"),
    "text/csv": ("csv",),
    "text/tab-separated-values": ("tsv", "tab"),
    "text/calendar": ("ics",),
    "application/json": ("json", "geojson"),
    "application/x-ipynb+json": ("ipynb",),
    "application/yaml": ("yaml", "yml", "cff"),
    "application/x-bibtex": ("bib",),
    **zips.ENDINGS,
}
_TEXTS: Final = {
    ending: media_type
    for media_type, endings in _ENDINGS.items()
    if media_type.startswith("text/") or endings[0] in ("json", "ipynb", "yaml", "bib")
    for ending in endings
}
_ADVICE: Final = {
    "image/svg+xml": "is an SVG, which can carry programs: send it as PNG or PDF",
    "text/html": "is HTML, which can carry programs: send it as PDF, Markdown or EPUB",
    "image/heic": "is a HEIC picture, which cannot be shown everywhere: send it as JPEG or PNG",
    "image/tiff": "is a TIFF: send it as PNG or PDF",
    "image/bmp": "is a BMP: send it as PNG",
}
_BINARIES: Final = (
    (b"\xd0\xcf\x11\xe0", "is in an old Office format, in which macros cannot be told apart: save it as .docx, .pptx, .xlsx or PDF"),
    (b"MZ", "is a program"),
    (b"\x7fELF", "is a program"),
    (b"\xca\xfe\xba\xbe", "is a program"),
    (b"\xcf\xfa\xed\xfe", "is a program"),
    (b"\xfe\xed\xfa", "is a program"),
    (b"\0asm", "is a program"),
    (b"#!", "is a script that runs by itself"),
    (b"\x1f\x8b", "is a gzip archive: send a ZIP"),
    (b"BZh", "is a bzip2 archive: send a ZIP"),
    (b"\xfd7zXZ", "is an xz archive: send a ZIP"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: send a ZIP"),
    (b"Rar!", "is a RAR archive: send a ZIP"),
    (b"PK\x05\x06", "is an empty archive"),
    (b"{\\rtf", "is RTF, which can carry objects: save it as .docx, .odt or PDF"),
)  # fmt: skip
_TEXT_PROBLEM: Final = (
    "is of a kind that is not taken: PDF, Office and OpenDocument files without macros, text, CSV, Markdown, JSON, YAML, "
    "notebooks, BibTeX, EPUB, ZIP, pictures, video and sound are"
)
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_MARKUP: Final = re.compile(
    r"(?:\ufeff|\s|<!--.*?-->)*<(?:!doctype\s+(?:html|svg)|html|svg|head|body|script|iframe|object|embed|\?xml|\?php|%)",
    re.IGNORECASE | re.DOTALL,
)
# What systems run when somebody opens it, whatever is in it.
RUNS: Final = frozenset(
    [
        "app",
        "apk",
        "bat",
        "bin",
        "cmd",
        "com",
        "command",
        "cpl",
        "desktop",
        "dll",
        "dmg",
        "elf",
        "exe",
        "hta",
        "htm",
        "html",
        "xhtml",
        "jar",
        "js",
        "jse",
        "mjs",
        "lnk",
        "mhtml",
        "msi",
        "msp",
        "pif",
        "ps1",
        "psm1",
        "reg",
        "scf",
        "scr",
        "sh",
        "bash",
        "svg",
        "svgz",
        "swf",
        "url",
        "vb",
        "vbe",
        "vbs",
        "wsf",
        "wsh",
        "xll",
    ]
)


def refused(sentence: str) -> Invalid:
    """The error for a file that is not taken."""
    return Invalid({"file": sentence})


def recognise(path: Path, name: str) -> str:
    """The media type of a file. Raises Invalid, with advice, for what is not taken."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if not size:
            raise refused("is empty")
        file.seek(0)
        head = file.read(max(SNIFF_BYTES, _PDF_BEGINS_WITHIN + 8))
        for signature, sentence in _BINARIES:
            if head.startswith(signature) and (signature != b"MZ" or b"\0" in head):
                raise refused(sentence)
        media_type = sniff(head[:SNIFF_BYTES])
        if media_type in _ADVICE:
            raise refused(_ADVICE[media_type])
        if media_type == "application/zip":
            _check_no_pdf(head)
            return zips.recognise(file, size)
        if media_type is None:
            return _text(file, head, name)
        if media_type == "application/pdf":
            _check_ending(file, size, b"%%EOF", _PDF_ENDS_WITHIN)
        else:
            _check_no_pdf(head)
            _check_picture(file, size, media_type)
        if media_type not in _ENDINGS:
            raise refused(_TEXT_PROBLEM)
        if zips.has_one(file, size):
            raise refused("is two kinds of file in one: an archive is hidden behind it")
    return media_type


def file_name(name: str, media_type: str) -> str:
    """The name as it is kept: no path, no hidden characters, with an ending that says what the file is. Raises Invalid for
    endings of what systems run."""
    kept = clean_line(name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    kept = re.sub(r'[<>:"|?*\x00-\x1f]', "_", kept)
    stem, dot, ending = kept.rpartition(".")
    if ending.lower() in RUNS and dot:
        raise refused(f"is called .{ending.lower()}, which systems run: it would not be safe to open")
    allowed = _ENDINGS[media_type]
    if not dot or ending.lower() not in allowed:
        stem, ending = kept, allowed[0]
    stem = stem[:NAME_CHARS_MAX].strip(" .") or "file"
    return f"{stem}.{ending}"


def _check_no_pdf(head: bytes) -> None:
    if b"%PDF-" in head[: _PDF_BEGINS_WITHIN + 8]:
        raise refused("is two kinds of file in one: a PDF is hidden in it")


def _check_picture(file: BinaryIO, size: int, media_type: str) -> None:
    """A picture ends where its file ends."""
    if media_type == "image/png":
        _check_ending(file, size, b"IEND\xaeB`\x82", 8)
    elif media_type == "image/gif":
        _check_ending(file, size, b";", 1)
    elif media_type == "image/jpeg":
        _check_ending(file, size, b"\xff\xd9", 64)
    elif media_type == "image/webp":
        file.seek(4)
        said = int.from_bytes(file.read(4), "little") + 8
        if size not in (said, said + 1):
            raise refused("is no whole WebP picture, or something is hidden behind it")


def _check_ending(file: BinaryIO, size: int, ending: bytes, within: int) -> None:
    file.seek(max(0, size - within))
    if ending not in file.read(within):
        raise refused("ends in the middle, or something is hidden behind its end")


def _text(file: BinaryIO, head: bytes, name: str) -> str:
    """The media type of a text, by its name; it is UTF-8 from beginning to end, and no markup that browsers run."""
    _check_no_pdf(head)
    wanted = _TEXTS.get(name.rpartition(".")[2].lower() if "." in name else "", "text/plain")
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(CHUNK_BYTES):
            if _CONTROLS.search(chunk):
                raise refused(_TEXT_PROBLEM)
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise refused(f"is no text in UTF-8, and {_TEXT_PROBLEM}") from None
    if _MARKUP.match(head.decode(errors="replace")):
        raise refused(_ADVICE["text/html"])
    if wanted in ("application/json", "application/x-ipynb+json"):
        _check_json(file, wanted)
    return wanted


def _check_json(file: BinaryIO, wanted: str) -> None:
    if file.seek(0, 2) > JSON_BYTES_MAX:
        raise refused(f"is JSON of more than {JSON_BYTES_MAX >> 20} MB: send it in a ZIP")
    file.seek(0)
    try:
        document = msgspec.json.decode(file.read())
    except (msgspec.DecodeError, RecursionError):
        raise refused("is called JSON and is none") from None
    is_notebook = isinstance(document, dict) and isinstance(document.get("cells"), list)
    if wanted == "application/x-ipynb+json" and not is_notebook:
        raise refused("is called a notebook and is none")
