/* Bytes -> values for the image file: squashfs | hash tree | footer (docs/architecture.md). No I/O, nothing trusted. */
#ifndef ICHOR_IMAGE_H
#define ICHOR_IMAGE_H

#include <stdint.h>

#define IMAGE_BLOCK 4096
#define IMAGE_SUPERBLOCK 96
#define IMAGE_SIGNED 4032

struct image {
    uint64_t data_size;   /* bytes dm-verity covers: the squashfs, rounded up to a block */
    uint64_t hash_offset;
    uint64_t hash_size;
    uint64_t build_date;  /* Unix seconds */
    const uint8_t *root_hash, *salt, *key_id, *signature; /* into the footer: 32, 32, 32 and 64 bytes */
};

/* Both return NULL, or what is wrong in words. */
const char *image_locate(const uint8_t superblock[IMAGE_SUPERBLOCK], struct image *image, uint64_t *footer);
const char *image_footer(const uint8_t footer[IMAGE_BLOCK], struct image *image);

#endif
