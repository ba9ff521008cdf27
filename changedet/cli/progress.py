"""How far the work is: bars on a terminal, one plain line a stage elsewhere.

Blocks never print. What is left of the run is told only once a first long stage has shown how fast
this machine is, and then roughly.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from changedet.core.options import RunOptions

Progress = Callable[[str, float], None]
Clock = Callable[[], float]

OPEN = "open"
"""What happens before the work tells of its first stage."""
WEIGHTS = {
    OPEN: 0.2, "fetch": 10.0, "register": 6.5, "outlines": 0.4, "warp": 1.5, "fit": 7.0,
    "evidence": 3.0, "grade": 0.3, "decide": 0.3, "write": 0.8, "figures": 5.5, "report": 1.2,
    "export": 6.0, "lay out": 0.5, "render": 10.0,
}  # fmt: skip
"""Seconds of each stage, measured on pairs of 1.4 and 2 megapixels; only proportions count."""
_KNOWN_FROM = 2.0  # of these seconds must be done before the rest is guessed
_LINES = 40  # most lines of a run without a terminal


def stages_of_run(options: RunOptions) -> tuple[str, ...]:
    """Return the stages of ``run`` in their order."""
    outlines = options.footprints is not None
    return (
        OPEN, "register", *(("outlines",) * outlines), "fit", "evidence", "grade", "decide",
        "write", "figures", "report", *(("export",) * bool(options.export)),
    )  # fmt: skip


@dataclass(slots=True)
class Course:
    """Which stages are done, which is under way, and how long each took.

    Parameters
    ----------
    plan : sequence of str
        Stages to come, in their order; others are taken as they come.
    clock : callable
        Returns seconds that never go back.
    """

    plan: Sequence[str]
    clock: Clock = time.monotonic
    took: dict[str, float] = field(default_factory=dict)
    """Seconds of the stages that are done."""
    stage: str = OPEN
    fraction: float = 0.0
    """Of the stage under way, as far as it tells."""
    began: float = field(init=False)
    since: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.since = self.clock()

    def enter(self, stage: str, fraction: float) -> str | None:
        """Take what the work tells; return the name of a stage that ended by it, if one did."""
        ended = None
        if stage != self.stage:
            ended = self.finish()
            self.stage, self.fraction = stage, 0.0
        self.fraction = min(max(fraction, self.fraction), 1.0)
        return ended

    def finish(self) -> str | None:
        """End the stage under way; return its name where it had not ended before."""
        now = self.clock()
        new = self.stage not in self.took
        self.took[self.stage] = self.took.get(self.stage, 0.0) + now - self.since
        self.since = now
        return self.stage if new else None

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self.clock() - self.began

    def _speed(self) -> float | None:
        """Return how much longer stages take than their weights, None where it is not known."""
        known = sum(WEIGHTS.get(name, 0.0) for name in self.took)
        return None if known < _KNOWN_FROM else sum(self.took.values()) / known

    def guessed(self, here: float) -> float:
        """Return how far a stage is that tells nothing, after so many seconds of it.

        It is taken to go as fast as those before; one that takes longer is nearly done.
        """
        speed = self._speed()
        weight = WEIGHTS.get(self.stage, 1.0) * (speed or 0.0)
        return min(here / weight, 0.95) if weight > 0 else 0.0

    def left(self) -> float | None:
        """Return the seconds that are left, None where that cannot be told yet."""
        speed = self._speed()
        if speed is None:
            return None
        weight = WEIGHTS.get(self.stage, 1.0) * speed
        here = self.clock() - self.since
        share = max(self.fraction, self.guessed(here))
        start = self.plan.index(self.stage) + 1 if self.stage in self.plan else len(self.plan)
        later = sum(WEIGHTS.get(name, 1.0) for name in self.plan[start:] if name not in self.took)
        return weight * (1 - share) + later * speed


def roughly(seconds: float) -> str:
    """Say a time as roughly as it is known.

    Examples
    --------
    >>> [roughly(s) for s in (3, 42, 200, 5000)]
    ['a few seconds', 'about 40 s', 'about 3 min', 'about 1 h 25 min']
    """
    if seconds < 7.5:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    minutes = round(minutes / 5) * 5
    return f"about {minutes // 60} h {minutes % 60:02d} min"


def _spent(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


@contextmanager
def show_progress(
    plan: Sequence[str], *, quiet: bool, plain: bool = False
) -> Iterator[Progress | None]:
    """Yield a callback that shows how far the work is on stderr, or None where nobody asks.

    Parameters
    ----------
    plan : sequence of str
        Stages to come.
    quiet : bool
        Say nothing.
    plain : bool
        Write lines on a terminal, too.
    """
    if quiet:
        yield None
        return
    course = Course(plan)
    console = None if plain or not sys.stderr.isatty() else _open_screen()
    if console is None:
        yield from _write_lines(course)
        return
    yield from _draw_bars(course, console)


def _write_lines(course: Course) -> Iterator[Progress]:
    """Write one line for each stage that has ended."""
    written = 0

    def write(name: str | None) -> None:
        nonlocal written
        if name is not None and written < _LINES:
            written += 1
            sys.stderr.write(f"changedet: {name}, {course.took[name]:.1f} s\n")
            sys.stderr.flush()

    heard = False

    def take(stage: str, fraction: float) -> None:
        nonlocal heard
        heard = True
        write(course.enter(stage, fraction))

    yield take
    if heard:
        write(course.finish())


def _open_screen() -> Console | None:
    """Return the terminal on stderr, None where it cannot move its cursor (TERM=dumb)."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None


@dataclass(slots=True)
class _Now:
    """The stage under way and the whole run: two lines that are drawn again and again."""

    course: Course

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        course = self.course
        here = course.clock() - course.since
        yield _row("·", course.stage, max(course.fraction, course.guessed(here)), here, options)
        left = course.left()
        said = f"{_spent(course.elapsed())} in all"
        said = said if left is None else f"{said}, {roughly(left)} left"
        yield Text(said, no_wrap=True, overflow="ellipsis")


def _row(mark: str, name: str, share: float, seconds: float, options: ConsoleOptions) -> Text:
    """Return the line of a stage: mark, name, bar, time; it fits into any window."""
    from rich.text import Text

    width = min(30, max(4, options.max_width - 24))
    full = round(width * share)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{mark} ", "green")
    line.append(f"{name:<9} ")
    line.append("━" * full, "green")
    line.append("─" * (width - full), "dim")
    return line.append(f" {_spent(seconds)}")


def _draw_bars(course: Course, console: Console) -> Iterator[Progress]:
    """Draw a bar for each stage; an error wipes away what is still moving."""
    from rich.live import Live

    over = threading.Event()

    def done(name: str | None) -> None:
        if name is not None:
            row = _row("✓", name, 1.0, course.took[name], console.options)
            console.print(row, soft_wrap=False)

    def take(stage: str, fraction: float) -> None:
        done(course.enter(stage, fraction))

    with Live(_Now(course), console=console, auto_refresh=False, transient=True) as live:

        def tick() -> None:
            # Ever slower: what is written grows with the logarithm of the time.
            while not over.wait(max(0.5, course.elapsed() / 30)):
                live.refresh()

        clock = threading.Thread(target=tick, daemon=True)
        clock.start()
        try:
            yield take
            done(course.finish())
        finally:
            over.set()
            clock.join()
    console.print(f"{_spent(course.elapsed())} in all")
