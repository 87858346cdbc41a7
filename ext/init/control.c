/* The control socket: a request is one message, answered before the next is read, and a client that does not take its
 * answer is hung up on, so that nobody can make PID 1 wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "init.h"

#define CLIENTS 16

static int poller = -1, listener = -1, clients[CLIENTS];

static struct {
    struct ichor_reply head;
    union {
        char names[ICHOR_FDS][ICHOR_NAME];
        struct ichor_exit exits[ICHOR_JOURNAL_PAGE];
        struct ichor_status status;
    } body;
} answer;

static bool watch(int fd, uint32_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = tag};

    return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0;
}

int control_open(int epoll)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = ICHOR_SOCKET};

    poller = epoll;
    memset(clients, -1, sizeof(clients));
    mkdir("/run/ichor", 0755);
    unlink(ICHOR_SOCKET);
    listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -1;
    mode_t mask = umask(0177);
    int bound = bind(listener, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (bound < 0 || listen(listener, CLIENTS) < 0)
        return -1;
    return listener;
}

void control_accept(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (uint32_t slot = 0; fd >= 0 && slot < CLIENTS; slot++)
        if (clients[slot] < 0 && watch(fd, slot)) {
            clients[slot] = fd;
            return;
        }
    if (fd >= 0)
        close(fd); /* all slots are taken */
}

static void hang_up(uint32_t slot)
{
    close(clients[slot]);
    clients[slot] = -1;
}

void control_close(void)
{
    close(listener);
    for (uint32_t slot = 0; slot < CLIENTS; slot++)
        if (clients[slot] >= 0)
            hang_up(slot);
}

/* The one descriptor of a message, -1 without. Padding gives room for a second one: whoever sends more loses all. */
static int take_descriptor(struct msghdr *message)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    int fds[2] = {-1, -1};

    if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
        return -1;
    size_t length = head->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(head), length < sizeof(fds) ? length : sizeof(fds));
    if (fds[1] < 0)
        return fds[0];
    close(fds[0]);
    close(fds[1]);
    message->msg_flags |= MSG_CTRUNC;
    return -1;
}

/* The request and the descriptor that came with it (-1 without); false when the client is gone or talks nonsense. */
static bool receive(int client, struct ichor_request *request, int *fd)
{
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } ancillary;
    struct iovec data = {.iov_base = request, .iov_len = sizeof(*request)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof(ancillary)};
    ssize_t length = recvmsg(client, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    *fd = -1;
    if (length < 0)
        return false;
    *fd = take_descriptor(&message);
    bool whole = length == sizeof(*request) && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
    if (whole && memchr(request->name, 0, sizeof(request->name)))
        return true;
    if (*fd >= 0)
        close(*fd);
    return false;
}

static bool reply(int client, size_t body, int fd)
{
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } ancillary = {{0}};
    struct iovec data = {.iov_base = &answer, .iov_len = sizeof(answer.head) + body};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = &ancillary;
        message.msg_controllen = sizeof(ancillary);
        ancillary.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&ancillary.head), &fd, sizeof(int));
    }
    return sendmsg(client, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)data.iov_len;
}

static bool put(int client, const char *name, int fd)
{
    answer.head.error = fd < 0 ? EBADF : fds_put(name, fd);
    if (answer.head.error && fd >= 0)
        close(fd);
    return reply(client, 0, -1);
}

static bool get(int client, const char *name)
{
    int kept = fds_get(name);

    answer.head.error = kept < 0 ? ENOENT : 0;
    return reply(client, 0, kept);
}

static bool status(int client)
{
    uint32_t descriptors = fds_names(answer.body.names); /* before status takes the same bytes */

    answer.body.status = (struct ichor_status){.exits = journal_newest(), .descriptors = descriptors};
    spawner_status(&answer.body.status);
    answer.head.count = 1;
    return reply(client, sizeof(answer.body.status), -1);
}

static _Noreturn void end(int client, enum power action, const char *reason)
{
    reply(client, 0, -1); /* a client that is gone changes nothing */
    power(action, reason);
}

static bool handle(int client, struct ichor_request *request, int fd)
{
    answer.head = (struct ichor_reply){0};
    if (request->op == ICHOR_PUT)
        return put(client, request->name, fd);
    if (fd >= 0)
        close(fd);
    switch (request->op) {
    case ICHOR_GET:
        return get(client, request->name);
    case ICHOR_DROP:
        answer.head.error = fds_drop(request->name);
        return reply(client, 0, -1);
    case ICHOR_NAMES:
        answer.head.count = fds_names(answer.body.names);
        return reply(client, answer.head.count * ICHOR_NAME, -1);
    case ICHOR_EXITS:
        answer.head.count = journal_since(request->argument, answer.body.exits, ICHOR_JOURNAL_PAGE);
        return reply(client, answer.head.count * sizeof(struct ichor_exit), -1);
    case ICHOR_BEAT:
        spawner_beat();
        return reply(client, 0, -1);
    case ICHOR_STATUS:
        return status(client);
    case ICHOR_REBOOT:
    case ICHOR_POWEROFF:
    case ICHOR_HALT:
        end(client, (enum power)(request->op - ICHOR_REBOOT), request->name);
    default:
        answer.head.error = ENOSYS;
        return reply(client, 0, -1);
    }
}

void control_serve(uint32_t slot)
{
    struct ichor_request request;
    int fd;

    if (clients[slot] < 0)
        return;
    if (!receive(clients[slot], &request, &fd) || !handle(clients[slot], &request, fd))
        hang_up(slot);
}
