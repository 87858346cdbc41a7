/* One pass over many blocks by several threads: hashes them, keeps the digests or compares them. */
#ifndef ICHOR_NATIVE_SCAN_H
#define ICHOR_NATIVE_SCAN_H

#include "native_sha256.h"

#include <sys/types.h>

struct scan {
    const struct sha256_kernel *kernel;
    struct sha256_salt salt;
    const uint8_t *memory;    /* the blocks; NULL: they are the first of file `fd` */
    int fd;
    size_t blocks;
    uint8_t *made;            /* where the digests go, or NULL */
    const uint8_t *wanted;    /* what they must be, or NULL */
    size_t next, done, bad;   /* blocks claimed, blocks finished, the first wrong one (SIZE_MAX: none); shared */
    int error;                /* errno of what could not be read, EIO past the end of the file; shared */
};

/* Takes part in the pass until nothing is left to claim, or for at most `turns` pieces. Each piece is claimed in order
 * and finished once claimed, so that `bad` is the first wrong block when all have returned. */
void scan_run(struct scan *scan, size_t turns);

/* Nothing more is claimed. */
void scan_cancel(struct scan *scan);

/* Whether nothing is left to claim. */
int scan_over(const struct scan *scan);

size_t scan_done(const struct scan *scan);

/* Reads exactly `size` bytes; 0, or an errno: EIO for a file that ends too early. */
int scan_fill(int fd, uint8_t *buffer, size_t size, off_t offset);

enum { SCAN_PIECE = 512 }; /* blocks: 2 MiB, which large pages of the page cache may fill at one stroke */

#endif
