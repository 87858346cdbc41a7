/* Every orphan ends here. A child is looked at before it is reaped, because its start time, which tells it from a later
 * process of the same number, can be read only while it is still a zombie. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

static uint64_t start_time(pid_t pid)
{
    char text[1024], path[32];

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[length < 0 ? 0 : length] = 0;
    char *field = strrchr(text, ')'); /* the name before may hold anything; what follows is field 3 */
    for (int number = 2; field && number < 22; number++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field + 1, NULL, 10) : 0;
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

bool reap_all(void (*died)(pid_t pid, int status))
{
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        struct rusage usage;
        struct timespec now;
        int status;

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
            return errno != ECHILD;
        if (info.si_pid == 0)
            return true;
        struct ichor_exit exit = {.pid = info.si_pid, .start = start_time(info.si_pid)};
        if (wait4(info.si_pid, &status, WNOHANG, &usage) != info.si_pid)
            return true; /* a traced child is its tracer's until it lets go; SIGCHLD comes again then */
        clock_gettime(CLOCK_REALTIME, &now);
        exit.status = status;
        exit.user_us = microseconds(usage.ru_utime);
        exit.system_us = microseconds(usage.ru_stime);
        exit.max_rss = (uint64_t)usage.ru_maxrss * 1024;
        exit.time_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
        journal_add(&exit);
        died(info.si_pid, status);
    }
}
