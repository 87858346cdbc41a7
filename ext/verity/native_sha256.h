/* SHA-256 of many 4 KiB blocks, each behind one salt (FIPS 180-4). A kernel runs the compression function over as many
 * independent blocks at a time as it has lanes; which of them suits this processor is measured once. */
#ifndef ICHOR_NATIVE_SHA256_H
#define ICHOR_NATIVE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BLOCK = 4096, SHA256_CHUNK = 64, SHA256_DIGEST = 32, SHA256_LANES = 16, SHA256_KERNELS = 5 };

struct sha256_kernel {
    const char *name;
    unsigned lanes;
    int (*usable)(void);
    /* state is [8][lanes]; takes `chunks` chunks of 64 bytes from each lane's pointer */
    void (*compress)(uint32_t *state, const uint8_t *const *lanes, size_t chunks);
};

struct sha256_salt {
    uint32_t state[8];           /* after the whole chunks of the salt */
    uint8_t rest[SHA256_CHUNK];  /* what of it is no whole chunk */
    size_t length;               /* of the whole salt, in bytes */
};

extern const uint32_t sha256_constants[64];
extern const struct sha256_kernel sha256_portable, sha256_avx2, sha256_avx512, sha256_ni, sha256_ni_pair;
extern const struct sha256_kernel *const sha256_kernels[SHA256_KERNELS];

/* The fastest kernel here, measured on the first call; one that gave a wrong digest then is not taken. */
const struct sha256_kernel *sha256_best(void);

void sha256_begin(struct sha256_salt *salt, const uint8_t *bytes, size_t length);

/* digests[i] = SHA-256(salt || blocks[i]) for `count` blocks in a row. */
void sha256_blocks(const struct sha256_kernel *kernel, const struct sha256_salt *salt, const uint8_t *blocks,
                   size_t count, uint8_t *digests);

#endif
