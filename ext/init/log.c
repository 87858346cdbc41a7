/* One line for one fact. In a container the kernel's log is the host's, so lines go to standard error there. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "init.h"

static int kernel_log = -1;

void log_open(bool machine)
{
    if (machine && kernel_log < 0)
        kernel_log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
}

void say(const char *format, ...)
{
    /* level 3 (error) reaches the console of a kernel booted with `quiet` too */
    static const char prefix[] = "<3>ichor: ";
    char line[512];
    size_t length = sizeof(prefix) - 1;
    va_list arguments;

    __builtin_memcpy(line, prefix, length);
    va_start(arguments, format);
    int wrote = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
    va_end(arguments);
    if (wrote < 0)
        return;
    length += (size_t)wrote < sizeof(line) - length - 1 ? (size_t)wrote : sizeof(line) - length - 2;
    line[length++] = '\n';
    size_t skip = kernel_log < 0 ? 3 : 0;
    ssize_t written = write(kernel_log < 0 ? STDERR_FILENO : kernel_log, line + skip, length - skip);
    (void)written; /* there is nowhere left to tell of it */
}
