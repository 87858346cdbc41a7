"""Numbers as columns of block characters: what a graph is made of. Shape alone tells, colour is never needed."""

from collections.abc import Sequence
from typing import Final

_COLUMN: Final = " ▁▂▃▄▅▆▇█"
_ROW: Final = " ▏▎▍▌▋▊▉█"
_STEPS: Final = 8  # parts of a cell


def graph(values: Sequence[float | None], width: int, height: int, top: float) -> list[str]:
    """`height` lines of `width` characters, the upper first; the latest value is at the right. A value of `top` fills
    its column, one that is known is seen even when it is 0, one that is not leaves a gap."""
    shown = list(values)[max(0, len(values) - width) :]
    levels = [_level(value, top, height * _STEPS) for value in [None] * (width - len(shown)) + shown]
    return ["".join(_COLUMN[min(_STEPS, max(0, n - row * _STEPS))] for n in levels) for row in reversed(range(height))]


def _level(value: float | None, top: float, most: int) -> int:
    if value is None:
        return 0
    return max(1, min(most, round(value / top * most))) if top > 0 else 1


def gauge(share: float, width: int) -> str:
    """A bar of `width` characters, filled from the left."""
    filled = round(min(1.0, max(0.0, share)) * width * _STEPS)
    whole, rest = divmod(filled, _STEPS)
    return ("█" * whole + (_ROW[rest] if rest else "")).ljust(width)


def ceiling(values: Sequence[float | None], least: float = 1.0) -> float:
    """A round number that is at least each of them: 1, 2 or 5 times a power of ten; `least` when all is quiet."""
    most, top = max((value for value in values if value is not None), default=0.0), least
    while top < most:
        for factor in (2.0, 2.5, 2.0):
            top *= factor
            if top >= most:
                break
    return top
