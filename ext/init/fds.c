/* Named descriptors that outlive whoever put them here. Of a pidfd it is noted whose it is, so that the journal can say
 * when an orphan started that somebody may ask for. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

static struct { char name[ICHOR_NAME]; int fd; } table[ICHOR_FDS]; /* an empty name is a free row */
static pid_t pids[ICHOR_FDS];                                      /* of the process behind a row, 0 without */
static uint64_t starts[ICHOR_FDS];

static int find(const char *name)
{
    for (size_t row = 0; row < LENGTH(table); row++)
        if (strcmp(table[row].name, name) == 0)
            return (int)row;
    return -1;
}

int fds_put(const char *name, int fd)
{
    if (!*name)
        return EINVAL;
    int row = find(name);
    if (row >= 0)
        close(table[row].fd);
    else if ((row = find("")) < 0)
        return ENOSPC;
    strcpy(table[row].name, name); /* the caller checked its NUL */
    table[row].fd = fd;
    struct process process = process_behind(fd);
    pids[row] = process.pid;
    starts[row] = process.start;
    return 0;
}

int fds_get(const char *name)
{
    int row = *name ? find(name) : -1;

    return row < 0 ? -1 : table[row].fd;
}

int fds_drop(const char *name)
{
    int row = *name ? find(name) : -1;

    if (row < 0)
        return ENOENT;
    close(table[row].fd);
    table[row].name[0] = 0;
    pids[row] = 0;
    return 0;
}

uint64_t fds_ended(pid_t pid)
{
    uint64_t start = 0;

    for (size_t row = 0; row < LENGTH(pids); row++)
        if (pids[row] == pid) {
            start = starts[row];
            pids[row] = 0; /* the next of this number is another */
        }
    return start;
}

uint32_t fds_names(char (*out)[ICHOR_NAME])
{
    uint32_t count = 0;

    for (size_t row = 0; row < LENGTH(table); row++)
        if (table[row].name[0])
            memcpy(out[count++], table[row].name, ICHOR_NAME);
    return count;
}
