# What a peer's frames cost, counted before nghttp2 sees them, so that no version of it need be trusted to.
# Frames are walked, not read: 9 bytes of head each (RFC 9113, 4.1).
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

DEF DATA = 0
DEF HEADERS = 1
DEF RST_STREAM = 3
DEF CONTINUATION = 9
DEF END_STREAM = 1
DEF WORTH = 3                 # useless frames that one useful frame pays for
DEF USEFUL = 5                # bytes of a DATA frame: a message's prefix

cdef enum:                    # what there are too many of
    RESETS = 1
    CONTINUATIONS
    NOISE


cdef struct Bucket:
    double level
    double burst
    double rate
    double since


cdef struct Meter:
    Bucket resets
    Bucket noise
    size_t skip               # bytes of payload, or of the preface, still to come
    size_t had                # bytes of a head that was cut
    uint8_t head[9]
    int continued
    int continuations
    bint server
    bint over                 # found out while sending: too many streams that we had to reset


cdef inline double now() noexcept:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec + t.tv_nsec * 1e-9


cdef inline void bucket(Bucket *b, double burst, double rate) noexcept:
    b.level = 0
    b.burst = burst
    b.rate = rate
    b.since = now()


cdef inline bint spend(Bucket *b) noexcept:
    """One more; is it one too many? The clock is asked only when the burst is used up."""
    cdef double moment
    b.level += 1
    if b.level <= b.burst:
        return False
    moment = now()
    b.level = max(1.0, b.level - (moment - b.since) * b.rate)
    b.since = moment
    return b.level > b.burst


cdef inline void earn(Meter *m, size_t length) noexcept:
    """A DATA frame of this length came or went."""
    if length >= USEFUL:
        m.noise.level = max(0.0, m.noise.level - WORTH)


cdef inline int count(Meter *m) noexcept:
    """Account for the frame in `head`; what there are too many of, or 0."""
    cdef uint8_t kind = m.head[3]
    if kind == DATA and (m.skip or m.head[4] & END_STREAM):
        if m.skip >= USEFUL:
            earn(m, m.skip)
            return 0
    elif kind == HEADERS:
        m.continued = 0
        earn(m, USEFUL)
        return 0
    elif kind == CONTINUATION:
        m.continued += 1
        if m.continued > m.continuations:
            return CONTINUATIONS
    elif kind == RST_STREAM and m.server:
        return RESETS if spend(&m.resets) else 0
    return NOISE if spend(&m.noise) else 0


cdef inline int measure(Meter *m, const uint8_t *p, size_t n) noexcept:
    """Walk n bytes from the peer; why it must go, or 0."""
    cdef size_t part
    cdef int why
    if m.over:
        return RESETS
    while n:
        if m.skip:
            part = min(m.skip, n)
            m.skip -= part
        else:
            part = min(9 - m.had, n)
            memcpy(m.head + m.had, p, part)
            m.had += part
            if m.had == 9:
                m.had = 0
                m.skip = (<size_t> m.head[0] << 16) | (<size_t> m.head[1] << 8) | m.head[2]
                why = count(m)
                if why:
                    return why
        p += part
        n -= part
    return 0
