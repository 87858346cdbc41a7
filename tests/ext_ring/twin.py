"""The obvious ring: a deque of records and the same arithmetic of room."""

from collections import deque


def need(length: int) -> int:
    """Bytes a record of `length` takes."""
    return (24 + length + 7) // 8 * 8


class Twin:
    """Oldest dropped until the new one fits; nothing else."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.records: deque[tuple[int, bytes]] = deque()
        self.next = 0
        self.used = 0

    def append(self, record: bytes) -> int:
        while self.used + need(len(record)) > self.capacity:
            self.used -= need(len(self.records.popleft()[1]))
        self.records.append((self.next, record))
        self.used += need(len(record))
        self.next += 1
        return self.next - 1


class TwinReader:
    """A place in a twin, with the count of what it missed."""

    def __init__(self, ring: Twin, start: int | None) -> None:
        self.ring = ring
        oldest = ring.records[0][0] if ring.records else ring.next
        self.sequence = oldest if start is None else min(start, ring.next)
        self.lost = 0

    def read(self, limit: int) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        size = 0
        for sequence, record in self.ring.records:
            if sequence < self.sequence:
                continue
            self.lost += sequence - self.sequence
            self.sequence = sequence
            if found and size + len(record) > limit:
                return found
            found.append((sequence, record))
            size += len(record)
            self.sequence += 1
        self.lost += self.ring.next - self.sequence
        self.sequence = self.ring.next
        return found

    def joined(self, limit: int) -> bytes:
        while True:
            text = b"".join(record for _, record in self.read(limit))
            if text or self.sequence == self.ring.next:
                return text
