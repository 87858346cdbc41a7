"""How many calls ended how, and how long they took: a histogram for each method and code, in buckets by powers of two.
Kept for every call: noting one is two look-ups and two additions.

Methods are named by callers, so that only what exists has a row of its own: what the server serves, and what succeeded
once. All else counts as OTHER.
"""

from ext.http2.session cimport Stream

DEF FIRST = 15                # bits of the nanoseconds in the first bucket: calls under 33 us
DEF LAST = 34                 # and in the last bounded one: 17 s
DEF NAMES = 512               # methods with rows of their own

OTHER = b"other"
BOUNDS = tuple([2.0 ** bits / 1e9 for bits in range(FIRST, LAST + 1)])


cdef extern from *:
    int __builtin_clzll(unsigned long long) noexcept nogil


cdef class Cell:
    """Calls of one method that ended one way, by the bits of their nanoseconds."""

    cdef void add(self, uint64_t nanoseconds) noexcept:
        self.counts[63 - __builtin_clzll((nanoseconds - (nanoseconds > 0)) | 1)] += 1
        self.total += nanoseconds


cdef class Tally:
    """Of one server."""

    cdef set named
    cdef dict well, others

    def __init__(self, methods):
        self.named = set(methods)
        self.well = {}
        self.others = {}

    def ended(self, Stream stream not None, int code):
        """Note a call; it began when its headers had come."""
        cdef Cell cell = <Cell> self.well.get(stream.path) if code == 0 else None
        if cell is None:
            cell = self.cell(stream.path or b"", code)
        cell.add(monotonic() - stream.began)

    def rows(self):
        """(method, code, counts, seconds) for each. `counts` has a number for each of BOUNDS, of calls that took no
        longer than that and longer than the bound before, and one for those that took longer; `seconds` took all together."""
        found = [(method, 0, cell) for method, cell in self.well.items()]
        found += [(method, code, cell) for (method, code), cell in self.others.items()]
        return [(method, code, *told(cell)) for method, code, cell in sorted(found, key=identity)]

    cdef Cell cell(self, bytes method, int code):
        if code == 0:
            if len(self.named) < NAMES:
                self.named.add(method)
            cells, key = self.well, method if method in self.named else OTHER
        else:
            cells, key = self.others, (method if method in self.named else OTHER, code)
        cell = cells.get(key)
        if cell is None:
            cell = cells[key] = Cell.__new__(Cell)
        return cell


def identity(row):
    """What tells it from others."""
    return row[:2]


cdef tuple told(Cell cell):
    cdef list counts = [0] * (LAST - FIRST + 2)
    cdef int bit
    for bit in range(64):
        counts[min(max(bit + 1 - FIRST, 0), LAST - FIRST + 1)] += cell.counts[bit]
    return tuple(counts), cell.total / 1e9
