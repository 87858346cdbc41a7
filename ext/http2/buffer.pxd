# A growable run of bytes: filled at `end`, drained at `start`. Its owner calls `drop` before it goes.
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove


cdef struct Buffer:
    char *data
    size_t start
    size_t end
    size_t capacity


cdef inline size_t filled(Buffer *b) noexcept:
    return b.end - b.start


cdef inline int reserve(Buffer *b, size_t n) noexcept:
    """Make room for n more bytes at `end`; -1 without memory."""
    cdef size_t capacity = b.capacity if b.capacity else 2048
    cdef char *data
    if b.end + n <= b.capacity:
        return 0
    if b.start:
        memmove(b.data, b.data + b.start, b.end - b.start)
        b.end -= b.start
        b.start = 0
    while capacity < b.end + n:
        capacity *= 2
    if capacity != b.capacity:
        data = <char *> realloc(b.data, capacity)
        if data == NULL:
            return -1
        b.data = data
        b.capacity = capacity
    return 0


cdef inline int append(Buffer *b, const void *p, size_t n) noexcept:
    if reserve(b, n):
        return -1
    memcpy(b.data + b.end, p, n)
    b.end += n
    return 0


cdef inline void drop(Buffer *b) noexcept:
    free(b.data)
    b.data = NULL
    b.start = b.end = b.capacity = 0


cdef inline void consume(Buffer *b, size_t n) noexcept:
    """Forget the first n bytes; an idle connection keeps no large buffer."""
    b.start += n
    if b.start == b.end:
        b.start = b.end = 0
        if b.capacity > 65536:
            drop(b)
