/* The upstreams: who they are, how they are, and which is next. Each is looked at by a connection that says a TLS hello
 * nobody accepts: whoever lives answers with an alert, at no cost to either; a frozen process takes the connection,
 * for its kernel does that, and says nothing. */
#define _GNU_SOURCE
#include "prism.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum {
    SOON = 1000, /* the next look at one that is down, and twice as long each time up to `every` */
    AT_ONCE = 200, /* the same while clients wait for it */
    TIER = 10,   /* latencies within 1024 us are one class: within a site, load tells more than distance */
};

struct upstream upstreams[UPSTREAMS];

/* TLS 1.0 record, ClientHello of SSL 3.0 with one cipher: alert protocol_version (RFC 8446, 4.2.1 and D.5). */
static const unsigned char HELLO[50] = {0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 0, [45] = 2, 0, 0x2f, 1, 0};

static const char *const STATES[] = {"unknown", "up", "down"};

static bool same(const struct upstream *upstream, const struct sockaddr_storage *address, socklen_t length)
{
    return upstream->used && upstream->length == length && memcmp(&upstream->address, address, length) == 0;
}

static bool parse(char *line, struct sockaddr_storage *address, socklen_t *length)
{
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
    char *port = strchr(line, ' '), *end;
    unsigned long number;

    if (!port)
        return false;
    *port++ = 0;
    number = strtoul(port, &end, 10);
    if (end == port || *end || number == 0 || number > 65535 || strlen(line) + strlen(port) + 2 > TEXT)
        return false;
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, line, &in->sin_addr) == 1) {
        in->sin_family = AF_INET, in->sin_port = htons((uint16_t)number), *length = sizeof(*in);
        return true;
    }
    in6->sin6_family = AF_INET6, in6->sin6_port = htons((uint16_t)number), *length = sizeof(*in6);
    return inet_pton(AF_INET6, line, &in6->sin6_addr) == 1;
}

static void forget(struct upstream *upstream)
{
    hang_up(&upstream->look);
    if (upstream->pairs == 0)
        upstream->used = false;
}

static void on_look(struct handle *handle, uint32_t events);

static struct upstream *find(const struct sockaddr_storage *address, socklen_t length)
{
    struct upstream *free = NULL;

    for (size_t i = 0; i < UPSTREAMS; i++)
        if (same(&upstreams[i], address, length))
            return &upstreams[i];
        else if (!upstreams[i].used && !free)
            free = &upstreams[i];
    if (free)
        *free = (struct upstream){.look = {-1, on_look}, .address = *address, .length = length};
    return free;
}

/* Those that are to go and have connections may hold all places: then a new one has to wait for the next list. */
static void want(const struct sockaddr_storage *address, socklen_t length, const char *host, const char *port)
{
    struct upstream *upstream = find(address, length);

    if (!upstream) {
        printf("no place for upstream %s %s\n", host, port);
        return;
    }
    if (!upstream->wanted) {
        upstream->state = UNKNOWN, upstream->due = now, upstream->delay = SOON;
        snprintf(upstream->name, sizeof(upstream->name), "%s %s", host, port);
    }
    upstream->used = upstream->wanted = true;
}

bool upstreams_set(char *list)
{
    static struct sockaddr_storage addresses[WANTED];
    static socklen_t lengths[WANTED];
    char *lines[WANTED], *rest = NULL;
    size_t count = 0;

    for (char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (count == WANTED || !parse(line, &addresses[count], &lengths[count]))
            return false;
        lines[count++] = line;
    }
    for (size_t i = 0; i < UPSTREAMS; i++) {
        bool stays = false;

        for (size_t k = 0; k < count; k++)
            stays = stays || same(&upstreams[i], &addresses[k], lengths[k]);
        if (upstreams[i].used && !stays) {
            upstreams[i].wanted = false;
            forget(&upstreams[i]);
        }
    }
    for (size_t k = 0; k < count; k++)
        want(&addresses[k], lengths[k], lines[k], lines[k] + strlen(lines[k]) + 1);
    pairs_hope();
    return true;
}

size_t upstreams_say(char *into, size_t room)
{
    size_t used = 0;

    for (struct upstream *u = upstreams; u < upstreams + UPSTREAMS; u++)
        if (u->wanted && room - used > TEXT + 40)
            used += (size_t)sprintf(into + used, "%s %s %u %u\n", u->name, STATES[u->state], u->latency, u->pairs);
    return used;
}

static unsigned tier(const struct upstream *upstream)
{
    unsigned bits = 0;

    for (uint32_t left = upstream->latency >> TIER; left; left >>= 1)
        bits++;
    return bits;
}

/* Whether `one` is to be tried before `other`: what is not down, then the nearer, then the one with less to do. */
static bool better(const struct upstream *one, const struct upstream *other)
{
    if ((one->state == DOWN) != (other->state == DOWN))
        return other->state == DOWN;
    if (tier(one) != tier(other))
        return tier(one) < tier(other);
    return one->pairs < other->pairs;
}

static size_t turn; /* equals take turns: where the next one is looked for first */

struct upstream *upstreams_choose(uint64_t tried)
{
    struct upstream *best = NULL;

    for (size_t i = 0; i < UPSTREAMS; i++) {
        size_t at = (turn + i) % UPSTREAMS;

        if (upstreams[at].wanted && !(tried >> at & 1) && (!best || better(&upstreams[at], best)))
            best = &upstreams[at];
    }
    return best;
}

void upstream_taken(const struct upstream *upstream)
{
    turn = (size_t)(upstream - upstreams) + 1;
}

static void judge(struct upstream *upstream, enum state state, const char *why)
{
    hang_up(&upstream->look);
    if (state == DOWN && pairs_wait()) {
        upstream->due = now + AT_ONCE;
    } else if (state == DOWN) {
        upstream->due = now + upstream->delay;
        upstream->delay = upstream->delay * 2 < settings.every ? upstream->delay * 2 : settings.every;
    } else {
        upstream->due = now + settings.every;
        upstream->delay = SOON < settings.every ? SOON : settings.every;
    }
    if (state == UP)
        pairs_hope();
    if (upstream->state == state)
        return;
    printf("upstream %s is %s%s%s\n", upstream->name, STATES[state], *why ? ": " : "", why);
    upstream->state = state;
    control_stale = true;
}

void upstream_failed(struct upstream *upstream, const char *why)
{
    if (upstream->wanted && upstream->state != DOWN)
        judge(upstream, DOWN, why);
}

void upstream_reached(struct upstream *upstream)
{
    if (upstream->wanted && upstream->state == DOWN && upstream->look.fd < 0)
        upstream->due = now; /* it may be back: look at once */
}

void upstreams_hurry(void)
{
    for (struct upstream *u = upstreams; u < upstreams + UPSTREAMS; u++)
        if (u->wanted && u->look.fd < 0 && u->due > now + AT_ONCE) {
            u->due = now + AT_ONCE;
            u->delay = SOON < settings.every ? SOON : settings.every;
        }
}

int upstream_connect(const struct upstream *upstream)
{
    int fd = socket(upstream->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&upstream->address, upstream->length) < 0 && errno != EINPROGRESS) {
        struct handle failed = {fd, NULL};
        int error = errno;

        hang_up(&failed);
        errno = error;
        return -1;
    }
    return fd;
}

static void look(struct upstream *upstream)
{
    upstream->asked = false;
    upstream->due = now + settings.answer;
    upstream->look.fd = upstream_connect(upstream);
    if (upstream->look.fd < 0 || !watch(&upstream->look, EPOLLIN | EPOLLOUT | EPOLLET))
        judge(upstream, DOWN, strerror(errno));
}

/* The kernel's own measure, however late this process was to look at it. */
static void measure(struct upstream *upstream)
{
    struct tcp_info info;
    socklen_t length = sizeof(info);

    if (getsockopt(upstream->look.fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
        upstream->latency = upstream->latency ? (uint32_t)(((uint64_t)upstream->latency * 7 + info.tcpi_rtt) / 8)
                                              : info.tcpi_rtt;
}

static void on_look(struct handle *handle, uint32_t events)
{
    struct upstream *upstream = (struct upstream *)handle; /* its first member */
    int error = 0;
    socklen_t length = sizeof(error);
    char byte;
    ssize_t got;

    (void)events;
    if (!upstream->asked) {
        if (getsockopt(handle->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error)
            return judge(upstream, DOWN, strerror(error ? error : errno));
        if (send(handle->fd, HELLO, sizeof(HELLO), MSG_NOSIGNAL) != sizeof(HELLO)) {
            if (errno != EAGAIN && errno != ENOTCONN)
                judge(upstream, DOWN, strerror(errno));
            return; /* not connected yet */
        }
        upstream->asked = true;
        measure(upstream);
    }
    got = recv(handle->fd, &byte, 1, 0);
    if (got > 0)
        judge(upstream, UP, "");
    else if (got == 0)
        judge(upstream, DOWN, "it hangs up");
    else if (errno != EAGAIN)
        judge(upstream, DOWN, strerror(errno));
}

void upstreams_turn(void)
{
    for (struct upstream *u = upstreams; u < upstreams + UPSTREAMS; u++) {
        if (u->used && !u->wanted)
            forget(u);
        if (!u->wanted || u->due > now)
            continue;
        if (u->look.fd < 0)
            look(u);
        else
            judge(u, DOWN, u->asked ? "no answer" : "no connection");
    }
}

int64_t upstreams_due(void)
{
    int64_t due = INT64_MAX;

    for (const struct upstream *u = upstreams; u < upstreams + UPSTREAMS; u++)
        if (u->wanted && u->due < due)
            due = u->due;
    return due;
}
