/* The initramfs's kernel modules: /modules/order names one a line, dependencies first. Each file is deleted once it is
 * loaded, because the initramfs is memory. A driver that finds no hardware of its own (ENODEV) is no failure, nor is one that
 * needs such a driver (ENOENT, an unknown symbol, which the kernel names in its log). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

static char order[16384];

static void load(const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : "/modules/", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("module %s: %s", path, strerror(errno));
        return;
    }
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST && errno != ENODEV && errno != ENOENT)
        say("module %s: %s", path, strerror(errno));
    close(fd);
    unlink(path);
}

void modules_load(void)
{
    int fd = open("/modules/order", O_RDONLY | O_CLOEXEC);
    char *rest = order, *line;

    if (fd < 0)
        return; /* a kernel with everything built in */
    ssize_t length = read(fd, order, sizeof(order) - 1);
    close(fd);
    order[length < 0 ? 0 : length] = 0;
    while ((line = strsep(&rest, "\n")))
        if (*line)
            load(line);
}
