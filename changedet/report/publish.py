"""What goes with pictures for publication: words, tags inside of the files, frames."""

from __future__ import annotations

import datetime as dt
import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from babel.dates import format_date
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from changedet.report import content, words
from changedet.report.language import LANGUAGES, Listed, Phrase, Text, joined, phrase, tell
from changedet.report.palette import CHANGES, CLASSES, rgb
from changedet.report.pictures import faded, hatch
from changedet.result import Record

UInt8 = NDArray[np.uint8]

LIMITS = Phrase("publish-limits")
"""What every picture of this kind leaves open, in two sentences."""
MAX_BYTES = 4_000_000
"""Of a moving picture."""
HOLD_MS, STEP_MS, STEPS = 1800, 90, 5
"""A moving picture: how long an image stands, and how it fades into the next. One change in two
seconds and more: far below three flashes a second (WCAG 2.2, 2.3.1)."""
_BANDS = {"degraded": "publish-band-degraded", "forced": "publish-band-forced"}


def band(record: Record) -> Phrase | None:
    """Return what must stand on top of every picture of a result, None where all is well."""
    key = _BANDS.get(content.verdict(record).kind)
    return None if key is None else Phrase(key)


def place(record: Record) -> Text | None:
    """Return the title that a user gave; None where the title is only made of file names."""
    if record.provenance.options.get("title") is None:
        return None
    return words.plain(record.title, limit=200)


def credit_line(credit: str) -> Phrase | None:
    """Return whose the images are, None where nobody said."""
    return phrase("publish-credit", credit=words.plain(credit, limit=200)) if credit else None


def made_line(record: Record) -> Phrase:
    """Return what made the picture."""
    return phrase("publish-made", version=words.plain(record.provenance.version, limit=40))


def written_date(date: str | None, lang: str) -> str:
    """Return a date as it is written in a language.

    Examples
    --------
    >>> written_date("2022-05-08T08:45:00", "en"), written_date("2022-05-08", "uk")[:13]
    ('8 May 2022', '8 травня 2022')
    """
    if not date:
        return tell(Phrase("publish-no-date"), lang)
    found = _moment(date)
    if found is None:
        return words.plain(date, limit=40)
    return str(format_date(found, "long", locale={"en": "en_GB"}.get(lang, lang)))


def dates(record: Record, lang: str) -> tuple[str, str]:
    """Return both dates as they are written in a language."""
    before, after = record.inputs.before.date, record.inputs.after.date
    return written_date(before, lang), written_date(after, lang)


def span(record: Record, lang: str) -> Phrase:
    """Return both dates in one line, or that they are not known."""
    before, after = dates(record, lang)
    if not (record.inputs.before.date or record.inputs.after.date):
        return Phrase("publish-no-dates")
    return phrase("publish-dates", before=before, after=after)


def facts(record: Record, lang: str) -> tuple[str, ...]:
    """Return the sentences of the headline, those of the report itself."""
    return tuple(tell(sentence, lang) for sentence in content.headline(record))


def _moment(date: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(date)
    except ValueError:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """What is printed beside a picture, and what is read out in its place."""

    file: str
    text: str
    alt: str


def captions(record: Record, marked: Sequence[int], lang: str) -> tuple[Caption, ...]:
    """Return the captions of all pictures in one language.

    Parameters
    ----------
    record : Record
        Not a refused one.
    marked : sequence of int
        Codes of the classes that the map shows.
    lang : str
        A language of the report.
    """
    here = place(record) or Phrase("publish-the-place")
    before, after = dates(record, lang)
    both = {"place": here, "before": before, "after": after}
    span = {"before": before, "after": after}
    said = (*facts(record, lang), tell(LIMITS, lang))
    names = Listed(tuple(style.label for style in CHANGES if style.code in marked))
    shown: Text = phrase("publish-alt-map", names=names)
    if not names.parts:
        shown = Phrase("publish-alt-map-empty")
    if record.buildings is not None and record.buildings.total:
        shown = joined((shown, Phrase("publish-alt-buildings")))
    motion = phrase("publish-alt-motion", **span)
    first = {"place": here, "date": before}
    last = {"place": here, "date": after}
    dated = record.inputs.before.date or record.inputs.after.date
    change = phrase("publish-caption-map", **both)
    if not dated:
        change = phrase("publish-caption-map-undated", place=here)
    mapped = joined((change, *said))
    rows: tuple[tuple[str, Text, Text], ...] = (
        ("before.jpg", phrase("publish-caption-before", **first), _alt("before", first)),
        ("after.jpg", phrase("publish-caption-after", **last), _alt("after", last)),
        ("before_after.png", phrase("publish-caption-both", **both), _alt("both", span)),
        ("map.png", mapped, joined((shown, *facts(record, lang)))),
        ("change.webp", mapped, motion),
        ("change.gif", mapped, motion),
    )
    warned = band(record)
    above = () if warned is None else (joined((warned, "."), ""),)
    return tuple(
        Caption(
            file=file,
            text=tell(joined((*above, text)), lang),
            alt=tell(joined((*above, alt)), lang),
        )
        for file, text, alt in rows
    )


def _alt(name: str, args: Mapping[str, Text]) -> Phrase:
    return phrase(f"publish-alt-{name}", **args)


def captions_text(
    record: Record, marked: Sequence[int], files: Sequence[str], *, credit: str, lang: str
) -> str:
    """Return captions.txt: every picture with its caption and text alternative, in all languages.

    Parameters
    ----------
    record, marked :
        As in :func:`captions`.
    files : sequence of str
        Names of the pictures that were written.
    credit : str
        Credit line of the imagery; empty where none is known.
    lang : str
        The language that comes first.
    """
    lines = []
    for language in (lang, *(other for other in LANGUAGES if other != lang)):
        label = {
            name: tell(Phrase(f"publish-label-{name}"), language)
            for name in ("caption", "alt", "credit", "limits")
        }
        owner = words.plain(credit, limit=200) or tell(Phrase("publish-no-credit"), language)
        lines += [f"# {tell(Phrase('publish-language'), language)}", ""]
        lines += [tell(Phrase("publish-heading"), language), ""]
        lines += [f"{label['credit']}: {owner}"]
        lines += [f"{label['limits']}: {tell(LIMITS, language)}", ""]
        for item in captions(record, marked, language):
            if item.file in files:
                own = credit_line(credit)
                text = item.text if own is None else f"{item.text} {tell(own, language)}."
                lines += [f"## {item.file}", f"{label['caption']}: {text}"]
                lines += [f"{label['alt']}: {item.alt}", ""]
    return "\n".join(lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """What a picture says of itself to those who open it elsewhere.

    Parameters
    ----------
    title, description, alt, rights : str
        Foreign text is welcome: it is escaped here.
    date : str or None
        Acquisition date of the image, ISO 8601; None for pictures of several dates.
    software : str
        What made it.
    lang : str
        Language of the texts.
    """

    title: str
    description: str
    alt: str
    rights: str
    software: str
    lang: str
    date: str | None = None

    def exif(self) -> Image.Exif:
        """Return the tags as EXIF; texts are UTF-8, as most readers expect today."""
        exif = Image.Exif()
        exif[0x010E] = self.description.encode()
        exif[0x0131] = self.software.encode()
        if self.rights:
            exif[0x8298] = self.rights.encode()
        inner = exif.get_ifd(0x8769)
        inner[0xA001] = 1  # sRGB
        moment = None if self.date is None else _moment(self.date)
        if moment is not None:
            # EXIF writes blanks where the time of the day is not known.
            known = "T" in str(self.date)
            inner[0x9003] = moment.strftime("%Y:%m:%d %H:%M:%S" if known else "%Y:%m:%d   :  :  ")
        return exif

    def xmp(self) -> bytes:
        """Return the tags as XMP: Dublin Core, IPTC's text alternative and credit."""
        fields = [
            _alternative("dc:title", self.title, self.lang),
            _alternative("dc:description", self.description, self.lang),
            _alternative("Iptc4xmpCore:AltTextAccessibility", self.alt, self.lang),
        ]
        if self.rights:
            fields.append(_alternative("dc:rights", self.rights, self.lang))
            fields.append(f"<photoshop:Credit>{escape(self.rights)}</photoshop:Credit>")
        if self.date is not None and _moment(self.date) is not None:
            fields.append(f"<photoshop:DateCreated>{escape(self.date)}</photoshop:DateCreated>")
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about=""'
            ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
            ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
            ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
            ' xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
            f" xmp:CreatorTool={quoteattr(self.software)}>{''.join(fields)}"
            '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
        ).encode()


def _alternative(name: str, text: str, lang: str) -> str:
    items = "".join(
        f"<rdf:li xml:lang={quoteattr(code)}>{escape(text)}</rdf:li>"
        for code in ("x-default", lang)
    )
    return f"<{name}><rdf:Alt>{items}</rdf:Alt></{name}>"


def _srgb() -> bytes:
    """Return an sRGB profile without the time at which it was made: the same bytes every day."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(profile)


def encode_jpeg(image: UInt8, tags: Tags, *, quality: int = 90) -> bytes:
    """Encode (h, w, 3) as an sRGB JPEG with its tags, full colour resolution."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(
        buffer,
        "JPEG",
        quality=quality,
        optimize=True,
        progressive=True,
        subsampling=0,
        exif=tags.exif(),
        xmp=tags.xmp(),
        icc_profile=_srgb(),
    )
    return buffer.getvalue()


def encode_png(image: UInt8, tags: Tags, *, dpi: int) -> bytes:
    """Encode (h, w, 3) as a PNG with its tags and its resolution in print."""
    said = PngImagePlugin.PngInfo()
    for key, text in (
        ("Title", tags.title),
        ("Description", tags.description),
        ("Copyright", tags.rights),
        ("Software", tags.software),
        ("XML:com.adobe.xmp", tags.xmp().decode()),
    ):
        if text:
            said.add_itxt(key, text, tags.lang if key[:3] != "XML" else "")
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(
        buffer, "PNG", pnginfo=said, dpi=(dpi, dpi), icc_profile=_srgb(), compress_level=6
    )
    return buffer.getvalue()


def marked_ground(after: UInt8, classes: UInt8, *, period: int = 14) -> UInt8:
    """Lay the classes over an image of the same size, hatched, so that the ground shows through.

    Parameters
    ----------
    after : ndarray, uint8, (h, w, 3)
        The ground.
    classes : ndarray, uint8, (h, w)
        Codes of classes.tif.
    period : int
        Distance of the stripes, pixels.
    """
    out = faded(after, colour=0.6, lift=0.16)
    # What was not analysed is no unchanged ground: it must not look like it.
    for style in (*CHANGES, CLASSES[0]):
        here = classes == style.code
        if not here.any():
            continue
        on = hatch(classes.shape, style.pattern, period=period)[here][:, None]
        ground = out[here].astype(np.float32)
        if style.code == 0:
            mixed = 0.3 * ground + 0.7 * np.where(on, 226, 200)
        else:
            # Change of any other cause is not what the map is about: it is there, but quieter.
            strong = 0.65 if style.code == 4 else 0.85
            alpha = np.where(on, strong, 0.15)
            mixed = ground * (1 - alpha) + np.array(rgb(style.colour), np.float32) * alpha
        out[here] = mixed.round().astype(np.uint8)
    return out


def resized(image: UInt8, width: int, height: int, *, nearest: bool = False) -> UInt8:
    """Return an image in another size."""
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), method))


def fading(images: Sequence[UInt8], top: int, bottom: int) -> tuple[list[UInt8], list[int]]:
    """Return frames in which images fade into one another, round and round.

    Parameters
    ----------
    images : sequence of ndarray, uint8, (h, w, 3)
        One size.
    top, bottom : int
        Rows between which they fade; what is written above and below changes at once.

    Returns
    -------
    frames, milliseconds : list, list
        How long each frame stands.
    """
    frames, times = [], []
    for number, image in enumerate(images):
        following = images[(number + 1) % len(images)]
        frames.append(image)
        times.append(HOLD_MS)
        for step in range(1, STEPS):
            share = step / STEPS
            frame = (image if share < 0.5 else following).copy()
            ends = image[top:bottom].astype(np.float32), following[top:bottom].astype(np.float32)
            frame[top:bottom] = (ends[0] * (1 - share) + ends[1] * share).round().astype(np.uint8)
            frames.append(frame)
            times.append(STEP_MS)
    return frames, times


def encode_webp(frames: Sequence[UInt8], times: Sequence[int], tags: Tags) -> bytes:
    """Encode frames as a WebP that repeats for ever, at most :data:`MAX_BYTES` long."""
    pictures = [Image.fromarray(frame) for frame in frames]
    for quality in (82, 70, 55, 40, 25, 10):
        buffer = io.BytesIO()
        pictures[0].save(
            buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=list(times),
            loop=0, quality=quality, method=4, exif=tags.exif().tobytes(), xmp=tags.xmp(),
        )  # fmt: skip
        if buffer.tell() <= MAX_BYTES:
            break
    return buffer.getvalue()


def encode_gif(images: Sequence[UInt8], tags: Tags) -> bytes:
    """Encode images, without fading, as a GIF that repeats for ever."""
    side = max(images[0].shape[:2])
    for most in (800, 640, 480, 320):
        share = min(1.0, most / side)
        height, width = (max(1, round(n * share)) for n in images[0].shape[:2])
        small = [Image.fromarray(resized(image, width, height)) for image in images]
        pictures = [image.quantize(256, dither=Image.Dither.NONE) for image in small]
        buffer = io.BytesIO()
        pictures[0].save(
            buffer, "GIF", save_all=True, append_images=pictures[1:], duration=HOLD_MS, loop=0,
            optimize=False, comment=tags.description.encode()[:250],
        )  # fmt: skip
        if buffer.tell() <= MAX_BYTES:
            break
    return buffer.getvalue()
