"""Where pictures come from: dates as people write them, the credit, the software."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from changedet.report import words
from changedet.report.language import Day, Joined, Phrase, Text, phrase
from changedet.result import Record

Clean = Callable[[str], str]
"""What makes text from outside fit to be shown."""


def dates(record: Record, *, clean: Clean = words.plain) -> tuple[Text, Text]:
    """Return both dates in words; with the time where both are of one day.

    What is no ISO date is shown as it was given.

    Examples
    --------
    >>> from changedet.report.language import tell
    >>> tell(day("2022-05-08T08:45:00"), "uk"), tell(day("May?"))
    ('8 травня 2022', 'May?')
    """
    given = [image.date for image in (record.inputs.before, record.inputs.after)]
    same = None not in given and str(given[0])[:10] == str(given[1])[:10]
    before, after = (
        day(date, time=same, clean=clean) if date else Phrase("date-unknown") for date in given
    )
    return before, after


def day(date: str, *, time: bool = False, clean: Clean = words.plain) -> Text:
    """Return a date in words, with its time if wanted and known."""
    try:
        dt.datetime.fromisoformat(date)
    except ValueError:
        return clean(date)[:40]
    return Day(date, clock=time)


def credit_lines(record: Record, *, clean: Clean = words.plain) -> tuple[Text, ...]:
    """Return what stands below every picture, so that it can travel alone.

    Dates and grid; credit, title and software. Each line begins with a word of ours: foreign
    text cannot turn it around.
    """
    before, after = dates(record, clean=clean)
    first: list[Text] = [phrase("credit-dates", before=before, after=after)]
    crs = record.grid.crs if record.grid is not None else None
    if crs is not None and len(crs) < 20:
        first.append(phrase("credit-grid", crs=clean(crs)))
    credit = record.provenance.options.get("credit")
    second: list[Text] = [
        phrase("credit-imagery", credit=clean(words.plain(credit, limit=200)))
        if credit
        else Phrase("credit-owner")
    ]
    if record.title:
        second.append(clean(words.plain(record.title, limit=80)))
    second.append(f"changedet {clean(record.provenance.version)}")
    return Joined(tuple(first), " · "), Joined(tuple(second), " · ")
