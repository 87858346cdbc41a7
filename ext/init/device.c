/* Block devices appear when their driver has found them. The kernel says so by a uevent, after devtmpfs has the node. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"

static int listen_uevents(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int device_wait(const char *path, uint64_t limit_ms)
{
    char event[4096];
    struct pollfd uevents = {.fd = listen_uevents(), .events = POLLIN}; /* before the first look: nothing slips between */
    uint64_t end = now_ms() + limit_ms;
    int device;

    while ((device = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
        uint64_t now = now_ms();
        if ((errno != ENOENT && errno != ENXIO && errno != ENODEV) || now >= end)
            break;
        poll(&uevents, 1, uevents.fd < 0 ? 100 : (int)(end - now));
        while (uevents.fd >= 0 && recv(uevents.fd, event, sizeof(event), 0) > 0)
            ; /* whichever it was, the device is looked for again */
    }
    int problem = errno;
    if (uevents.fd >= 0)
        close(uevents.fd);
    errno = problem;
    return device;
}
