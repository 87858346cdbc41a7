/* One kernel of LANES lanes, a word of every lane in one vector, by the compiler's own vectors: the including file names
 * the kernel (LANES, KERNEL, NAME), the instructions it may use (TARGET) and when a processor has them (USABLE). */
#include "native_sha256.h"

#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))

typedef uint32_t vector __attribute__((vector_size(4 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(4 * LANES)));

INLINE vector rotated(vector x, int count) { return x >> count | x << (32 - count); }

INLINE vector swapped(vector x)
{
    bytes order;

    for (int i = 0; i < 4 * LANES; i++)
        order[i] = i ^ 3;
    return (vector)__builtin_shuffle((bytes)x, order);
}

/* Row i, column j becomes row j, column i: exchanges ever smaller squares off the diagonal. */
INLINE void transpose(vector *rows)
{
#pragma GCC unroll 4
    for (int side = LANES / 2; side; side /= 2) {
        vector upper, lower;

        for (int i = 0; i < LANES; i++) {
            upper[i] = i & side ? LANES + i - side : i;
            lower[i] = i & side ? LANES + i : i + side;
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (!(i & side)) {
                vector above = rows[i], below = rows[i + side];

                rows[i] = __builtin_shuffle(above, below, upper);
                rows[i + side] = __builtin_shuffle(above, below, lower);
            }
    }
}

/* The 16 words of a chunk of every lane. */
INLINE void load(vector *words, const uint8_t *const *lanes, size_t offset)
{
#pragma GCC unroll 4
    for (int part = 0; part < 16; part += LANES) {
#pragma GCC unroll 16
        for (int lane = 0; lane < LANES; lane++) {
            memcpy(&words[part + lane], lanes[lane] + offset + 4 * part, sizeof(vector));
            words[part + lane] = swapped(words[part + lane]);
        }
        transpose(words + part);
    }
}

/* 16 rounds; `expand` makes their words from the 16 before. */
INLINE void rounds(vector *s, vector *w, const uint32_t *constants, int expand)
{
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        vector *a = &s[-i & 7], *b = &s[(1 - i) & 7], *c = &s[(2 - i) & 7], *d = &s[(3 - i) & 7];
        vector *e = &s[(4 - i) & 7], *f = &s[(5 - i) & 7], *g = &s[(6 - i) & 7], *h = &s[(7 - i) & 7];

        if (expand) {
            vector early = w[(i + 1) & 15], late = w[(i + 14) & 15];

            w[i] += w[(i + 9) & 15] + (rotated(early, 7) ^ rotated(early, 18) ^ early >> 3) +
                    (rotated(late, 17) ^ rotated(late, 19) ^ late >> 10);
        }
        *h += w[i] + constants[i] + (rotated(*e, 6) ^ rotated(*e, 11) ^ rotated(*e, 25)) + (*g ^ (*e & (*f ^ *g)));
        *d += *h;
        *h += (rotated(*a, 2) ^ rotated(*a, 13) ^ rotated(*a, 22)) + ((*a & *b) | (*c & (*a | *b)));
    }
}

TARGET static void compress(uint32_t *state, const uint8_t *const *lanes, size_t chunks)
{
    vector now[8], before[8], words[16];

    memcpy(now, state, sizeof(now));
    for (size_t chunk = 0; chunk < chunks; chunk++) {
        memcpy(before, now, sizeof(now));
        load(words, lanes, chunk * SHA256_CHUNK);
        rounds(now, words, sha256_constants, 0);
        for (int round = 16; round < 64; round += 16)
            rounds(now, words, sha256_constants + round, 1);
        for (int i = 0; i < 8; i++)
            now[i] += before[i];
    }
    memcpy(state, now, sizeof(now));
}

static int usable(void) { return USABLE; }

const struct sha256_kernel KERNEL = {NAME, LANES, usable, compress};
