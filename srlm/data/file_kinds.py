"""What a file is that does not hold the rows it should, by its first bytes, and what its owner can do."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

LOOKED_AT = 64
"""Bytes by which a file is known."""
MARKS: Mapping[bytes, str] = {
    b"PK\x03\x04": "it is a zip archive or an Excel file: unpack it, or save the table as CSV",
    b"\xd0\xcf\x11\xe0": "it is an old Excel or Word file: save the table as CSV",
    b"%PDF": "it is a PDF: save its rows as JSON lines or CSV",
    b"BZh": "it is packed with bzip2: unpack it, or pack it as gz or zst",
    b"\xfd7zXZ": "it is packed with xz: unpack it, or pack it as gz or zst",
    b"7z\xbc\xaf": "it is packed with 7-Zip: unpack it, or pack it as gz or zst",
    b"ARROW1": "it is an Arrow file: give hub:FOLDER for a folder that save_to_disk wrote, or save it as Parquet",
    b"SQLite format": "it is a database: save the table as CSV",
    b"\xff\xfe": "it seems to be UTF-16: save it as UTF-8",
    b"\xfe\xff": "it seems to be UTF-16: save it as UTF-8",
    b"version https://git-lfs": "it is a pointer of Git LFS: run `git lfs pull`, or download the file itself",
}
PAGE = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
ONE_A_LINE = "put each object on one line, or all of them into one list, [...]"


def kind_of(begins: bytes) -> str:
    """What is said of a file that begins so and is no text in UTF-8, or no JSON; empty: nothing is known."""
    for mark, said in MARKS.items():
        if begins.startswith(mark):
            return said
    return "it is a web page: download the file itself" if PAGE.match(begins) else ""


def kind_of_line(line: str) -> str:
    """The same of a line that is no JSON."""
    if known := kind_of(line[:LOOKED_AT].encode("utf-8", "replace")):
        return known
    text = line.strip()
    if not text:
        return ""
    if re.match(r"\[?\s*\{\s*'", text):
        return "it seems to be written by Python's print or str: write it with json.dumps"
    if text.endswith("},") or text == "[":
        return f"lines end without a comma: {ONE_A_LINE}"
    if text == "{":
        return f"one object over several lines: {ONE_A_LINE}"
    if text[:1] in ("{", "[", '"'):
        return ""
    if "\t" in text or "," in text or ";" in text:
        return "if it is a table, save it as CSV with commas and a name that ends in .csv"
    return 'plain text is not read: write each as {"instruction": "..."}'


def missing(path: Path) -> str:
    """What may have been meant by a path at which there is no file."""
    name = str(path)
    if re.match(r"(https?|s3|gs|ftp):/", name):
        return "it is an address: download the file first, or name a data set of the Hub, hub:OWNER/NAME"
    near = difflib.get_close_matches(path.name, _names(path.parent), n=3, cutoff=0.8)
    if near:
        return f"did you mean {' or '.join(str(path.parent / one) for one in near)}?"
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not path.suffix:
        return f"a data set of the Hub is written hub:{name}"
    return "is the path right, relative to the working directory?"


def _names(folder: Path) -> list[str]:
    try:
        return sorted(one.name for one in folder.iterdir())
    except OSError:
        return []
