/* Words of the kernel command line. The last `key=` wins, as in the kernel; quotes are not words of ours. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

bool cmdline_value(const char *line, const char *key, char *out, size_t size)
{
    size_t length = strlen(key);
    bool found = false;

    while (*line) {
        line += strspn(line, " \t\n");
        size_t word = strcspn(line, " \t\n");
        if (word > length && strncmp(line, key, length) == 0 && line[length] == '=') {
            size_t value = word - length - 1;
            found = value < size;
            if (found) {
                memcpy(out, line + length + 1, value);
                out[value] = 0;
            }
        }
        line += word;
    }
    return found;
}

bool cmdline_read(const char *key, char *out, size_t size)
{
    char line[4096];
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t length = read(fd, line, sizeof(line) - 1);
    close(fd);
    if (length < 0)
        return false;
    line[length] = 0;
    return cmdline_value(line, key, out, size);
}
