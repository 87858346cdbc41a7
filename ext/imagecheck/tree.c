/* No level is compared with before it was found right itself, from the root hash down. */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>

int tree_read(struct tree *tree, int fd, size_t blocks, size_t first)
{
    size_t total = 0;

    if (blocks < 2 || blocks > TREE_BLOCKS_MOST)
        return EINVAL;
    tree->levels = 0;
    do {
        blocks = (blocks + TREE_PER_BLOCK - 1) / TREE_PER_BLOCK;
        total += tree->sizes[tree->levels++] = blocks;
    } while (blocks > 1);
    if (!(tree->bytes = malloc(total * SHA256_BLOCK)))
        return ENOMEM;
    tree->leaves = tree->bytes + (total - tree->sizes[0]) * SHA256_BLOCK;
    return scan_fill(fd, tree->bytes, total * SHA256_BLOCK, (off_t)first * SHA256_BLOCK);
}

static size_t compare(const struct scan *job, const uint8_t *memory, size_t blocks, const uint8_t *wanted)
{
    struct scan level = {.kernel = job->kernel, .salt = job->salt, .memory = memory, .blocks = blocks,
                         .wanted = wanted, .bad = SIZE_MAX};

    scan_run(&level, SIZE_MAX);
    return level.bad;
}

size_t tree_check(const struct tree *tree, const struct scan *job, const uint8_t *root)
{
    const uint8_t *wanted = root;
    size_t above = 0; /* blocks in the levels above this one */

    for (int level = tree->levels - 1; level >= 0; level--) {
        const uint8_t *here = tree->bytes + above * SHA256_BLOCK;
        size_t bad = compare(job, here, tree->sizes[level], wanted);

        if (bad != SIZE_MAX)
            return above + bad;
        wanted = here;
        above += tree->sizes[level];
    }
    return SIZE_MAX;
}
