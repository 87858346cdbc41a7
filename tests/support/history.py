"""What clients of one register saw, and whether a register could have done that (linearizability).

No checker that is kept well is in Debian or PyPI, so this is a small one: for a single register whose written values
all differ, the question can be decided by intervals alone (Gibbons and Korach, "Testing shared memories", 1997), in
O(n log n) and without a search that could take for ever. A test compares it with all orders tried one by one."""

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Op:
    """A write of `value`, or a read that gave it (None: nothing was there yet). Times are ns of one clock; one without
    an end may have been done at any time since it began, or never."""

    wrote: bool
    value: bytes | None
    began: int
    ended: int | None


@dataclass(frozen=True, slots=True)
class _Zone:
    """All that concerns one value. Of two values, one cannot come wholly before the other when one's `first` end is
    before the other's `last` beginning, and the other way round too: then no order fits."""

    value: bytes | None
    first: int
    last: int

    @property
    def forward(self) -> bool:
        return self.first < self.last


def violation(ops: Iterable[Op]) -> str:
    """Why no register could have done this; "" when one could. Raises ValueError when a value was written twice."""
    writes, reads = _sorted(ops)
    for read in reads:
        write = writes.get(read.value)
        if write is None:
            return f"{read.value!r} was read, and nobody wrote it"
        if _end(read) < write.began:
            return f"{read.value!r} was read before it was written"
    told: dict[bytes | None, list[Op]] = {value: [write] for value, write in writes.items()}
    for read in reads:
        told[read.value].append(read)
    return _clash([_zone(value, both) for value, both in told.items()])


def lost(acknowledged: Iterable[bytes], found: Iterable[bytes]) -> set[bytes]:
    """What was acknowledged and is not there."""
    return {*acknowledged} - {*found}


def _sorted(ops: Iterable[Op]) -> tuple[dict[bytes | None, Op], list[Op]]:
    writes: dict[bytes | None, Op] = {None: Op(True, None, -1, -1)}
    reads = []
    for each in ops:
        if not each.wrote:
            if each.ended is not None:
                reads.append(each)
        elif each.value in writes:
            raise ValueError(f"{each.value!r} was written twice")
        else:
            writes[each.value] = each
    return writes, reads


def _zone(value: bytes | None, ops: Sequence[Op]) -> _Zone:
    return _Zone(value, min(map(_end, ops)), max(each.began for each in ops))


def _clash(zones: Sequence[_Zone]) -> str:
    forward = sorted((each for each in zones if each.forward), key=lambda each: each.first)
    for early, late in itertools.pairwise(forward):
        if late.first < early.last:
            return f"{early.value!r} and {late.value!r} each were there before the other was gone"
    begins = [each.first for each in forward]
    for zone in zones:
        around = bisect_left(begins, zone.last) - 1
        if not zone.forward and around >= 0 and zone.first < forward[around].last:
            return f"{zone.value!r} came and went while {forward[around].value!r} was there"
    return ""


def _end(each: Op) -> int:
    return NEVER if each.ended is None else each.ended
