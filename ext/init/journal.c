/* The exits of everything that PID 1 reaped: a ring in fixed memory, numbered so that a reader sees what it missed. */
#include "init.h"

static struct ichor_exit ring[ICHOR_JOURNAL];
static uint64_t newest;

void journal_add(const struct ichor_exit *exit)
{
    struct ichor_exit *row = &ring[++newest % ICHOR_JOURNAL];

    *row = *exit;
    row->sequence = newest;
}

uint32_t journal_since(uint64_t sequence, struct ichor_exit *out, uint32_t limit)
{
    uint64_t oldest = newest < ICHOR_JOURNAL ? 1 : newest - ICHOR_JOURNAL + 1;
    uint32_t count = 0;

    if (sequence >= newest)
        return 0;
    for (uint64_t next = sequence < oldest ? oldest : sequence + 1; next <= newest && count < limit; next++)
        out[count++] = ring[next % ICHOR_JOURNAL];
    return count;
}

uint64_t journal_newest(void)
{
    return newest;
}
