/* Time that counts while the machine sleeps and that nobody can set. */
#include <time.h>

#include "init.h"

uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
