"""sys/timex.h: steer the clock."""

TYPES = """
int ichor_slew(int64_t microseconds);
int64_t ichor_slew_left(void);
"""

SOURCE = """
#include <stdint.h>
#include <string.h>
#include <sys/timex.h>
static int ichor_slew(int64_t microseconds)
{
    struct timex change;
    memset(&change, 0, sizeof(change));
    change.modes = ADJ_OFFSET_SINGLESHOT;
    change.offset = microseconds;
    return adjtimex(&change) < 0 ? -1 : 0;
}
static int64_t ichor_slew_left(void)
{
    struct timex change;
    memset(&change, 0, sizeof(change));
    change.modes = ADJ_OFFSET_SS_READ;
    return adjtimex(&change) < 0 ? INT64_MIN : change.offset;
}
"""
