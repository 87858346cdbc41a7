from libc.stdint cimport uint8_t


cdef class Decoder:
    cdef uint8_t head[5]
    cdef Py_ssize_t nhead, size, got, limit, prefix
    cdef bytes body, ready
    cdef object queue
    cdef readonly int fault
    cdef readonly Py_ssize_t held
    cdef Py_ssize_t messages

    cdef int push(self, const uint8_t *data, Py_ssize_t n) except -1
    cdef int begin(self) except -1
    cdef int grow(self) except -1
    cdef int complete(self) except -1
    cdef bytes pop(self)
    cdef void finish(self) noexcept
    cdef bint whole(self) noexcept
    cdef bint begun(self) noexcept


cdef class Encoder:
    cdef uint8_t head[5]
    cdef bytes body
    cdef object queue
    cdef Py_ssize_t offset, size, prefix
    cdef readonly Py_ssize_t pending

    cdef int push(self, bytes message) except -1
    cdef void begin(self, bytes message) noexcept
    cdef int copy(self, char *to, Py_ssize_t n) except -1
