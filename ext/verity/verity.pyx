# distutils: libraries=crypto
"""Builds and checks dm-verity hash trees (format 1, SHA-256, 4 KiB blocks) of an open file with OpenSSL's EVP, without
the GIL. Reads with pread and never moves the file's offset; trusts no byte of a tree it has not hashed up to the root."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport EINTR, EIO, errno
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset
from posix.types cimport off_t

import os

cdef extern from "<unistd.h>" nogil:
    ssize_t pread(int fd, void *buffer, size_t size, off_t offset)

cdef extern from "<openssl/evp.h>" nogil:
    ctypedef struct EVP_MD
    ctypedef struct EVP_MD_CTX
    const EVP_MD *EVP_sha256()
    EVP_MD_CTX *EVP_MD_CTX_new()
    void EVP_MD_CTX_free(EVP_MD_CTX *context)
    int EVP_MD_CTX_copy_ex(EVP_MD_CTX *out, const EVP_MD_CTX *source)
    int EVP_DigestInit_ex(EVP_MD_CTX *context, const EVP_MD *kind, void *engine)
    int EVP_DigestUpdate(EVP_MD_CTX *context, const void *data, size_t size)
    int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *digest, unsigned int *size)

cdef enum:
    BLOCK = 4096
    DIGEST = 32
    PER_BLOCK = 128
    CHUNK = 256        # blocks read at once: 1 MiB
    LEVELS = 8         # 128^8 blocks is more than off_t holds


cdef class _Hasher:
    """SHA-256(salt || block); the salted state is prepared once and copied for each block."""

    cdef EVP_MD_CTX *salted
    cdef EVP_MD_CTX *work

    def __cinit__(self, bytes salt):
        self.salted = EVP_MD_CTX_new()
        self.work = EVP_MD_CTX_new()
        if self.salted == NULL or self.work == NULL:
            raise MemoryError
        if (not EVP_DigestInit_ex(self.salted, EVP_sha256(), NULL)
                or not EVP_DigestUpdate(self.salted, PyBytes_AS_STRING(salt), len(salt))):
            raise RuntimeError("OpenSSL refuses SHA-256")

    def __dealloc__(self):
        EVP_MD_CTX_free(self.salted)
        EVP_MD_CTX_free(self.work)

    cdef int digest(self, const unsigned char *block, unsigned char *out) noexcept nogil:
        return (EVP_MD_CTX_copy_ex(self.work, self.salted)
                and EVP_DigestUpdate(self.work, block, BLOCK)
                and EVP_DigestFinal_ex(self.work, out, NULL))


cdef int _fill(int fd, unsigned char *buffer, size_t size, off_t offset) noexcept nogil:
    """Reads exactly `size` bytes; 0, or an errno (EIO for a file that ends too early)."""
    cdef ssize_t got
    while size:
        got = pread(fd, buffer, size, offset)
        if got < 0 and errno == EINTR:
            continue
        if got <= 0:
            return EIO if got == 0 else errno
        buffer += got
        size -= <size_t>got
        offset += got
    return 0


cdef int _hash_file(_Hasher hasher, int fd, Py_ssize_t first, Py_ssize_t blocks, unsigned char *chunk,
                    unsigned char *out) noexcept nogil:
    """The digests of `blocks` blocks from block `first` of the file, one after the other; 0, an errno, or -1."""
    cdef Py_ssize_t done = 0, count, i
    cdef int error
    while done < blocks:
        count = min(<Py_ssize_t>CHUNK, blocks - done)
        error = _fill(fd, chunk, <size_t>count * BLOCK, <off_t>(first + done) * BLOCK)
        if error:
            return error
        for i in range(count):
            if not hasher.digest(chunk + i * BLOCK, out + (done + i) * DIGEST):
                return -1
        done += count
    return 0


cdef _raise(int error):
    if error < 0:
        raise RuntimeError("OpenSSL refuses SHA-256")
    raise OSError(error, f"reading an image: {os.strerror(error)}")


cdef int _shape(Py_ssize_t data_blocks, Py_ssize_t *sizes) except -1:
    """Blocks of each level from the leaves' hashes up; the number of levels."""
    cdef int level = 0
    if data_blocks < 2:
        raise ValueError("a hash tree stands over at least two blocks")
    sizes[0] = (data_blocks + PER_BLOCK - 1) // PER_BLOCK
    while sizes[level] > 1:
        if level + 1 == LEVELS:
            raise ValueError("the device is too large")
        sizes[level + 1] = (sizes[level] + PER_BLOCK - 1) // PER_BLOCK
        level += 1
    return level + 1


def build(int fd, Py_ssize_t data_blocks, bytes salt not None):
    """The root hash and the tree's bytes (top level first) over the first `data_blocks` blocks of the file."""
    cdef Py_ssize_t sizes[LEVELS]
    cdef Py_ssize_t total = 0, below, above, i
    cdef int count = _shape(data_blocks, sizes), level, error = 0
    cdef _Hasher hasher = _Hasher(salt)
    cdef unsigned char root[DIGEST]
    for level in range(count):
        total += sizes[level]
    cdef bytes tree = PyBytes_FromStringAndSize(NULL, total * BLOCK)
    cdef unsigned char *out = <unsigned char *>PyBytes_AS_STRING(tree)
    cdef unsigned char *chunk = <unsigned char *>malloc(CHUNK * BLOCK)
    if chunk == NULL:
        raise MemoryError
    with nogil:
        memset(out, 0, <size_t>total * BLOCK)
        below = total - sizes[0]
        error = _hash_file(hasher, fd, 0, data_blocks, chunk, out + below * BLOCK)
        for level in range(1, count):
            if error:
                break
            above = below - sizes[level]
            for i in range(sizes[level - 1]):
                if not hasher.digest(out + (below + i) * BLOCK, out + above * BLOCK + i * DIGEST):
                    error = -1
            below = above
        if not error and not hasher.digest(out, root):
            error = -1
    free(chunk)
    if error:
        _raise(error)
    return PyBytes_FromStringAndSize(<char *>root, DIGEST), tree


def first_bad_block(int fd, Py_ssize_t data_blocks, Py_ssize_t tree_block, bytes salt not None, bytes root not None):
    """The first block of the file whose hash is wrong, or None. The tree starts at block `tree_block` and is checked
    from the root down before any data block is compared with it, so a block of the tree may be the answer."""
    cdef Py_ssize_t sizes[LEVELS]
    cdef Py_ssize_t total = 0, below, above, i, bad = -1
    cdef int count = _shape(data_blocks, sizes), level, error = 0
    cdef _Hasher hasher = _Hasher(salt)
    cdef unsigned char digest[DIGEST]
    cdef const unsigned char *wanted = <const unsigned char *>PyBytes_AS_STRING(root)
    if len(root) != DIGEST:
        raise ValueError("a root hash has 32 bytes")
    for level in range(count):
        total += sizes[level]
    cdef unsigned char *tree = <unsigned char *>malloc(<size_t>(total + CHUNK) * BLOCK)
    if tree == NULL:
        raise MemoryError
    with nogil:
        error = _fill(fd, tree, <size_t>total * BLOCK, <off_t>tree_block * BLOCK)
        if not error:
            bad = _check_tree(hasher, tree, sizes, count, wanted)
            if bad >= 0:
                bad += tree_block
            elif bad == -1:
                bad = _check_data(hasher, fd, data_blocks, tree + (total - sizes[0]) * BLOCK, tree + total * BLOCK,
                                  &error)
    free(tree)
    if error or bad == -2:
        _raise(error or -1)
    return None if bad < 0 else bad


cdef Py_ssize_t _check_tree(_Hasher hasher, const unsigned char *tree, const Py_ssize_t *sizes, int count,
                            const unsigned char *root) noexcept nogil:
    """The first wrong block of the tree counted from its start, -1 if none is, -2 if hashing failed."""
    cdef unsigned char digest[DIGEST]
    cdef Py_ssize_t above = 0, below = 1, i
    cdef int level
    if not hasher.digest(tree, digest):
        return -2
    if memcmp(digest, root, DIGEST):
        return 0
    for level in range(count - 2, -1, -1):
        for i in range(sizes[level]):
            if not hasher.digest(tree + (below + i) * BLOCK, digest):
                return -2
            if memcmp(digest, tree + above * BLOCK + i * DIGEST, DIGEST):
                return below + i
        above = below
        below += sizes[level]
    return -1


cdef Py_ssize_t _check_data(_Hasher hasher, int fd, Py_ssize_t blocks, const unsigned char *wanted,
                            unsigned char *chunk, int *error) noexcept nogil:
    """The first data block that differs from its leaf hash, -1 if none does; `error` as _hash_file's."""
    cdef unsigned char digest[DIGEST]
    cdef Py_ssize_t done = 0, count, i
    while done < blocks:
        count = min(<Py_ssize_t>CHUNK, blocks - done)
        error[0] = _fill(fd, chunk, <size_t>count * BLOCK, <off_t>done * BLOCK)
        if error[0]:
            return -1
        for i in range(count):
            if not hasher.digest(chunk + i * BLOCK, digest):
                return -2
            if memcmp(digest, wanted + (done + i) * DIGEST, DIGEST):
                return done + i
        done += count
    return -1
