/* Who tells the upstreams, and is told how they are: packets of text over a socket, the whole list each way. One at a
 * time; the last one who came. Without anybody the last list goes on. */
#define _GNU_SOURCE
#include "prism.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool control_stale, control_told;

static void on_caller(struct handle *handle, uint32_t events);
static void on_word(struct handle *handle, uint32_t events);
static struct handle door = {-1, on_caller}, caller = {-1, on_word};

bool control_listen(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(un.sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(un.sun_path, path);
    unlink(path);
    umask(0177);
    door.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return door.fd >= 0 && bind(door.fd, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(door.fd, 4) == 0 &&
           watch(&door, EPOLLIN);
}

static void on_caller(struct handle *handle, uint32_t events)
{
    int fd = accept4(handle->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0)
        return;
    hang_up(&caller);
    caller.fd = fd;
    if (!watch(&caller, EPOLLIN))
        hang_up(&caller);
}

static void on_word(struct handle *handle, uint32_t events)
{
    static char packet[PACKET + 1];
    ssize_t got = recv(handle->fd, packet, PACKET, MSG_TRUNC);

    (void)events;
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        return hang_up(handle);
    if (got <= PACKET) {
        packet[got] = 0;
        if (upstreams_set(packet)) {
            control_stale = control_told = true;
            return;
        }
    }
    printf("what was told is no list of upstreams\n");
    hang_up(handle);
}

void control_turn(void)
{
    static char packet[UPSTREAMS * (TEXT + 40) + 1];
    size_t length;

    if (!control_stale || caller.fd < 0)
        return;
    length = upstreams_say(packet, sizeof(packet));
    if (length == 0)
        packet[length++] = '\n'; /* an empty packet would look like the end */
    if (send(caller.fd, packet, length, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        control_stale = false;
    else if (errno != EAGAIN)
        hang_up(&caller);
}
