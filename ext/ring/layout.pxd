"""The ring's bytes and who may touch which of them when: see layout.h."""

from libc.stdint cimport uint32_t, uint64_t


cdef extern from "layout.h" nogil:
    cdef uint64_t RING_MAGIC
    cdef uint32_t RING_HEADER
    cdef uint32_t RING_STAGING
    cdef struct ring_slot:
        uint64_t head
        uint64_t taken
    cdef struct ring_header:
        uint64_t magic
        uint64_t capacity
        uint64_t tail
        uint64_t next
        ring_slot slot[2]
    cdef struct ring_record:
        uint64_t sequence
        uint64_t time
        uint32_t length
    uint64_t ring_load(const uint64_t *p)
    void ring_fence()
    uint64_t ring_need(uint64_t length)
    uint64_t ring_now()
    void *ring_twice(int fd, size_t offset, size_t length, int prot)
    uint64_t ring_newest(const ring_header *h, uint64_t *head)
    int ring_append(ring_header *h, char *data, const char *bytes, uint32_t length, uint64_t time, uint64_t taken)
    long ring_cut(ring_header *h, char *data, const char *staging, int flush)
    ssize_t ring_fill(ring_header *h, char *staging, int fd)
    void ring_recover(ring_header *h, const char *staging)
    int ring_sound(const ring_header *h, const char *data)
