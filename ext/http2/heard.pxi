# Included by session.pyx: what a peer says in a header block it mostly said in the one before, in the same order; those
# objects serve again. HPACK's own table keeps the same fields for as long.

cdef class Heard:
    """The last header fields of a connection's peer."""


cdef inline bint same(bytes known, const char *p, size_t n) noexcept:
    return <size_t> PyBytes_GET_SIZE(known) == n and memcmp(PyBytes_AS_STRING(known), p, n) == 0


cdef inline bytes again(bytes before, const char *p, size_t n):
    """These bytes, as the object that they were before if they are the same."""
    return before if before is not None and same(before, p, n) else p[:n]


cdef tuple pair(list before, Py_ssize_t i, const char *name, size_t n, const char *value, size_t m):
    """A field, as the object that stood at the same place before if it is the same."""
    cdef tuple old
    if before is not None and i < len(before):
        old = before[i]
        if same(old[0], name, n) and same(old[1], value, m):
            return old
    return name[:n], value[:m]
