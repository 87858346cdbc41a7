/* One line for one fact. In a container the kernel's log is the host's, so lines go to standard error there, behind the
 * seconds since the kernel started, which the kernel's log adds by itself. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

static int kernel_log = -1;

/* The kernel takes ten lines in five seconds from a writer and drops the rest, unless told otherwise: what a machine dies
 * of would be the first line lost. */
static void lift_limit(void)
{
    int fd = open("/proc/sys/kernel/printk_devkmsg", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    ssize_t written = write(fd, "on\n", 3);
    (void)written; /* `printk.devkmsg=` on the command line has the last word */
    close(fd);
}

void log_open(bool machine)
{
    if (!machine || kernel_log >= 0)
        return;
    lift_limit();
    kernel_log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
}

static int write_head(char *line, size_t size)
{
    struct timespec now;

    if (kernel_log >= 0) /* level 3 (error) reaches the console of a kernel booted with `quiet` too */
        return snprintf(line, size, "<3>ichor: ");
    clock_gettime(CLOCK_BOOTTIME, &now);
    return snprintf(line, size, "[%5lld.%06ld] ichor: ", (long long)now.tv_sec, now.tv_nsec / 1000);
}

void say(const char *format, ...)
{
    char line[512];
    size_t length = (size_t)write_head(line, sizeof(line));
    va_list arguments;

    va_start(arguments, format);
    int wrote = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
    va_end(arguments);
    if (wrote < 0)
        return;
    length += (size_t)wrote < sizeof(line) - length - 1 ? (size_t)wrote : sizeof(line) - length - 2;
    line[length++] = '\n';
    ssize_t written = write(kernel_log < 0 ? STDERR_FILENO : kernel_log, line, length);
    (void)written; /* there is nowhere left to tell of it */
}
