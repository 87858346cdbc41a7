/* The superblock says where the footer is; the footer must say the same of the superblock. Sizes are bounded before they
 * are added or multiplied, so that nothing can wrap around. */
#include <string.h>

#include "image.h"

#define LARGEST ((uint64_t)1 << 40) /* no image is larger than 1 TiB */
#define DIGESTS (IMAGE_BLOCK / 32)

static uint64_t little(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;

    while (count--)
        value = value << 8 | bytes[count];
    return value;
}

/* Blocks of the hash tree over `blocks` blocks: as many levels as it takes to end at one. */
static uint64_t tree_blocks(uint64_t blocks)
{
    uint64_t total = 0;

    while (blocks > 1) {
        blocks = (blocks + DIGESTS - 1) / DIGESTS;
        total += blocks;
    }
    return total;
}

const char *image_locate(const uint8_t superblock[IMAGE_SUPERBLOCK], struct image *image, uint64_t *footer)
{
    if (memcmp(superblock, "hsqs", 4) != 0)
        return "no squashfs superblock";
    if (little(superblock + 28, 2) != 4)
        return "squashfs of another version";
    uint64_t used = little(superblock + 40, 8);
    if (used <= IMAGE_BLOCK || used > LARGEST) /* below two blocks there is no tree */
        return "squashfs size out of bounds";
    image->data_size = (used + IMAGE_BLOCK - 1) / IMAGE_BLOCK * IMAGE_BLOCK;
    image->hash_offset = image->data_size;
    image->hash_size = tree_blocks(image->data_size / IMAGE_BLOCK) * IMAGE_BLOCK;
    *footer = image->hash_offset + image->hash_size;
    return NULL;
}

const char *image_footer(const uint8_t footer[IMAGE_BLOCK], struct image *image)
{
    if (memcmp(footer, "ICHORIMG", 8) != 0)
        return "no footer";
    if (little(footer + 8, 4) != 1 || little(footer + 12, 4) != IMAGE_BLOCK)
        return "footer of another format";
    if (little(footer + 16, 8) != image->data_size || little(footer + 24, 8) != image->hash_offset ||
        little(footer + 32, 8) != image->hash_size)
        return "footer does not fit the squashfs before it";
    image->build_date = little(footer + 40, 8);
    image->root_hash = footer + 48;
    image->salt = footer + 80;
    image->key_id = footer + 112;
    image->signature = footer + IMAGE_SIGNED;
    return NULL;
}
