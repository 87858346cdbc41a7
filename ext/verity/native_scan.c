/* Pieces are claimed by a counter, so that threads share the work whatever else the processors do. */
#define _GNU_SOURCE
#include "native_scan.h"
#include "native_window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { AHEAD = 8 }; /* pieces that the disk is asked for before they are due */

#define ORDER __ATOMIC_SEQ_CST

int scan_fill(int fd, uint8_t *buffer, size_t size, off_t offset)
{
    while (size) {
        ssize_t got = pread(fd, buffer, size, offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? errno : EIO;
        buffer += got, size -= got, offset += got;
    }
    return 0;
}

/* The digests of a piece, from the page cache where that can be; 0 or an errno. */
static int digest(const struct scan *scan, size_t first, size_t count, uint8_t *digests)
{
    const off_t offset = (off_t)first * SHA256_BLOCK;
    const size_t size = count * SHA256_BLOCK;
    const uint8_t *bytes = scan->memory ? scan->memory + offset : window_open(scan->fd, offset, size);
    uint8_t *copy;
    int error;

    if (bytes) {
        sha256_blocks(scan->kernel, &scan->salt, bytes, count, digests);
        if (scan->memory || window_close(scan->fd, offset))
            return 0;
    }
    if (!(copy = malloc(size)))
        return ENOMEM;
    if (!(error = scan_fill(scan->fd, copy, size, offset)))
        sha256_blocks(scan->kernel, &scan->salt, copy, count, digests);
    free(copy);
    return error;
}

/* The least of what was found by all. */
static void found(struct scan *scan, size_t block)
{
    size_t known = __atomic_load_n(&scan->bad, ORDER);

    while (block < known && !__atomic_compare_exchange_n(&scan->bad, &known, block, 0, ORDER, ORDER))
        ;
    scan_cancel(scan);
}

static void piece(struct scan *scan, size_t first, size_t count)
{
    uint8_t digests[SCAN_PIECE * SHA256_DIGEST];
    int error = digest(scan, first, count, digests);

    if (error) {
        __atomic_store_n(&scan->error, error, ORDER);
        scan_cancel(scan);
        return;
    }
    if (scan->made)
        memcpy(scan->made + first * SHA256_DIGEST, digests, count * SHA256_DIGEST);
    for (size_t i = 0; scan->wanted && i < count; i++)
        if (memcmp(digests + i * SHA256_DIGEST, scan->wanted + (first + i) * SHA256_DIGEST, SHA256_DIGEST)) {
            found(scan, first + i);
            break;
        }
    __atomic_add_fetch(&scan->done, count, ORDER);
}

/* Has the disk read a piece, unless it lies in the page cache: to ask in vain costs a thirtieth of the hashing. */
static void ask(int fd, off_t offset)
{
    uint8_t byte;
    struct iovec first = {&byte, sizeof(byte)};

    if (preadv2(fd, &first, 1, offset, RWF_NOWAIT) < 0)
        posix_fadvise(fd, offset, SCAN_PIECE * SHA256_BLOCK, POSIX_FADV_WILLNEED);
}

void scan_run(struct scan *scan, size_t turns)
{
    while (turns--) {
        size_t first = __atomic_fetch_add(&scan->next, SCAN_PIECE, ORDER);

        if (first >= scan->blocks)
            break;
        if (!scan->memory)
            ask(scan->fd, (off_t)(first + AHEAD * SCAN_PIECE) * SHA256_BLOCK);
        piece(scan, first, scan->blocks - first < SCAN_PIECE ? scan->blocks - first : SCAN_PIECE);
    }
}

void scan_cancel(struct scan *scan) { __atomic_store_n(&scan->next, scan->blocks, ORDER); }

int scan_over(const struct scan *scan) { return __atomic_load_n(&scan->next, ORDER) >= scan->blocks; }

size_t scan_done(const struct scan *scan) { return __atomic_load_n(&scan->done, ORDER); }
