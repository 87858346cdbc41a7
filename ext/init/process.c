/* Who is behind a pidfd. The number alone comes back with a later process; number and start time never do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    text[length < 0 ? 0 : length] = 0;
    return length > 0;
}

/* Its number in this namespace; not above 0 for another's, for a reaped one, and for what is no pidfd. */
static pid_t number_of(int pidfd)
{
    char path[40], text[512];

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    char *line = read_text(path, text, sizeof(text)) ? strstr(text, "\nPid:\t") : NULL;
    return line ? (pid_t)strtol(line + 6, NULL, 10) : 0;
}

static uint64_t start_of(pid_t pid)
{
    char path[32], text[1024];

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    char *field = read_text(path, text, sizeof(text)) ? strrchr(text, ')') : NULL; /* the name before may hold anything */
    for (int number = 2; field && number < 22; number++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field + 1, NULL, 10) : 0;
}

struct process process_behind(int pidfd)
{
    struct process found = {.pid = number_of(pidfd)};

    if (found.pid > 0)
        found.start = start_of(found.pid);
    /* not reaped even now: what was read was its own, and of no later process of the same number */
    if (found.start && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0)
        return found;
    return (struct process){0};
}
