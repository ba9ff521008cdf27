"""Damage to files that knows how they are built: tags, chunks, boxes, tables, and bare bytes.

A plain bit flip mostly ends at the first check of a library. So a mutant is made the way a
hostile or broken writer makes one: one fact of a header is changed and the rest stays whole, with
checksums made right again.
"""

# ruff: noqa: E501 - tables of cases, one a line
from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """A damaged file.

    ``sealed``: the damage lies in pixels under a checksum, so they must not come back altered.
    """

    name: str
    seed: str
    suffix: str
    data: bytes
    sealed: bool = False


class Field(NamedTuple):
    """A TIFF tag: where its entry lies, and its values."""

    tag: int
    kind: int
    count: int
    entry: int
    place: int


SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
         16: 8, 17: 8, 18: 8}  # fmt: skip
FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I",
           16: "Q", 17: "q", 18: "Q"}  # fmt: skip
OFFSETS, COUNTS = (273, 324), (279, 325)


def is_big(data: bytes) -> bool:
    return data[2] == 43


def read_fields(data: bytes) -> list[list[Field]]:
    """Return the tags of each directory of a little-endian TIFF."""
    big = is_big(data)
    (offset,) = struct.unpack_from("<Q" if big else "<I", data, 8 if big else 4)
    pages = []
    while offset:
        (number,) = struct.unpack_from("<Q" if big else "<H", data, offset)
        at = offset + (8 if big else 2)
        fields = []
        for _ in range(number):
            tag, kind, count = struct.unpack_from("<HHQ" if big else "<HHI", data, at)
            place = at + (12 if big else 8)
            if SIZES[kind] * count > (8 if big else 4):
                (place,) = struct.unpack_from("<Q" if big else "<I", data, place)
            fields.append(Field(tag, kind, count, at, place))
            at += 20 if big else 12
        pages.append(fields)
        (offset,) = struct.unpack_from("<Q" if big else "<I", data, at)
    return pages


def numbers(data: bytes, field: Field) -> list[float]:
    return list(struct.unpack_from(f"<{field.count}{FORMATS[field.kind]}", data, field.place))


def set_tag(data: bytes, field: Field, kind: int, payload: bytes, count: int) -> bytes:
    """Give a tag another type and values of any length."""
    out, big = bytearray(data), is_big(data)
    struct.pack_into("<HHQ" if big else "<HHI", out, field.entry, field.tag, kind, count)
    at, room = field.entry + (12 if big else 8), 8 if big else 4
    if len(payload) <= room:
        out[at : at + room] = payload.ljust(room, b"\0")
    else:
        out += b"\0" * (len(out) % 2)
        struct.pack_into("<Q" if big else "<I", out, at, len(out))
        out += payload
    return bytes(out)


def set_numbers(data: bytes, tag: int, kind: int, values: list[float]) -> bytes | None:
    field = next((field for field in read_fields(data)[0] if field.tag == tag), None)
    if field is None:
        return None
    payload = struct.pack(f"<{len(values)}{FORMATS[kind]}", *values)
    return set_tag(data, field, kind, payload, len(values))


def set_text(data: bytes, tag: int, text: bytes) -> bytes | None:
    field = next((field for field in read_fields(data)[0] if field.tag == tag), None)
    return None if field is None else set_tag(data, field, 2, text + b"\0", len(text) + 1)


NAN, INF = float("nan"), float("inf")
_SHORT, _LONG, _DOUBLE = 3, 4, 12
_TIES = [0.0, 0.0, 0.0, 426200.0, 5383400.0, 0.0]
# What a tag may be made to say: tag, type, values.
TAG_VALUES: tuple[tuple[int, int, list[float]], ...] = (
    *((tag, _LONG, [value]) for tag in (256, 257)
      for value in (0, 1, 63, 65, 1000, 65536, 2**20, 2**31 - 1, 2**32 - 1)),
    *((258, _SHORT, [value] * 3) for value in (0, 1, 2, 7, 12, 16, 32, 64, 65535)),
    (258, _SHORT, [8, 16, 8]), (258, _SHORT, [8]), (258, _SHORT, [8] * 300),
    *((259, _SHORT, [value]) for value in
      (0, 1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34661, 34712, 34887, 34925, 50000, 50001, 65000)),
    *((262, _SHORT, [value]) for value in (0, 1, 2, 3, 4, 5, 6, 8, 32803, 32844, 65535)),
    *((277, _SHORT, [value]) for value in (0, 1, 2, 4, 21, 65535)),
    *((278, _LONG, [value]) for value in (0, 1, 3, 2**20, 2**32 - 1)),
    *((284, _SHORT, [value]) for value in (0, 2, 3)),
    *((317, _SHORT, [value]) for value in (0, 2, 3, 4, 65535)),
    *((tag, _LONG, [value]) for tag in (322, 323) for value in (0, 1, 15, 16, 2**16, 2**31)),
    *((339, _SHORT, [value] * 3) for value in (0, 2, 3, 4, 5, 6, 65535)),
    (338, _SHORT, [0]), (338, _SHORT, [2] * 3), (338, _SHORT, [999]),
    *((33550, _DOUBLE, values) for values in
      ([NAN, 0.5, 0], [INF, INF, 0], [1e-300, 1e-300, 0], [1e300, 1e300, 0], [0, 0, 0],
       [-0.5, 0.5, 0], [0.5], [], [5e-324, 0.5, 0], [1e-9, 1e9, 0])),
    *((33922, _DOUBLE, values) for values in
      ([*_TIES[:3], NAN, 5383400.0, 0], [*_TIES[:3], INF, -INF, 0], [*_TIES[:3], 1e300, 1e300, 0],
       _TIES[:4], [], _TIES * 400, [1e15, 1e15, 0, 1e15, 1e15, 0], [NAN] * 6, _TIES * 2)),
    *((34264, _DOUBLE, values) for values in
      ([NAN] * 16, [0.0] * 16, [1.0] * 16, [1e-300, 0, 0, 4e5, 0, 1e-300, 0, 5e6, *([0.0] * 8)],
       [0.5, 0, 0, 4e5, 0.5, 0, 0, 5e6, *([0.0] * 8)], [0.5] * 5, [INF] * 16,
       [1e200, 1e200, 0, 1e200, -1e200, 1e200, 0, 1e200, *([0.0] * 8)])),
    *((34735, _SHORT, values) for values in
      ([1, 1, 0, 65535], [1, 1, 0, 0], [9, 9, 9, 9], [1, 1, 0, 1, 3072, 0, 1, 32767],
       [1, 1, 0, 1, 3072, 0, 1, 4326], [1, 1, 0, 1, 2048, 0, 1, 32637], [1, 1, 0, 1, 3072, 34737, 65535, 0],
       [1, 1, 0, 2, 1024, 0, 1, 3, 3072, 0, 1, 4978], [1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326],
       [1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 30100], [1, 1, 0, 3, 1024, 0, 1, 1, 3072, 0, 1, 32767,
       3075, 0, 1, 65535], [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 2056], [1], [])),
    *((tag, _LONG, [value]) for tag in (*OFFSETS, *COUNTS) for value in (0, 1, 8, 2**32 - 1)),
    (254, _LONG, [4]), (254, _LONG, [1]), (274, _SHORT, [6]), (320, _SHORT, [0] * 768),
    (530, _SHORT, [0, 0]), (530, _SHORT, [4, 4]), (530, _SHORT, [3, 7]), (347, 7, [255] * 20),
)  # fmt: skip
_ITEM = '<GDALMetadata><Item name="{0}" sample="0" role="{1}">{2}</Item></GDALMetadata>'
_TAG = '<GDALMetadata><Item name="{0}">{1}</Item></GDALMetadata>'
METADATA = (
    *(_ITEM.format(name, role, value) for name, role in (("SCALE", "scale"), ("OFFSET", "offset"))
      for value in ("nan", "inf", "1e400", "0", "-1e308", "1e-320", "x")),
    _ITEM.format("DESCRIPTION", "description", "red\n\x1b[31m\u202eevil" + "x" * 5000),
    _ITEM.format("DESCRIPTION", "description", "nir"),
    *(f'<GDALMetadata><Item name="NBITS" sample="0" domain="IMAGE_STRUCTURE">{bits}</Item></GDALMetadata>'
      for bits in (0, 1, 9, 10**30)),
    _TAG.format("ACQUISITIONDATETIME", "9999-99-99 99:99:99"),
    _TAG.format("ACQUISITIONDATETIME", "0000-00-00"),
    _TAG.format("ACQUISITIONDATETIME", "２０２４-0２-0１"),
    _TAG.format("TIFFTAG_DATETIME", "x" * 100_000),
    _TAG.format("MEAN_SUN_ELEVATION", "nan"), _TAG.format("SUN_ELEVATION", "1e400"),
    _TAG.format("MEANSUNEL", "-inf"), _TAG.format("SUN_AZIMUTH", "1e-320"),
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><GDALMetadata><Item name="x">&b;</Item></GDALMetadata>',

    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><GDALMetadata><Item name="t">&a;</Item></GDALMetadata>',

    "<GDALMetadata>" + "<a>" * 20_000, "<" * 1000, "", "<GDALMetadata><Item/><Item name=''>",
    "<GDALMetadata><Item name='SUBDATASET_1_NAME' domain='SUBDATASETS'>/etc/passwd</Item></GDALMetadata>",
)  # fmt: skip
NODATA = ("nan", "-nan", "inf", "1e400", "", "abc", "-9999", "0", "255", "256", "1e-320", "300.5",
          "0x10", "1e", "9" * 400, "-1", "18446744073709551616")  # fmt: skip


def tiff_values(seeds: dict[str, bytes], rng: Rng) -> Iterator[Mutant]:
    """Each value of the tables once, in a TIFF that has the tag."""
    names = list(seeds)

    def one(name: str, make: Callable[[bytes], bytes | None]) -> Iterator[Mutant]:
        for place in rng.permutation(len(names)):
            data = make(seeds[names[place]])
            if data is not None:
                yield Mutant(name=name, seed=names[place], suffix=".tif", data=data)
                return

    for tag, kind, values in TAG_VALUES:
        label = f"tag {tag} = {values[:4]}"
        yield from one(label, lambda d, t=tag, k=kind, v=values: set_numbers(d, t, k, v))  # type: ignore[misc]
    for tag, texts in ((42112, METADATA), (42113, NODATA)):
        for text in texts:
            label = f"tag {tag} = {text[:60]!r}"
            yield from one(label, lambda d, t=tag, s=text: set_text(d, t, s.encode()))  # type: ignore[misc]


def tiff_entry(data: bytes, rng: Rng) -> tuple[str, bytes]:
    """Change type, count, number or place of any tag of any page."""
    pages = read_fields(data)
    page = int(rng.integers(len(pages)))
    field = pages[page][rng.integers(len(pages[page]))]
    out, big = bytearray(data), is_big(data)
    what = str(rng.choice(["kind", "count", "tag", "place", "value"]))
    count = "<Q" if big else "<I"
    if what == "kind":
        value = int(rng.choice([0, 1, 2, 3, 4, 5, 11, 12, 13, 16, 99]))
        struct.pack_into("<H", out, field.entry + 2, value)
    elif what == "count":
        value = int(rng.choice([0, 1, field.count + 1, 2 * field.count, 2**24, 2**31, 2**32 - 1]))
        struct.pack_into(count, out, field.entry + 4, value)
    elif what == "tag":
        value = int(
            rng.choice([256, 258, 273, 279, 320, 330, 347, 34665, 33550, 34735, 42112, 65000])
        )
        struct.pack_into("<H", out, field.entry, value)
    elif what == "place":
        value = int(rng.choice([0, 1, len(data) - 1, len(data), 2**31, 2**32 - 1]))
        struct.pack_into(count, out, field.entry + (12 if big else 8), value)
    else:
        value = int(rng.integers(256))
        out[field.place + int(rng.integers(max(1, SIZES[field.kind] * field.count)))] = value
    return f"page {page} tag {field.tag} {what} {value}", bytes(out)


def tiff_body(data: bytes) -> list[tuple[int, int]]:
    """Where the strips or tiles of the first page lie: first and last byte."""
    fields = {field.tag: field for field in read_fields(data)[0]}
    tags = next(pair for pair in zip(OFFSETS, COUNTS, strict=True) if pair[0] in fields)
    starts, lengths = (numbers(data, fields[tag]) for tag in tags)
    return [(int(s), int(s + n)) for s, n in zip(starts, lengths, strict=True) if n > 4]


# -- PNG ---------------------------------------------------------------------------------------
def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def join_chunks(parts: list[tuple[bytes, bytes]]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in parts:
        crc = zlib.crc32(kind + body)
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)
    return out


def png_values(seed: str, data: bytes) -> Iterator[Mutant]:
    """Headers that say something else, extra chunks, missing ones; every CRC is right."""
    parts = chunks(data)
    head = parts[0][1]

    def made(name: str, new: list[tuple[bytes, bytes]]) -> Mutant:
        return Mutant(name=name, seed=seed, suffix=".png", data=join_chunks(new))

    for at, form, values in (
        (0, ">I", (0, 1, 63, 65, 20_000, 2**31 - 1, 2**32 - 1)),
        (4, ">I", (0, 1, 63, 65, 20_000, 2**31 - 1)),
        (8, "B", (0, 1, 2, 4, 16, 32)),
        (9, "B", (0, 1, 3, 4, 6, 255)),
        (10, "B", (1,)),
        (11, "B", (1,)),
        (12, "B", (1, 2)),
    ):
        for value in values:
            changed = bytearray(head)
            struct.pack_into(form, changed, at, value)
            yield made(f"IHDR byte {at} = {value}", [(b"IHDR", bytes(changed)), *parts[1:]])
    bomb = zlib.compress(b"\0" * 60_000_000, 9)
    for kind, body in (
        (b"zTXt", b"x\0\0" + bomb), (b"iCCP", b"x\0\0" + bomb), (b"tRNS", bytes(6)),
        (b"tRNS", bytes(300)), (b"PLTE", bytes(7)), (b"PLTE", bytes(768)), (b"gAMA", bytes(4)),
        (b"tEXt", b"\xff" * 200), (b"eXIf", b"II*\0\xff\xff\xff\xff"), (b"acTL", bytes(8)),
        (b"XXXX", bytes(10)), (b"IHDR", head), (b"sBIT", b"\1\1\1"), (b"pHYs", bytes(9)),
    ):  # fmt: skip
        yield made(f"{kind.decode()} of {len(body)} bytes", [parts[0], (kind, body), *parts[1:]])
    yield made("no IDAT", [part for part in parts if part[0] != b"IDAT"])
    yield made("no IEND", parts[:-1])
    yield made("no IHDR", parts[1:])
    yield made("IEND first", [parts[0], parts[-1], *parts[1:-1]])


def png_body(data: bytes, rng: Rng) -> tuple[str, bytes]:
    """Damage to the compressed pixels under a CRC that is made right again."""
    parts = chunks(data)
    places = [number for number, (kind, _) in enumerate(parts) if kind == b"IDAT"]
    number = int(rng.choice(places))
    name, body = bare(parts[number][1], rng, first=2)
    parts[number] = (b"IDAT", body)
    return f"IDAT {name}", join_chunks(parts)


# -- JPEG and JPEG 2000 ------------------------------------------------------------------------
def segments(data: bytes, start: int = 2) -> list[tuple[int, int]]:
    """Return markers of a JPEG or a JPEG 2000 codestream with where their length stands."""
    found, at = [], start
    while at + 4 <= len(data) and data[at] == 0xFF:
        found.append((data[at + 1], at + 2))
        if data[at + 1] in {0xDA, 0x93, 0x90}:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def marker_value(data: bytes, rng: Rng, start: int = 2) -> tuple[str, bytes]:
    """Change one byte or number behind a marker, or the length of its segment."""
    marker, at = segments(data, start)[int(rng.integers(len(segments(data, start))))]
    length = int.from_bytes(data[at : at + 2], "big")
    out = bytearray(data)
    if rng.random() < 0.2:
        value = int(rng.choice([0, 1, 2, length - 1, length + 1, 65535]))
        struct.pack_into(">H", out, at, max(0, value))
        return f"marker {marker:02X} length {value}", bytes(out)
    place = at + 2 + int(rng.integers(max(1, min(length - 2, 60))))
    value = int(rng.choice([0, 1, 2, 127, 128, 255, int(rng.integers(256))]))
    out[place] = value
    return f"marker {marker:02X} +{place - at} = {value}", bytes(out)


def jpeg_sizes(seed: str, data: bytes) -> Iterator[Mutant]:
    at = next(place for marker, place in segments(data) if marker in {0xC0, 0xC2})
    for name, offset in (("height", 3), ("width", 5)):
        for value in (0, 1, 63, 65, 30_000, 65_535):
            out = bytearray(data)
            struct.pack_into(">H", out, at + offset, value)
            yield Mutant(name=f"SOF {name} {value}", seed=seed, suffix=".jpg", data=bytes(out))


def jp2_sizes(seed: str, data: bytes) -> Iterator[Mutant]:
    """Every number of SIZ, in the image header box and not."""
    at = data.index(b"\xff\x4f\xff\x51") + 6
    names = ("Xsiz", "Ysiz", "XOsiz", "YOsiz", "XTsiz", "YTsiz", "XTOsiz", "YTOsiz")
    for place, name in enumerate(names):
        for value in (0, 1, 65, 2**20, 2**32 - 1):
            out = bytearray(data)
            struct.pack_into(">I", out, at + 2 + 4 * place, value)
            yield Mutant(name=f"SIZ {name} {value}", seed=seed, suffix=".jp2", data=bytes(out))
    for value in (0, 1, 4, 16384, 65535):
        out = bytearray(data)
        struct.pack_into(">H", out, at + 34, value)
        yield Mutant(name=f"SIZ Csiz {value}", seed=seed, suffix=".jp2", data=bytes(out))


def jp2_box(data: bytes, rng: Rng) -> tuple[str, bytes]:
    """Change the length, the name or the content of a box."""
    places, at = [], 0
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        places.append((at, length))
        if length < 8:
            break
        at += length
    at, length = places[int(rng.integers(1, len(places)))]
    out = bytearray(data)
    what = str(rng.choice(["length", "name", "content"]))
    if what == "length":
        value = int(rng.choice([0, 1, 2, 7, 8, length + 1, max(0, length - 1), 2**31, 2**32 - 1]))
        struct.pack_into(">I", out, at, value)
    elif what == "name":
        value = int(rng.integers(4))
        out[at + 4 + value] ^= 0x20
    else:
        value = 8 + int(rng.integers(max(1, min(length - 8, 100))))
        out[at + value] ^= int(rng.integers(1, 256))
    return f"box {data[at + 4 : at + 8]!r} {what} {value}", bytes(out)


# -- Bytes of anything -------------------------------------------------------------------------
def bare(data: bytes, rng: Rng, *, first: int = 0) -> tuple[str, bytes]:
    """Flip bits, blank a run, repeat or drop a piece; the length may change."""
    out = bytearray(data)
    place = int(rng.integers(first, len(data)))
    what = str(rng.choice(["flip", "flips", "zeros", "ones", "drop", "double"]))
    run = int(rng.integers(1, max(2, min(64, len(data) // 4))))
    if what == "flip":
        out[place] ^= 1 << int(rng.integers(8))
    elif what == "flips":
        for at in rng.integers(first, len(data), 8):
            out[int(at)] = int(rng.integers(256))
    elif what in {"zeros", "ones"}:
        size = min(run, len(out) - place)
        out[place : place + size] = (b"\0" if what == "zeros" else b"\xff") * size
    elif what == "drop":
        del out[place : place + run]
    else:
        out[place:place] = out[place : place + run]
    return f"{what} at {place} ({run})", bytes(out)


def flip_inside(data: bytes, ranges: list[tuple[int, int]], rng: Rng) -> tuple[str, bytes]:
    """Damage a strip or tile without moving anything."""
    low, high = ranges[int(rng.integers(len(ranges)))]
    out = bytearray(data)
    place = int(rng.integers(low, high))
    what = str(rng.choice(["flip", "zeros", "copy"]))
    size = min(int(rng.integers(1, 40)), high - place)
    if what == "flip":
        out[place] ^= 1 << int(rng.integers(8))
    elif what == "zeros":
        out[place : place + size] = bytes(size)
    else:
        source = int(rng.integers(low, max(low + 1, high - size)))
        out[place : place + size] = data[source : source + size]
    return f"body {what} at {place} ({size})", bytes(out)


def cut_or_splice(data: bytes, other: bytes, rng: Rng) -> tuple[str, bytes]:
    place = int(rng.integers(1, len(data)))
    if rng.random() < 0.5:
        return f"cut at {place}", data[:place]
    return f"spliced at {place}", data[:place] + other[min(place, len(other) - 1) :]


# -- Outlines and lists ------------------------------------------------------------------------
def geojson_values(seed: str, data: bytes) -> Iterator[Mutant]:
    """Coordinates, types, depth and CRS that a parser may stumble over."""
    ring = json.dumps(json.loads(data)["features"][0]["geometry"]["coordinates"]).encode()
    text = data.decode()
    first = json.loads(data)["features"][0]
    frame = '{"type": "FeatureCollection", "features": [%s]}'
    feature = '{"type": "Feature", "properties": {}, "geometry": %s}'
    made = {
        **{f"ring {value[:20]}": text.replace(ring.decode(), value, 1) for value in (
            "[]", "[[]]", "[[[]]]", "null", "[[[1e400, 1], [2, 2], [3, 1], [1e400, 1]]]",
            "[[[NaN, 1], [2, 2], [3, 1], [NaN, 1]]]", '[[["a", 1], [2, 2], [3, 1], ["a", 1]]]',
            "[[[1, 1]]]", "[[[1], [2], [3], [1]]]", "[[[1, 1], [1, 1], [1, 1], [1, 1]]]", "{}",
            "[[[1e308, 1e308], [-1e308, 1e308], [0, -1e308], [1e308, 1e308]]]")},
        "deep": '{"type": "FeatureCollection", "features": ' + "[" * 100_000,
        "deep object": '{"type": "FeatureCollection", "x": ' + '{"a":' * 50_000,
        "collections": frame % (feature % (
            '{"type": "GeometryCollection", "geometries": [' * 300
            + json.dumps(first["geometry"]) + "]}" * 300)),
        "no features": '{"type": "FeatureCollection"}', "not closed": text[:-10],
        "features of null": frame % "null, null", "a bare polygon": json.dumps(first["geometry"]),
        "a topology": '{"type": "Topology", "objects": {"a": {"type": "Polygon", "arcs": [[9]]}}, "arcs": []}',
        "of ESRI": '{"geometryType": "esriGeometryPolygon", "features": [{"geometry": {"rings": [[[1]]]}}]}',
        "long id": text.replace('"id": 1', '"id": "' + "x" * 100_000 + '"', 1),
        "id of 400 digits": text.replace('"id": 1', '"id": ' + "9" * 400, 1),
        "a null byte": text[:200] + "\0" + text[200:], "a lone surrogate": text.replace("id", "\\ud800", 1),
        **{f"crs {crs[:24]}": text.replace("{", '{"crs": ' + crs + ", ", 1) for crs in (
            "null", "{}", "7", '{"type": "name", "properties": {"name": "EPSG:999999"}}',
            '{"type": "name", "properties": {"name": "/etc/passwd"}}', '{"type": "name"}',
            '{"type": "name", "properties": {"name": "EPSG:30100"}}',
            '{"type": "link", "properties": {"href": "http://127.0.0.1:9/"}}',
            '{"type": "name", "properties": {"name": "EPSG:4978"}}')},
    }  # fmt: skip
    for name, value in made.items():
        yield Mutant(name=name, seed=seed, suffix=".geojson", data=value.encode())


TOWN = '[[town]]\nname = "A"\nbefore = "b.tif"\nafter = "a.tif"\n'
MANIFESTS = {
    "nan": TOWN + "gsd = nan\n", "inf": TOWN + "gsd = inf\n", "minus": TOWN + "gsd = -1\n",
    "0 blocks": TOWN + "block_size = 0\n", "huge": TOWN + "block_size = 99999999999999999999\n",
    "digits": TOWN + "gsd = " + "9" * 4000 + "\n", "a list": TOWN.replace('"A"', "[1, 2]"),
    "a table": TOWN.replace('"A"', "{a = 1}"), "empty": TOWN.replace('"A"', '""'),
    "dots": TOWN.replace('"A"', '".."'), "slashes": TOWN.replace('"A"', '"../../x"'),
    "a null": TOWN.replace('"A"', '"a\\u0000b"'), "turned": TOWN.replace('"A"', '"\\u202Ea"'),
    "a newline": TOWN.replace('"A"', '"a\\nb\\u001b[31m"'), "long": TOWN.replace('"A"', f'"{"a" * 4000}"'),
    "bad date": TOWN + 'before_date = "2024-13-45"\n', "a date": TOWN + "before_date = 2024-01-01\n",
    "time": TOWN + "before_date = 2024-01-01T00:00:00Z\n", "bands": TOWN + 'bands = "red=99999999999"\n',
    "bands 0": TOWN + 'bands = "red=0"\n', "band nan": TOWN + "bands = {red = nan}\n",
    "unknown": TOWN + '"\\u001b[31m" = 1\n', "deep list": TOWN + "gsd = " + "[" * 3000 + "\n",
    "deep table": TOWN + "x" + ".a" * 20 + " = 1\n", "driver": TOWN + 'allow_driver = ["VRT"]\n',
    "path null": TOWN.replace("b.tif", "b\\u0000.tif"), "path vsi": TOWN.replace("b.tif", "/vsicurl/http://x"),
    "twice": TOWN * 2, "many": TOWN * 12_000, "defaults": "defaults = 1\n" + TOWN,
    "town": 'town = "x"\n', "town list": "town = [1]\n", "nothing": "", "blank": "\n\n\n",
    "export": TOWN + 'export = ["x"]\n', "decide": TOWN + "decide = {min_footprint_m2 = nan}\n",
    "title": TOWN + f'title = "{"x" * 4000}"\n', "true": TOWN + "gsd = true\n", "lang": TOWN + "lang = 1\n",
}  # fmt: skip


def manifest_values(seed: str) -> Iterator[Mutant]:
    for name, text in MANIFESTS.items():
        yield Mutant(name=name, seed=seed, suffix=".toml", data=text.encode())


def wkb(kind: int, body: bytes) -> bytes:
    return b"\x01" + struct.pack("<I", kind) + body


_GP = b"GP\x00\x01" + struct.pack("<i", 32637)
_NESTED = b"".join(wkb(7, struct.pack("<I", 1)) for _ in range(5000)) + wkb(7, struct.pack("<I", 0))
BLOBS = {
    "zeros": bytes(10_000), "empty": b"", "half a header": b"GP\0", "no shape": _GP,
    "not numbers": _GP + wkb(3, struct.pack("<II8d", 1, 4, *([NAN] * 8))),
    "endless numbers": _GP + wkb(3, struct.pack("<II8d", 1, 4, 4e5, INF, INF, 5e6, -INF, 5e6, 4e5, INF)),
    "many rings": _GP + wkb(3, struct.pack("<I", 2**32 - 1)),
    "many points": _GP + wkb(3, struct.pack("<II", 1, 2**31)),
    "nested": _GP + _NESTED, "a curve": _GP + wkb(10, struct.pack("<I", 0)),
    "unknown kind": _GP + wkb(4242, b""), "a point": _GP + wkb(1, struct.pack("<2d", 426230, 5383380)),
    "two points": _GP + wkb(3, struct.pack("<II4d", 1, 2, 4e5, 5e6, 4e5, 5e6)),
}  # fmt: skip
_ENDLESS = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT i AS fid, (SELECT geom FROM kept LIMIT 1) AS geom FROM n")  # fmt: skip
SCHEMES = {
    "srs of an address": "UPDATE gpkg_spatial_ref_sys SET definition = 'http://127.0.0.1:9/'",
    "srs of a file": "UPDATE gpkg_spatial_ref_sys SET definition = '/etc/passwd', organization = 'x'",
    "srs not there": "UPDATE gpkg_geometry_columns SET srs_id = 99",
    "srs empty": "DELETE FROM gpkg_spatial_ref_sys",
    "srs of ten metres": "UPDATE gpkg_spatial_ref_sys SET organization_coordsys_id = 999999",
    "points": "UPDATE gpkg_geometry_columns SET geometry_type_name = 'POINT'",
    "nonsense": "UPDATE gpkg_geometry_columns SET geometry_type_name = 'NONSENSE'",
    "no column": "UPDATE gpkg_geometry_columns SET column_name = 'nothing'",
    "no contents": "DELETE FROM gpkg_contents",
    "no geometry columns": "DROP TABLE gpkg_geometry_columns",
    "another table": "UPDATE gpkg_contents SET table_name = 'sqlite_master'",
    "a rude name": "ALTER TABLE footprints RENAME TO \"a\x1b[31m\"\"; DROP TABLE x; --\"",
    "index of noise": "UPDATE rtree_footprints_geom_node SET data = zeroblob(1228)",
    "index of ends": "UPDATE rtree_footprints_geom_node SET data = x'FFFFFFFF'",
    "ids of text": "ALTER TABLE footprints ADD COLUMN osm_id TEXT; "
                   "UPDATE footprints SET osm_id = char(27) || fid",
    "ids of blobs": "UPDATE footprints SET id = x'00FF'", "ids without end": "UPDATE footprints SET id = 9e999",
    "a view": "ALTER TABLE footprints RENAME TO kept; CREATE VIEW footprints AS SELECT * FROM kept",
    "an endless view": f"ALTER TABLE footprints RENAME TO kept; CREATE VIEW footprints AS {_ENDLESS}",
    "an endless view beside": f"ALTER TABLE footprints RENAME TO kept; CREATE VIEW beside AS {_ENDLESS}; "
                              "ALTER TABLE kept RENAME TO footprints",
    "a loop": "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 1 WHERE name = 'footprints'",
    "a far page": "PRAGMA writable_schema = ON; "
                  "UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'footprints'",
    "another file": "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 0, sql = "
                    "'CREATE VIRTUAL TABLE footprints USING VirtualOGR(''/etc/passwd'')' "
                    "WHERE name = 'footprints'",
    "an odd statement": "PRAGMA writable_schema = ON; "
                        "UPDATE sqlite_master SET sql = 'CREATE TABLE x(' WHERE name = 'footprints'",
    "no application": "PRAGMA application_id = 7",
}  # fmt: skip


def geopackage_values(seed: str, data: bytes) -> Iterator[Mutant]:
    """Tables that say something else, and shapes that are none."""
    steps: list[tuple[str, str, tuple[bytes, ...]]] = [
        *((name, text, ()) for name, text in SCHEMES.items()),
        *(
            (f"shape: {name}", "UPDATE footprints SET geom = ? WHERE fid % 2 = 0", (blob,))
            for name, blob in BLOBS.items()
        ),
    ]
    for name, text, values in steps:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.deserialize(data)
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (trigger,) in rows.fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        if values:
            connection.execute(text, values)
        else:
            connection.executescript(text)
        changed = connection.serialize()
        connection.close()
        yield Mutant(name=name, seed=seed, suffix=".gpkg", data=changed)
