"""One town of a batch, and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

from changedet.report import words
from changedet.report.language import Joined, Phrase, Retold, Text, tell
from changedet.report.notes import note_text
from changedet.result import AreaRecord, Buildings, Record

TownStatus = Literal["ok", "degraded", "refused", "failed"]
STATUSES: tuple[TownStatus, ...] = ("ok", "degraded", "refused", "failed")
Ring = tuple[tuple[float, float], ...]

_LONGEST_REASON = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class TownEntry:
    """A town as the index of a batch knows it.

    Parameters
    ----------
    name : str
        As the manifest has it; any text.
    folder : str
        Of its result, relative to the index, with ``/``; never leads out of the batch.
    status : str
        ok, degraded, refused (there is a result without figures) or failed (there is none).
    exit_code : int
        As of ``changedet run`` for this town.
    reason : Text or str
        One line: why there are no figures, or why they need care; "" where all is well.
    record : Record, optional
        What was found; None where there is nothing, or where it is still to be read.
    thumbs : bytes, optional
        A small JPEG.
    outline : tuple of (float, float), optional
        Corners (longitude, latitude), degrees WGS 84, not closed; None without a georeference.

    Raises
    ------
    ValueError
        Where the folder leads elsewhere.
    """

    name: str
    folder: str
    status: TownStatus
    exit_code: int = 0
    reason: Text = ""
    record: Record | None = None
    thumbs: bytes | None = None
    outline: Ring | None = None

    def __post_init__(self) -> None:
        path = PurePosixPath(self.folder)
        if not self.folder or path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{self.folder!r} does not lie in the folder of the batch")
        if self.status not in STATUSES:
            raise ValueError(f"{self.status!r} is no status of a town")

    @property
    def found(self) -> Record | None:
        """The record, where it may be told: never of a town that was refused or failed."""
        return self.record if self.status in {"ok", "degraded"} else None

    @property
    def forced(self) -> bool:
        """Whether the pair was judged not comparable and went on because of ``--force``."""
        return self.found is not None and bool(self.found.refusals)

    @property
    def kind(self) -> str:
        """The status, or ``forced``: the key of its word and mark."""
        return "forced" if self.forced else self.status

    @property
    def because(self) -> Text:
        """The reason, cleaned.

        Without one, and in languages that it is not written in, it is that of the record.
        """
        told = self.reason or self._noted()
        if isinstance(told, str) and told and (noted := self._noted()) and self.record is not None:
            told = Retold(told, noted)
        english, ukrainian = (
            words.plain(tell(told, language), limit=_LONGEST_REASON) for language in ("en", "uk")
        )
        return english if english == ukrainian else Retold(english, ukrainian)

    def _noted(self) -> Text:
        if self.record is None or self.status in {"ok", "failed"}:
            return Phrase("towns-no-reason") if self.status in {"refused", "failed"} else ""
        notes = self.record.refusals or self.record.warnings
        return Joined(tuple(note_text(note) for note in notes), "; ")

    def link(self, file: str) -> str:
        """Return the address of a file of this town, relative to the index."""
        return quote(f"{PurePosixPath(self.folder)}/{file}", safe="/")


def claimed(part: AreaRecord | None) -> bool:
    """Say whether a loss is claimed: told from its null, of something that was there before.

    What was there and lost nothing claims 0; where nothing was there, nothing is claimed.
    """
    return part is not None and part.separable and part.before_share != 0


def graded(buildings: Buildings | None) -> bool:
    """Say whether buildings have grades: an outline at least, and one that was analysed."""
    return (
        buildings is not None
        and bool(buildings.total)
        and buildings.not_analysed != buildings.total
    )


def slim(record: Record) -> Record:
    """Return a record with the figures of the town and without all that is long.

    A thousand records stay small in memory.
    """
    return record.model_copy(
        update={
            "checks": (),
            "cells": None,
            "figures": (),
            "radiometry": None,
            "thresholds": None,
            "null": None,
            "provenance": record.provenance.model_copy(update={"options": {}, "software": {}}),
        }
    )
