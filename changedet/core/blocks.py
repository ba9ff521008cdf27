"""Blocks: the unit of work, a core window with the margin that its computation reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from changedet.core.grid import Grid, Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A piece of a grid: what is written (``core``) and what is read (``padded``).

    ``padded`` reaches beyond the grid at its edges, so that every block has the same
    margin; a reader fills what lies outside with invalid pixels.
    """

    core: Window
    margin: int

    @property
    def padded(self) -> Window:
        """The window to read."""
        return self.core.pad(self.margin)

    @property
    def trim(self) -> tuple[slice, slice]:
        """Slices that cut ``core`` out of an array of ``padded``."""
        return (
            slice(self.margin, self.margin + self.core.height),
            slice(self.margin, self.margin + self.core.width),
        )

    def narrowed(self, margin: int) -> Block:
        """Return the same core with a smaller margin: a multiple of 8, at least ``margin``.

        Examples
        --------
        >>> Block(core=Window(row=0, col=0, height=64, width=64), margin=96).narrowed(59).margin
        64
        """
        return Block(core=self.core, margin=min(self.margin, -(-margin // 8) * 8))

    def place_of(self, inner: Block) -> tuple[slice, slice]:
        """Slices that cut what ``inner``, of the same core, reads out of an array of ``padded``."""
        less = self.margin - inner.margin
        return (
            slice(less, less + inner.padded.height),
            slice(less, less + inner.padded.width),
        )


def blocks(grid: Grid, *, size: int = 1024, margin: int = 0) -> Iterator[Block]:
    """Cut a grid into blocks, row by row.

    Parameters
    ----------
    grid : Grid
        What to cover.
    size : int
        Side of a block's core in pixels; blocks at the right and lower edge are smaller.
    margin : int
        Pixels to read beyond the core on every side.

    Yields
    ------
    Block
        Cores cover the grid once, without gap or overlap.

    Examples
    --------
    >>> [b.core.shape for b in blocks(Grid(width=5, height=3), size=4)]
    [(3, 4), (3, 1)]
    """
    if size < 1 or margin < 0:
        raise ValueError(f"size must be positive and margin not negative: {size}, {margin}")
    for row in range(0, grid.height, size):
        for col in range(0, grid.width, size):
            core = Window(
                row=row,
                col=col,
                height=min(size, grid.height - row),
                width=min(size, grid.width - col),
            )
            yield Block(core=core, margin=margin)
