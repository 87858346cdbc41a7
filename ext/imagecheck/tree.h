/* A whole hash tree in memory (Documentation/admin-guide/device-mapper/verity.rst, version 1, blocks of 4 KiB). */
#ifndef ICHOR_IMAGECHECK_TREE_H
#define ICHOR_IMAGECHECK_TREE_H

#include "../verity/native_scan.h"

#include <stddef.h>
#include <stdint.h>

enum { TREE_LEVELS = 6, TREE_PER_BLOCK = SHA256_BLOCK / SHA256_DIGEST };
#define TREE_BLOCKS_MOST ((size_t)1 << 40) /* of data: what 6 levels of 128 hold, with room for offsets in bytes */

struct tree {
    uint8_t *bytes;             /* the top level first */
    const uint8_t *leaves;      /* the lowest level: a digest for each block of data */
    size_t sizes[TREE_LEVELS];  /* blocks of each level from the lowest up */
    int levels;
};

/* Reads the tree over `blocks` blocks of data that begins at block `first` of the file. 0, or an errno. */
int tree_read(struct tree *tree, int fd, size_t blocks, size_t first);

/* The first block of the tree, counted from its start, that has not the hash which the level above it says; SIZE_MAX if
 * all have. `job` lends its kernel and salt. */
size_t tree_check(const struct tree *tree, const struct scan *job, const uint8_t *root);

#endif
