/* The node's own way to the Kubernetes API: `prism UID ADDRESS PORT SOCKET [EVERY ANSWER PATIENCE DIAL]`, times in
 * milliseconds. Listens on ADDRESS PORT and takes each connection to an upstream that is well; which ones there are is
 * told it, and what they are like is asked of it, over SOCKET. SIGTERM: takes no more clients, and ends with the last
 * one's connection. */
#define _GNU_SOURCE
#include "prism.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, BACKLOG = 1024 };

struct settings settings = {.every = 20000, .answer = 5000, .patience = 2000, .dial = 15000};
int64_t now;

static int epoll = -1;
static bool listening, ending;

static void on_client(struct handle *handle, uint32_t events);
static void on_signal(struct handle *handle, uint32_t events);
static struct handle listener = {-1, on_client}, signals = {-1, on_signal};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "prism: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t milliseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

bool watch(struct handle *handle, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = handle};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, handle->fd, &event) == 0;
}

void hang_up(struct handle *handle)
{
    if (handle->fd >= 0)
        close(handle->fd); /* epoll forgets it: nobody else has it open */
    handle->fd = -1;
}

static void on_client(struct handle *handle, uint32_t events)
{
    (void)events;
    pairs_accept(handle->fd);
}

static void on_signal(struct handle *handle, uint32_t events)
{
    struct signalfd_siginfo info;

    (void)events;
    if (read(handle->fd, &info, sizeof(info)) == sizeof(info))
        ending = true;
    hang_up(&listener);
}

static void listen_on(const char *address, const char *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    const int yes = 1;

    if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
        errno = EINVAL, give_up(address);
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener.fd < 0 || setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(listener.fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(listener.fd, BACKLOG) < 0)
        give_up("listening");
}

/* From here on it can do no more than the connections that it has. */
static void become(const char *user)
{
    uid_t id = (uid_t)atoi(user);

    if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        give_up("giving up rights");
}

/* Clients wait with the kernel while there is no room for them, and until it is known where to take them. */
static void mind_listener(void)
{
    bool room = control_told && !pairs_full();

    if (listener.fd < 0 || listening == room)
        return;
    if (room ? !watch(&listener, EPOLLIN) : epoll_ctl(epoll, EPOLL_CTL_DEL, listener.fd, NULL) < 0)
        give_up("epoll");
    listening = room;
}

static int patience(void)
{
    int64_t due = upstreams_due(), other = pairs_due(), left;

    due = other < due ? other : due;
    left = due - milliseconds();
    return due == INT64_MAX ? -1 : left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void run(void)
{
    struct epoll_event events[EVENTS];

    while (!(ending && pairs_count() == 0)) {
        int count = epoll_wait(epoll, events, EVENTS, patience());

        if (count < 0 && errno != EINTR)
            give_up("epoll");
        now = milliseconds();
        for (int i = 0; i < count; i++) {
            struct handle *handle = events[i].data.ptr;

            if (handle->fd >= 0)
                handle->ready(handle, events[i].events);
        }
        upstreams_turn();
        pairs_turn();
        control_turn();
        mind_listener();
    }
}

int main(int count, char **words)
{
    sigset_t set;

    if (count != 5 && count != 9) {
        fprintf(stderr, "usage: prism UID ADDRESS PORT SOCKET [EVERY ANSWER PATIENCE DIAL]\n");
        return 2;
    }
    if (count == 9)
        settings = (struct settings){atoll(words[5]), atoll(words[6]), atoll(words[7]), atoll(words[8])};
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    now = milliseconds();
    if ((epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || (signals.fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0 ||
        !watch(&signals, EPOLLIN))
        give_up("starting");
    listen_on(words[2], words[3]);
    if (!control_listen(words[4]))
        give_up(words[4]);
    become(words[1]);
    mind_listener();
    run();
    return 0;
}
