/* What all kernels share: the salt's state, the ends of a salted block, the choice. */
#include "native_sha256.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

const struct sha256_kernel *const sha256_kernels[SHA256_KERNELS] = {
    &sha256_ni_pair, &sha256_avx512, &sha256_avx2, &sha256_ni, &sha256_portable,
};

void sha256_begin(struct sha256_salt *salt, const uint8_t *bytes, size_t length)
{
    const struct sha256_kernel *kernel = &sha256_portable;
    const uint8_t *lanes[SHA256_LANES];
    uint32_t state[8 * SHA256_LANES];
    size_t whole = length / SHA256_CHUNK;

    for (unsigned lane = 0; lane < kernel->lanes; lane++) {
        lanes[lane] = bytes;
        for (int word = 0; word < 8; word++)
            state[word * kernel->lanes + lane] = initial[word];
    }
    kernel->compress(state, lanes, whole);
    for (int word = 0; word < 8; word++)
        salt->state[word] = state[word * kernel->lanes];
    memcpy(salt->rest, bytes + whole * SHA256_CHUNK, length % SHA256_CHUNK);
    salt->length = length;
}

/* One block a lane. What of the salt is no whole chunk moves the block's own chunks: the first and the last are put
 * together in `head` and `tail`, those between are hashed where they lie. */
static void group(const struct sha256_kernel *kernel, const struct sha256_salt *salt, const uint8_t *const *blocks,
                  uint8_t *const *digests)
{
    const unsigned count = kernel->lanes;
    const size_t rest = salt->length % SHA256_CHUNK, first = SHA256_CHUNK - rest, part = 9;
    const size_t tail_chunks = rest + 9 > SHA256_CHUNK ? 2 : 1;
    const uint64_t bits = htobe64((salt->length + SHA256_BLOCK) * 8);
    uint8_t heads[SHA256_LANES][SHA256_CHUNK], tails[SHA256_LANES][2 * SHA256_CHUNK];
    const uint8_t *head[SHA256_LANES] = {0}, *middle[SHA256_LANES], *tail[SHA256_LANES];
    uint32_t state[8 * SHA256_LANES];

    for (unsigned lane = 0; lane < count; lane++) {
        for (int word = 0; word < 8; word++)
            state[word * count + lane] = salt->state[word];
        memcpy(heads[lane], salt->rest, rest);
        memcpy(heads[lane] + rest, blocks[lane], first);
        memset(tails[lane], 0, sizeof(tails[lane]));
        memcpy(tails[lane], blocks[lane] + SHA256_BLOCK - rest, rest);
        tails[lane][rest] = 0x80;
        memcpy(tails[lane] + tail_chunks * SHA256_CHUNK - sizeof(bits), &bits, sizeof(bits));
        head[lane] = heads[lane], middle[lane] = blocks[lane] + first, tail[lane] = tails[lane];
    }
    kernel->compress(state, head, 1);
    for (int i = 0; i < 7; i++) { /* 63 chunks; the next group's come from memory meanwhile */
        for (unsigned lane = 0; lane < count; lane++)
            for (size_t chunk = 0; chunk < part; chunk++)
                __builtin_prefetch(middle[lane] + count * SHA256_BLOCK + chunk * SHA256_CHUNK);
        kernel->compress(state, middle, part);
        for (unsigned lane = 0; lane < count; lane++)
            middle[lane] += part * SHA256_CHUNK;
    }
    kernel->compress(state, tail, tail_chunks);
    for (unsigned lane = 0; lane < count; lane++)
        for (int word = 0; word < 8; word++) {
            uint32_t value = htobe32(state[word * count + lane]);

            memcpy(digests[lane] + 4 * word, &value, sizeof(value));
        }
}

void sha256_blocks(const struct sha256_kernel *kernel, const struct sha256_salt *salt, const uint8_t *blocks,
                   size_t count, uint8_t *digests)
{
    const uint8_t *lanes[SHA256_LANES];
    uint8_t *out[SHA256_LANES];

    for (size_t done = 0; done < count; done += kernel->lanes) {
        for (unsigned lane = 0; lane < kernel->lanes; lane++) { /* lanes too many do the last block again */
            size_t block = done + lane < count ? done + lane : count - 1;

            lanes[lane] = blocks + block * SHA256_BLOCK;
            out[lane] = digests + block * SHA256_DIGEST;
        }
        group(kernel, salt, lanes, out);
    }
}

static struct {
    uint8_t blocks[SHA256_LANES * SHA256_BLOCK], expected[SHA256_LANES * SHA256_DIGEST];
    struct sha256_salt salt;
    const struct sha256_kernel *best;
} trial;

/* Nanoseconds for a few blocks, the best of some rounds, for one may be interrupted; never, if a digest is wrong. */
static int64_t duration(const struct sha256_kernel *kernel)
{
    uint8_t digests[sizeof(trial.expected)];
    int64_t best = INT64_MAX;

    for (int round = 0; round < 5; round++) {
        struct timespec start, end;
        int64_t taken;

        clock_gettime(CLOCK_MONOTONIC, &start);
        sha256_blocks(kernel, &trial.salt, trial.blocks, SHA256_LANES, digests);
        clock_gettime(CLOCK_MONOTONIC, &end);
        taken = (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec;
        best = taken < best ? taken : best;
    }
    return memcmp(digests, trial.expected, sizeof(digests)) ? INT64_MAX : best;
}

static void choose(void)
{
    int64_t least = INT64_MAX;

    for (size_t i = 0; i < sizeof(trial.blocks); i++)
        trial.blocks[i] = (uint8_t)(i ^ i >> 8);
    sha256_begin(&trial.salt, trial.blocks, SHA256_DIGEST);
    sha256_blocks(&sha256_portable, &trial.salt, trial.blocks, SHA256_LANES, trial.expected);
    trial.best = &sha256_portable;
    for (int i = 0; i < SHA256_KERNELS; i++)
        if (sha256_kernels[i]->usable()) {
            int64_t taken = duration(sha256_kernels[i]);

            if (taken < least)
                least = taken, trial.best = sha256_kernels[i];
        }
}

const struct sha256_kernel *sha256_best(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, choose);
    return trial.best;
}
