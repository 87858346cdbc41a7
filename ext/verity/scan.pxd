"""The C beneath: kernels (native_sha256.h) and the pass over blocks (native_scan.h)."""

from libc.stdint cimport uint8_t
from posix.types cimport off_t

cdef extern from "native_sha256.h" nogil:
    enum: SHA256_KERNELS
    struct sha256_kernel:
        const char *name
        int (*usable)()
    struct sha256_salt:
        pass
    const sha256_kernel *sha256_kernels[SHA256_KERNELS]
    const sha256_kernel *sha256_best()
    void sha256_begin(sha256_salt *salt, const uint8_t *bytes, size_t length)

cdef extern from "native_scan.h" nogil:
    enum: SCAN_PIECE
    struct scan:
        const sha256_kernel *kernel
        sha256_salt salt
        const uint8_t *memory
        int fd
        size_t blocks
        uint8_t *made
        const uint8_t *wanted
        size_t next, done, bad
        int error
    void scan_run(scan *pass_, size_t turns)
    void scan_cancel(scan *pass_)
    int scan_over(const scan *pass_)
    size_t scan_done(const scan *pass_)
    int scan_fill(int fd, uint8_t *buffer, size_t size, off_t offset)
