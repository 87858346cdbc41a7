# distutils: sources=ext/verity/native_sha256.c ext/verity/native_portable.c ext/verity/native_avx2.c ext/verity/native_avx512.c ext/verity/native_ni.c ext/verity/native_window.c ext/verity/native_scan.c
# distutils: depends=ext/verity/native_sha256.h ext/verity/native_lanes.h ext/verity/native_window.h ext/verity/native_scan.h
"""Builds and checks dm-verity hash trees (format 1, SHA-256, 4 KiB blocks) of an open file on all processors, without
the GIL. Never moves the file's offset; trusts no byte of a tree it has not hashed up to the root."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from posix.types cimport off_t

from ext.verity.scan cimport (
    SCAN_PIECE, SHA256_KERNELS, scan, scan_cancel, scan_done, scan_fill, scan_over, scan_run, sha256_begin,
    sha256_best, sha256_kernels,
)

import os
import threading

cdef enum:
    BLOCK = 4096
    DIGEST = 32
    PER_BLOCK = 128
    LEVELS = 8         # 128^8 blocks is more than off_t holds
    TURNS = 32         # pieces between two words of progress: 64 MiB, some 30 ms

cdef size_t NONE = <size_t>-1


def kernels():
    """Names of the kernels this processor can run."""
    return [sha256_kernels[i].name.decode() for i in range(SHA256_KERNELS) if sha256_kernels[i].usable()]


def best_kernel():
    """The name of the fastest here, measured once in a process."""
    return sha256_best().name.decode()


cdef class _Pass:
    """Hashes blocks of one file or of memory; one pass at a time."""

    cdef scan job
    cdef int threads

    def __cinit__(self, int fd, bytes salt, int threads, str kernel):
        memset(&self.job, 0, sizeof(scan))
        self.job.fd = fd
        self.job.kernel = sha256_best()
        if kernel is not None:
            self._choose(kernel.encode())
        sha256_begin(&self.job.salt, <const uint8_t *>PyBytes_AS_STRING(salt), len(salt))
        self.threads = threads or len(os.sched_getaffinity(0))

    cdef _choose(self, bytes name):
        for i in range(SHA256_KERNELS):
            if sha256_kernels[i].name == name and sha256_kernels[i].usable():
                self.job.kernel = sha256_kernels[i]
                return
        raise ValueError(f"this processor has no kernel {name.decode()!r}, but {', '.join(kernels())}")

    def take_part(self):
        with nogil:
            scan_run(&self.job, NONE)

    cdef hash_file(self, size_t blocks, uint8_t *made, progress):
        return self._start(NULL, blocks, made, NULL, progress)

    cdef check_file(self, size_t blocks, const uint8_t *wanted, progress):
        return self._start(NULL, blocks, NULL, wanted, progress)

    cdef hash_memory(self, const uint8_t *memory, size_t blocks, uint8_t *made):
        return self._start(memory, blocks, made, NULL, None)

    cdef check_memory(self, const uint8_t *memory, size_t blocks, const uint8_t *wanted):
        return self._start(memory, blocks, NULL, wanted, None)

    cdef _start(self, const uint8_t *memory, size_t blocks, uint8_t *made, const uint8_t *wanted, progress):
        """The first bad block or None; all threads have ended when it returns or raises."""
        self.job.memory, self.job.blocks, self.job.made, self.job.wanted = memory, blocks, made, wanted
        self.job.next, self.job.done, self.job.bad, self.job.error = 0, 0, NONE, 0
        cdef Py_ssize_t helpers = min(<Py_ssize_t>self.threads, <Py_ssize_t>(blocks + SCAN_PIECE - 1) // SCAN_PIECE) - 1
        running = []
        try:
            for _ in range(helpers):
                thread = threading.Thread(target=self.take_part, name="verity", daemon=True)
                thread.start()
                running.append(thread)
            self._lead(progress)
        finally:
            scan_cancel(&self.job)  # whatever ended us ends them
            for thread in running:
                thread.join()
        if self.job.error:
            raise OSError(self.job.error, f"reading an image: {os.strerror(self.job.error)}")
        return None if self.job.bad == NONE else self.job.bad

    cdef _lead(self, progress):
        while not scan_over(&self.job):
            with nogil:
                scan_run(&self.job, TURNS)
            PyErr_CheckSignals()
            if progress is not None:
                progress(scan_done(&self.job))


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


def build(int fd, Py_ssize_t data_blocks, bytes salt not None, *, progress=None, int threads=0, str kernel=None):
    """The root hash and the tree's bytes (top level first) over the first `data_blocks` blocks of the file."""
    cdef Py_ssize_t sizes[LEVELS]
    cdef Py_ssize_t total = 0, below, above
    cdef int count = _shape(data_blocks, sizes), level
    cdef uint8_t root[DIGEST]
    cdef _Pass work = _Pass(fd, salt, threads, kernel)
    for level in range(count):
        total += sizes[level]
    cdef bytes tree = PyBytes_FromStringAndSize(NULL, total * BLOCK)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(tree)
    memset(out, 0, <size_t>total * BLOCK)
    below = total - sizes[0]
    work.hash_file(data_blocks, out + below * BLOCK, progress)
    for level in range(1, count):
        above = below - sizes[level]
        work.hash_memory(out + below * BLOCK, sizes[level - 1], out + above * BLOCK)
        below = above
    work.hash_memory(out, 1, root)
    return PyBytes_FromStringAndSize(<char *>root, DIGEST), tree


def first_bad_block(int fd, Py_ssize_t data_blocks, Py_ssize_t tree_block, bytes salt not None, bytes root not None, *,
                    progress=None, int threads=0, str kernel=None):
    """The first block of the file whose hash is wrong, or None. The tree starts at block `tree_block` and is checked
    from the root down before any data block is compared with it, so a block of the tree may be the answer."""
    cdef Py_ssize_t sizes[LEVELS]
    cdef Py_ssize_t total = 0
    cdef int count = _shape(data_blocks, sizes), level, error
    cdef _Pass work = _Pass(fd, salt, threads, kernel)
    if len(root) != DIGEST:
        raise ValueError("a root hash has 32 bytes")
    for level in range(count):
        total += sizes[level]
    cdef uint8_t *tree = <uint8_t *>malloc(<size_t>total * BLOCK)
    if tree == NULL:
        raise MemoryError
    try:
        with nogil:
            error = scan_fill(fd, tree, <size_t>total * BLOCK, <off_t>tree_block * BLOCK)
        if error:
            raise OSError(error, f"reading an image: {os.strerror(error)}")
        bad = _check_tree(work, tree, sizes, count, <const uint8_t *>PyBytes_AS_STRING(root))
        if bad is not None:
            return tree_block + bad
        return work.check_file(data_blocks, tree + (total - sizes[0]) * BLOCK, progress)
    finally:
        free(tree)


cdef _check_tree(_Pass work, const uint8_t *tree, const Py_ssize_t *sizes, int count, const uint8_t *root):
    """The first wrong block of the tree counted from its start, or None."""
    cdef Py_ssize_t above = 0, below = 1
    cdef int level
    bad = work.check_memory(tree, 1, root)
    for level in range(count - 2, -1, -1):
        if bad is not None:
            break
        bad = work.check_memory(tree + below * BLOCK, sizes[level], tree + above * BLOCK)
        if bad is not None:
            return below + bad
        above = below
        below += sizes[level]
    return bad
