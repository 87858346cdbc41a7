/* Every orphan ends here: by one call each, and a batch at a time, so that nobody who asks for a descriptor waits for a
 * storm of exits. When a process started is known before its end or not at all (fds.c): /proc tells it of a zombie too,
 * but at five times the price of the reaping itself. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "init.h"

#define BATCH 64 /* a third of a millisecond */

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static void record(pid_t pid, int status, const struct rusage *usage)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    journal_add(&(struct ichor_exit){
        .pid = pid,
        .start = fds_ended(pid),
        .status = status,
        .user_us = microseconds(usage->ru_utime),
        .system_us = microseconds(usage->ru_stime),
        .max_rss = (uint64_t)usage->ru_maxrss * 1024,
        .time_ns = now.tv_sec * 1000000000LL + now.tv_nsec,
    });
}

enum reaped reap_some(void (*died)(pid_t pid, int status))
{
    for (int count = 0; count < BATCH; count++) {
        struct rusage usage;
        int status;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);

        if (pid < 0)
            return REAPED_LAST; /* ECHILD: it is never interrupted, for it never waits */
        if (pid == 0)
            return REAPED_ALL;
        record(pid, status, &usage);
        died(pid, status);
    }
    return REAPED_SOME;
}
