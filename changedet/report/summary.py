"""Figures as rows of a table for spreadsheets: one pair, or many towns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from changedet.report import words
from changedet.report.language import tell
from changedet.report.towns.entry import TownEntry
from changedet.result import Buildings, Built, Canopy, Record, Vegetation

_ABOUT = ("title", "status", "before_date", "after_date")
_QUALITY = ("gsd_m", "analysed_share", "registration_rmse_px")
_OMITTED = {"method", "canopy"}
_OMITTED_CANOPY = {"method", "interval_kind"}
_TOWN = ("name", "folder", "status", "exit_code", "reason", "forced")
_CENTRAL = (
    ("built", "built_destroyed_ha", "built_destroyed_share"),
    ("vegetation", "vegetation_lost_ha", "vegetation_lost_share"),
)


def summary_row(record: Record) -> dict[str, Any]:
    """Return the figures of a record by column; units stand in the names.

    What the pair has not, has no column.
    """
    row: dict[str, Any] = {
        "title": record.title,
        "status": record.status,
        "before_date": record.inputs.before.date,
        "after_date": record.inputs.after.date,
    }
    if record.grid is not None:
        row["gsd_m"] = record.grid.gsd_m
        row["analysed_share"] = record.grid.analysed_share
    if record.registration is not None:
        row["registration_rmse_px"] = record.registration.rmse_px
    for name in ("built", "vegetation"):
        part = getattr(record, name)
        if part is not None:
            values = part.model_dump(exclude=_OMITTED)
            row |= {f"{name}_{key}": value for key, value in values.items()}
    if record.vegetation is not None and record.vegetation.canopy is not None:
        values = record.vegetation.canopy.model_dump(exclude=_OMITTED_CANOPY)
        row |= {f"canopy_{key}": value for key, value in values.items()}
    if record.buildings is not None:
        row |= {f"buildings_{k}": v for k, v in record.buildings.model_dump().items()}
    return row


def summary_csv(record: Record) -> str:
    """Return the one row of a pair's summary.csv with its header."""
    row = summary_row(record)
    return csv_text(tuple(row), [row])


def town_columns() -> tuple[str, ...]:
    """Return the columns of a batch's summary.csv: all that a pair can have, whatever it has."""
    found = [*_TOWN, "title", *(name for name in _ABOUT if name not in {"title", "status"})]
    found += [*_QUALITY, "registration_rmse_m"]
    for name, part, omitted in (
        ("built", Built, _OMITTED),
        ("vegetation", Vegetation, _OMITTED),
        ("canopy", Canopy, _OMITTED_CANOPY),
        ("buildings", Buildings, set()),
    ):
        found += [f"{name}_{key}" for key in part.model_fields if key not in omitted]
    return (*found, "not_observable_share")


def summary_rows(entries: Iterable[TownEntry]) -> list[dict[str, Any]]:
    """Return a row for each town, all with the same columns, None where there is no figure.

    A town that was refused or failed has no figure. Where a loss is not separable from its null
    its central figure is None, so that nobody sums it; its interval stays.
    """
    columns = town_columns()
    rows = []
    for entry in entries:
        row: dict[str, Any] = dict.fromkeys(columns)
        if (record := entry.found) is not None:
            row |= summary_row(record)
            for name, *central in _CENTRAL:
                part = getattr(record, name)
                if part is not None and not part.separable:
                    row |= dict.fromkeys(central)
            if record.vegetation is not None and not record.vegetation.separable:
                row |= dict.fromkeys(("canopy_lost_ha", "canopy_lost_share"))
            if record.registration is not None:
                row["registration_rmse_m"] = record.registration.rmse_m
            row["not_observable_share"] = record.not_observable_share
        row |= {
            "name": words.plain(entry.name),
            "folder": entry.folder,
            "status": entry.status,
            "exit_code": entry.exit_code,
            "reason": tell(entry.because),
            "forced": entry.forced,
        }
        rows.append(row)
    return rows


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header; texts that a spreadsheet would compute are defused."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula."""
    if isinstance(value, str) and value[:1] in "=+-@\t\r":
        return "'" + value
    return value
