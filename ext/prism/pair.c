/* The pairs: each client's connection, its way to an upstream, and the bytes between. Bytes are copied from one socket
 * to the other and taken out of the first only as far as the second took them, so that the kernel's two buffers are all
 * that lies between: who does not read stops who writes. */
#define _GNU_SOURCE
#include "prism.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

enum {
    PIECE = 65536,
    TURN = 16,  /* pieces one way before others have their turn */
    ROUND = 64, /* clients taken at once */
    REST = 100, /* milliseconds */
    KEEPALIVE_SECONDS = 30,
    UNANSWERED = 30000, /* milliseconds that an upstream may leave bytes of ours without an answer */
};

struct pair {
    struct handle client, upstream;
    struct pair *next; /* of the free ones */
    struct upstream *to;
    uint64_t tried;
    int64_t until, give_up; /* of this attempt, of all */
    bool used, open, again, waits; /* waits: all were tried, until one of them is up */
    bool over[2]; /* the end of what the client said, of what the upstream said, was passed on */
};

static struct pair pairs[PAIRS], *spare, *gone;
static size_t fresh; /* pairs from here on were never used */
static unsigned count, connecting, hurried, waiting;
static bool hopeful; /* an upstream has come up, or a new one is known */
static int64_t rest; /* until then nobody is let in */
static char piece[PIECE];

static void on_client(struct handle *handle, uint32_t events);
static void on_upstream(struct handle *handle, uint32_t events);
static struct pair *of_upstream(struct handle *handle)
{
    return (struct pair *)((char *)handle - offsetof(struct pair, upstream));
}

bool pairs_full(void)
{
    return count == PAIRS || rest > now;
}

unsigned pairs_count(void)
{
    return count;
}

bool pairs_wait(void)
{
    return waiting > 0;
}

void pairs_hope(void)
{
    hopeful = true;
}

static void leave(struct pair *pair)
{
    if (pair->to)
        pair->to->pairs--;
    pair->to = NULL;
}

static void hurry(struct pair *pair, bool again)
{
    hurried += (unsigned)again - (unsigned)pair->again;
    pair->again = again;
}

static void linger(struct pair *pair, bool waits)
{
    waiting += (unsigned)waits - (unsigned)pair->waits;
    pair->waits = waits;
}

/* Its place is free only when this round's events are over, for one of them may name it. */
static void end(struct pair *pair, bool broken)
{
    const struct linger reset = {1, 0};

    if (broken) { /* who is cut off shall not take it for the end of what was said */
        setsockopt(pair->client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        if (pair->open)
            setsockopt(pair->upstream.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    hang_up(&pair->client);
    hang_up(&pair->upstream);
    leave(pair);
    hurry(pair, false);
    linger(pair, false);
    connecting -= !pair->open;
    pair->used = false;
    pair->next = gone, gone = pair;
    count--;
}

enum flow { WAITS, MORE, OVER, BROKEN };

static enum flow pass(int from, int to)
{
    for (int turn = 0; turn < TURN; turn++) {
        ssize_t seen = recv(from, piece, PIECE, MSG_PEEK | MSG_DONTWAIT), took;

        if (seen == 0)
            return shutdown(to, SHUT_WR) == 0 ? OVER : BROKEN;
        if (seen < 0)
            return errno == EAGAIN ? WAITS : BROKEN;
        took = send(to, piece, (size_t)seen, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (took < 0)
            return errno == EAGAIN ? WAITS : BROKEN;
        if (recv(from, NULL, (size_t)took, MSG_TRUNC | MSG_DONTWAIT) != took) /* tcp(7): thrown away */
            return BROKEN;
        if (took < seen)
            return WAITS; /* an event says when there is room again */
    }
    return MORE;
}

static void move(struct pair *pair)
{
    int fds[2] = {pair->client.fd, pair->upstream.fd};
    bool again = false;

    for (int way = 0; way < 2; way++) {
        enum flow flow = pair->over[way] ? WAITS : pass(fds[way], fds[!way]);

        if (flow == BROKEN)
            return end(pair, true);
        pair->over[way] = pair->over[way] || flow == OVER;
        again = again || flow == MORE;
    }
    if (pair->over[0] && pair->over[1])
        return end(pair, false);
    hurry(pair, again);
}

static void mind(int fd, bool answers)
{
    const int yes = 1, seconds = KEEPALIVE_SECONDS, unanswered = UNANSWERED;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
    if (answers)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered, sizeof(unanswered));
}

/* The next upstream that was not tried. Without one the client waits: who is told "no" comes back later and later, and
 * would still be away when there is somebody to ask. */
static void try(struct pair *pair)
{
    struct upstream *upstream;

    hang_up(&pair->upstream);
    leave(pair);
    while ((upstream = upstreams_choose(pair->tried))) {
        pair->tried |= 1ull << (upstream - upstreams);
        pair->upstream.fd = upstream_connect(upstream);
        if (pair->upstream.fd >= 0 && watch(&pair->upstream, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
            mind(pair->upstream.fd, true);
            upstream_taken(upstream);
            pair->to = upstream;
            upstream->pairs++;
            pair->until = upstreams_choose(pair->tried) ? now + settings.patience : pair->give_up;
            pair->until = pair->until < pair->give_up ? pair->until : pair->give_up;
            return;
        }
        upstream_failed(upstream, strerror(errno));
        hang_up(&pair->upstream);
    }
    pair->until = pair->give_up;
    linger(pair, true);
    upstreams_hurry();
}

static void failed(struct pair *pair, const char *why)
{
    upstream_failed(pair->to, why);
    try(pair);
}

/* What was said before a connection broke is passed on; then the other side is told. */
static void go_on(struct pair *pair, uint32_t events)
{
    move(pair);
    if (events & EPOLLERR && pair->used && !pair->again)
        end(pair, true);
}

static void on_client(struct handle *handle, uint32_t events)
{
    struct pair *pair = (struct pair *)handle; /* its first member */

    if (pair->open)
        go_on(pair, events);
    else if (events & (EPOLLERR | EPOLLHUP))
        end(pair, true); /* it does not wait any longer */
}

static void on_upstream(struct handle *handle, uint32_t events)
{
    struct pair *pair = of_upstream(handle);
    int error = 0;
    socklen_t length = sizeof(error);

    if (!pair->open) {
        if (getsockopt(handle->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error)
            return failed(pair, strerror(error ? error : errno));
        if (!(events & EPOLLOUT))
            return;
        upstream_reached(pair->to);
        pair->open = true;
        connecting--;
    }
    go_on(pair, events);
}

static struct pair *place(void)
{
    struct pair *pair = spare ? spare : &pairs[fresh++];

    spare = spare ? spare->next : NULL;
    *pair = (struct pair){.client = {-1, on_client}, .upstream = {-1, on_upstream}, .used = true};
    count++;
    connecting++;
    return pair;
}

void pairs_accept(int listener)
{
    for (int i = 0; i < ROUND && (spare || fresh < PAIRS); i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct pair *pair;

        if (fd < 0) {
            if (errno != EAGAIN && errno != ECONNABORTED)
                rest = now + REST; /* the kernel has no room: asking on would only take its time */
            return;
        }
        pair = place();
        pair->client.fd = fd;
        pair->give_up = now + settings.dial;
        mind(fd, false);
        if (watch(&pair->client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
            try(pair);
        else
            end(pair, true);
    }
}

static void turn(struct pair *pair)
{
    if (!pair->used)
        return;
    if (pair->again)
        move(pair);
    else if (!pair->open && pair->give_up <= now)
        end(pair, true);
    else if (pair->waits && hopeful) {
        linger(pair, false);
        pair->tried = 0;
        try(pair);
    }
    else if (!pair->open && pair->until <= now)
        failed(pair, "no connection");
}

void pairs_turn(void)
{
    if (connecting || hurried)
        for (size_t i = 0; i < fresh; i++)
            turn(&pairs[i]);
    hopeful = false;
    while (gone) {
        struct pair *pair = gone;

        gone = pair->next;
        pair->next = spare, spare = pair;
    }
}

int64_t pairs_due(void)
{
    int64_t due = rest > now ? rest : INT64_MAX;

    if (hurried)
        return 0;
    for (size_t i = 0; connecting && i < fresh; i++)
        if (pairs[i].used && !pairs[i].open && pairs[i].until < due)
            due = pairs[i].until;
    return due;
}
