/* The processor's own SHA-256 instructions. Two rounds wait for the two before, which leaves their unit idle half of the
 * time: a pair of lanes fills it. */
#include "native_sha256.h"

#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1")))
#define INLINE TARGET static inline __attribute__((always_inline))

struct stream {
    __m128i abef, cdgh, words[4];
};

INLINE void take(struct stream *s, const uint32_t *state, unsigned lane, unsigned lanes)
{
    const uint32_t *w = state + lane;

    s->abef = _mm_set_epi32(w[0], w[lanes], w[4 * lanes], w[5 * lanes]);
    s->cdgh = _mm_set_epi32(w[2 * lanes], w[3 * lanes], w[6 * lanes], w[7 * lanes]);
}

INLINE void give(const struct stream *s, uint32_t *state, unsigned lane, unsigned lanes)
{
    uint32_t *w = state + lane;

    w[0] = _mm_extract_epi32(s->abef, 3), w[lanes] = _mm_extract_epi32(s->abef, 2);
    w[4 * lanes] = _mm_extract_epi32(s->abef, 1), w[5 * lanes] = _mm_extract_epi32(s->abef, 0);
    w[2 * lanes] = _mm_extract_epi32(s->cdgh, 3), w[3 * lanes] = _mm_extract_epi32(s->cdgh, 2);
    w[6 * lanes] = _mm_extract_epi32(s->cdgh, 1), w[7 * lanes] = _mm_extract_epi32(s->cdgh, 0);
}

/* Four rounds, the `quarter`th of 16, and the words they take. */
INLINE void rounds(struct stream *s, int quarter, const uint8_t *chunk)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i *w = s->words, mixed, *now = &w[quarter & 3], last = w[(quarter + 3) & 3];

    if (quarter < 4)
        *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)chunk + quarter), order);
    else {
        mixed = _mm_sha256msg1_epu32(*now, w[(quarter + 1) & 3]);
        mixed = _mm_add_epi32(mixed, _mm_alignr_epi8(last, w[(quarter + 2) & 3], 4));
        *now = _mm_sha256msg2_epu32(mixed, last);
    }
    mixed = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)sha256_constants + quarter));
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, mixed);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(mixed, 0x0e));
}

INLINE void compress(uint32_t *state, const uint8_t *const *lanes, size_t chunks, const unsigned count)
{
    struct stream s[2], before[2];

    for (unsigned lane = 0; lane < count; lane++)
        take(&s[lane], state, lane, count);
    for (size_t chunk = 0; chunk < chunks; chunk++) {
        for (unsigned lane = 0; lane < count; lane++)
            before[lane] = s[lane];
#pragma GCC unroll 16
        for (int quarter = 0; quarter < 16; quarter++)
#pragma GCC unroll 2
            for (unsigned lane = 0; lane < count; lane++)
                rounds(&s[lane], quarter, lanes[lane] + chunk * SHA256_CHUNK);
        for (unsigned lane = 0; lane < count; lane++) {
            s[lane].abef = _mm_add_epi32(s[lane].abef, before[lane].abef);
            s[lane].cdgh = _mm_add_epi32(s[lane].cdgh, before[lane].cdgh);
        }
    }
    for (unsigned lane = 0; lane < count; lane++)
        give(&s[lane], state, lane, count);
}

TARGET static void one(uint32_t *state, const uint8_t *const *lanes, size_t chunks) { compress(state, lanes, chunks, 1); }

TARGET static void two(uint32_t *state, const uint8_t *const *lanes, size_t chunks) { compress(state, lanes, chunks, 2); }

static int usable(void)
{
    unsigned a, b = 0, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA && __builtin_cpu_supports("sse4.1");
}

const struct sha256_kernel sha256_ni = {"ni", 1, usable, one};
const struct sha256_kernel sha256_ni_pair = {"ni-pair", 2, usable, two};
