"""Just enough of PDF to read back what typst wrote: objects, fonts, text by page."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def objects(data: bytes) -> dict[int, bytes]:
    found = re.finditer(rb"(\d+) 0 obj(.*?)\nendobj", data, re.S)
    return {int(match[1]): match[2] for match in found}


def stream(part: bytes) -> bytes:
    start = re.search(rb"stream\r?\n", part)
    assert start is not None
    length = re.search(rb"/Length (\d+)", part)
    assert length is not None
    body = part[start.end() : start.end() + int(length[1])]
    return zlib.decompress(body) if b"FlateDecode" in part[: start.start()] else body


def of_type(parts: dict[int, bytes], name: bytes) -> list[bytes]:
    return [part for part in parts.values() if re.search(rb"/Type\s*/" + name + rb"\b", part[:400])]


def texts(data: bytes) -> list[str]:
    """Return the text of each page, through the ToUnicode map of each font."""
    parts = objects(data)
    return [_page(parts, page) for page in of_type(parts, rb"Page")]


def _page(parts: dict[int, bytes], page: bytes) -> str:
    fonts = _fonts(parts, page)
    content = stream(parts[_reference(page, rb"Contents")])
    said, font = [], b""
    for block in re.findall(rb"\nBT(.*?)\nET", content, re.S):  # outside are texts of tags
        for name, string in _shown(block):
            font = name or font
            if string is not None and font in fonts:
                said += [fonts[font].get(code, "\ufffd") for code in _codes(string)]
        said.append("\n")
    return "".join(said)


def _shown(block: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield fonts and strings in their order; parentheses in a string may be balanced pairs."""
    place = 0
    while (match := re.compile(rb"/(f\d+) [\d.]+ Tf|\(").search(block, place)) is not None:
        place = match.end()
        if match[1]:
            yield match[1], None
            continue
        depth, start = 1, place
        while depth:
            step = block[place : place + 1]
            place += 2 if step == b"\\" else 1
            depth += (step == b"(") - (step == b")")
        yield b"", block[start : place - 1]


def _codes(raw: bytes) -> Iterator[int]:
    plain = re.sub(
        rb"\\([0-7]{1,3}|.)",
        lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else _ESCAPES.get(m[1], m[1]),
        raw,
        flags=re.S,
    )
    for place in range(0, len(plain) - 1, 2):
        yield int.from_bytes(plain[place : place + 2], "big")


def _reference(part: bytes, key: bytes) -> int:
    match = re.search(rb"/" + key + rb" (\d+) 0 R", part)
    assert match is not None, key
    return int(match[1])


def _fonts(parts: dict[int, bytes], page: bytes) -> dict[bytes, dict[int, str]]:
    resources = parts[_reference(page, rb"Resources")]
    return {
        name: _unicode(stream(parts[_reference(parts[int(number)], rb"ToUnicode")]))
        for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", resources)
    }


def _unicode(table: bytes) -> dict[int, str]:
    found = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.S):
        for code, said in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            found[int(code, 16)] = bytes.fromhex(said.decode()).decode("utf-16-be")
    return found
