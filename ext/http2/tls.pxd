from ext.http2.buffer cimport Buffer
from ext.http2.openssl cimport SSL, SSL_CTX


cdef class TLSContext:
    cdef SSL_CTX *c
    cdef readonly bint server
    cdef bytes pins


cdef class Engine:
    cdef SSL *ssl
    cdef TLSContext context
    cdef readonly bint up

    cdef int open(self, int fd, Buffer *out, bytes name, bint is_address) except -1
    cdef int handshake(self) noexcept
    cdef Py_ssize_t read(self, void *to, int n) noexcept
    cdef int write(self, const char *p, size_t n) noexcept
    cdef bint pending(self) noexcept
    cdef void goodbye(self) noexcept
    cdef str why(self)
    cdef bytes peer(self)
    cdef list admitted(self)
