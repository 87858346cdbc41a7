# cython: language_level=3
"""A ring of records in a sealed memfd: one writer, any number of readers in any process, exact counts of what was lost.

The bytes and who may touch which of them when stand in layout.h. Nothing here waits: wake-ups belong to whoever owns the ring.
A reader trusts nothing it has not checked again after copying; a writer checks the whole chain before it takes a ring over.
"""

import fcntl
import os

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.errno cimport errno
from libc.stdint cimport uint64_t
from libc.string cimport memcpy
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

from ext.ring.layout cimport *

cdef extern from "Python.h":
    PyObject *PyBytes_FromStringAndSize(const char *text, Py_ssize_t size)
    char *PyBytes_AS_STRING(object text)
    int _PyBytes_Resize(PyObject **text, Py_ssize_t size) except -1

cdef enum:
    SMALLEST = 4096
    LARGEST = 1 << 30


cdef class _Mapping:
    """The three parts of a ring's memfd in this process's memory."""

    cdef ring_header *header
    cdef char *staging
    cdef char *data
    cdef readonly int capacity

    cdef int _map(self, int fd, int prot) except -1:
        cdef ssize_t size = os.fstat(fd).st_size - RING_HEADER - RING_STAGING
        if size < SMALLEST or size > LARGEST or size & (size - 1):
            raise ValueError(f"not a ring: {size} bytes of records")
        if not fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
            raise ValueError("not a ring: its size is not sealed")
        self.capacity = size
        cdef void *header = mmap(NULL, RING_HEADER, prot, MAP_SHARED, fd, 0)
        if header == MAP_FAILED:
            raise OSError(errno, "mmap of a ring's header")
        self.header = <ring_header *>header
        self.staging = <char *>ring_twice(fd, RING_HEADER, RING_STAGING, prot)
        self.data = <char *>ring_twice(fd, RING_HEADER + RING_STAGING, size, prot)
        if self.staging == NULL or self.data == NULL:
            raise OSError(errno, "mmap of a ring's records")
        return 0

    cdef int _check(self) except -1:
        if self.header.magic != RING_MAGIC or self.header.capacity != <uint64_t>self.capacity:
            raise ValueError("not a ring of this format")
        return 0

    cdef int _open(self) except -1:
        if self.data == NULL:
            raise ValueError("the ring is closed")
        return 0

    cpdef close(self):
        if self.data != NULL:
            munmap(self.data, 2 * self.capacity)
        if self.staging != NULL:
            munmap(self.staging, 2 * RING_STAGING)
        if self.header != NULL:
            munmap(self.header, RING_HEADER)
        self.data = self.staging = NULL
        self.header = NULL

    def __dealloc__(self):
        self.close()

    @property
    def next(self):
        cdef uint64_t head
        self._open()
        return ring_newest(self.header, &head)

    @property
    def oldest(self):
        cdef uint64_t head, tail, next, found
        self._open()
        while True:
            tail = ring_load(&self.header.tail)
            next = ring_newest(self.header, &head)
            found = next if tail >= head else (<ring_record *>(self.data + (tail & (self.capacity - 1)))).sequence
            ring_fence()
            if ring_load(&self.header.tail) == tail:
                return found


cdef class Ring(_Mapping):
    cdef int _fd

    def __cinit__(self):
        self._fd = -1

    @staticmethod
    def create(str name, capacity):
        if not SMALLEST <= capacity <= LARGEST or capacity & (capacity - 1):
            raise ValueError(f"a ring's capacity is a power of two from {SMALLEST} to {LARGEST}, not {capacity}")
        cdef Ring self = Ring.__new__(Ring)
        self._fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._fd, RING_HEADER + RING_STAGING + capacity)
        fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        self._map(self._fd, PROT_READ | PROT_WRITE)
        self.header.capacity = capacity
        self.header.magic = RING_MAGIC
        return self

    @staticmethod
    def attach(int fd):
        cdef Ring self = Ring.__new__(Ring)
        self._fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        self._map(self._fd, PROT_READ | PROT_WRITE)
        self._check()
        if not ring_sound(self.header, self.data):
            raise ValueError("the ring is damaged")
        ring_recover(self.header, self.staging)
        ring_cut(self.header, self.data, self.staging, 0)  # else staging could be full, and a drain find no room
        return self

    def append(self, bytes record not None):
        cdef ring_header *h = self.header
        cdef Py_ssize_t length = len(record)
        self._open()
        if ring_need(length) > <uint64_t>self.capacity:
            raise ValueError(f"a record of {length} bytes does not fit a ring of {self.capacity}")
        cdef uint64_t sequence = h.next
        if ring_append(h, self.data, PyBytes_AS_STRING(record), length, ring_now(), h.slot[sequence & 1].taken) < 0:
            raise ValueError("the ring is damaged")
        return sequence

    def drain(self, int fd):
        self._open()
        cdef ssize_t got = ring_fill(self.header, self.staging, fd)
        if got < 0:
            raise OSError(errno, os.strerror(errno))
        if got and ring_cut(self.header, self.data, self.staging, 0) < 0:
            raise ValueError("the ring is damaged")
        return got

    def flush(self):
        self._open()
        cdef long made = ring_cut(self.header, self.data, self.staging, 1)
        if made < 0:
            raise ValueError("the ring is damaged")
        return made

    def fileno(self):
        self._open()
        return self._fd

    cpdef close(self):
        _Mapping.close(self)
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


cdef class Reader(_Mapping):
    cdef uint64_t _place
    cdef readonly uint64_t sequence
    cdef readonly uint64_t lost

    def __init__(self, int fd, start=None):
        self.close()
        self._map(fd, PROT_READ)
        self._check()
        self._place = ring_load(&self.header.tail)
        self.sequence = self.oldest if start is None else min(start, self.next)
        self.lost = 0

    cdef bint _due(self, uint64_t next, uint64_t head, ring_record *record) except -1:
        """Move to the record expected or, if that is gone, to the oldest one, counting what lies between; 0 at the end."""
        cdef uint64_t tail
        while True:
            tail = ring_load(&self.header.tail)
            if self._place < tail:
                self._place = tail
            if self._place >= head:
                self.lost += next - self.sequence
                self.sequence = next
                return 0
            if head - self._place > <uint64_t>self.capacity:  # the tail was read after head, so this is no race
                raise ValueError("the ring is damaged")
            record[0] = (<ring_record *>(self.data + (self._place & (self.capacity - 1))))[0]
            if not self._stands():
                continue
            if ring_need(record.length) > head - self._place or record.sequence >= next:
                raise ValueError("the ring is damaged")
            if record.sequence >= self.sequence:
                self.lost += record.sequence - self.sequence
                self.sequence = record.sequence
                return 1
            self._place += ring_need(record.length)

    cdef bint _stands(self) noexcept:
        """Whether what was just copied from here had not been overwritten."""
        ring_fence()
        return ring_load(&self.header.tail) <= self._place

    cdef void _pass(self, const ring_record *record) noexcept:
        self._place += ring_need(record.length)
        self.sequence += 1

    def read(self, Py_ssize_t limit):
        cdef uint64_t head, next
        cdef Py_ssize_t size = 0
        cdef ring_record record
        cdef char *text
        self._open()
        next = ring_newest(self.header, &head)
        found = []
        while self._due(next, head, &record):
            if found and size + record.length > limit:
                break
            text = self.data + (self._place & (self.capacity - 1)) + sizeof(ring_record)
            entry = (record.sequence, record.time, <bytes>text[:record.length])
            if self._stands():
                found.append(entry)
                size += record.length
                self._pass(&record)
        return found

    def joined(self, Py_ssize_t limit):
        cdef uint64_t head, next
        cdef Py_ssize_t size = 0, room
        cdef bint taken = False
        cdef ring_record record
        cdef PyObject *text
        cdef char *out
        self._open()
        next = ring_newest(self.header, &head)
        if not self._due(next, head, &record):
            return b""
        room = min(max(limit, <Py_ssize_t>record.length), <Py_ssize_t>(head - self._place))
        text = PyBytes_FromStringAndSize(NULL, room)
        if text == NULL:
            raise MemoryError
        out = PyBytes_AS_STRING(<object>text)
        while self._due(next, head, &record):
            if size + record.length > room or (taken and size + record.length > limit):
                break
            memcpy(out + size, self.data + (self._place & (self.capacity - 1)) + sizeof(ring_record), record.length)
            if self._stands():
                size += record.length
                taken = True
                self._pass(&record)
        _PyBytes_Resize(&text, size)
        result = <object>text
        Py_DECREF(result)
        if not size and self.sequence < next:  # nothing but empty records, or overwritten by one that is longer
            return self.joined(limit)
        return result
