from libc.stdint cimport uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec


cdef inline uint64_t monotonic() noexcept nogil:
    """Nanoseconds since some moment."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <uint64_t> now.tv_sec * 1000000000 + now.tv_nsec


cdef class Cell:
    cdef uint64_t counts[64]
    cdef uint64_t total

    cdef void add(self, uint64_t nanoseconds) noexcept
