/* A balancer of TCP connections in one thread: one listening socket, a table of upstreams, a table of pairs (a client's
 * connection and its way to an upstream). Nothing is allocated, nothing is buffered but by the kernel. Times are
 * milliseconds of the monotonic clock, latencies microseconds. */
#ifndef PRISM_H
#define PRISM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

enum {
    UPSTREAMS = 64, /* wanted ones and those that only have connections left; a pair's `tried` has a bit for each */
    WANTED = 32,
    PAIRS = 1024, /* then clients wait in the listening socket */
    TEXT = 64,    /* an address and a port as text */
    PACKET = 4096,
};

/* What epoll names: whoever owns a descriptor. */
struct handle {
    int fd; /* -1 when closed; an event of the same round may still name it */
    void (*ready)(struct handle *, uint32_t events);
};

struct settings {
    int64_t every;    /* between two looks at an upstream that is up */
    int64_t answer;   /* how long it may take to answer one */
    int64_t patience; /* with an attempt to connect while there are others to try */
    int64_t dial;     /* with all attempts for one client, and with waiting for somebody to try */
};

extern struct settings settings;
extern int64_t now; /* when this round began */

/* loop.c */
bool watch(struct handle *handle, uint32_t events);
void hang_up(struct handle *handle); /* closes it; nothing if it is closed */

/* upstream.c */
enum state { UNKNOWN, UP, DOWN };

struct upstream {
    struct handle look; /* the connection of a look that is under way */
    struct sockaddr_storage address;
    socklen_t length;
    char name[TEXT];
    bool used, wanted, asked; /* asked: the look has connected and said its hello */
    enum state state;
    unsigned pairs;
    uint32_t latency; /* the kernel's round trip, smoothed; 0 before it was seen */
    int64_t due, delay; /* the next look, or the end of this one's time; what is waited while it is down */
};

extern struct upstream upstreams[UPSTREAMS];

bool upstreams_set(char *list);           /* lines "ADDRESS PORT"; false, and nothing changes, if it is no such list */
size_t upstreams_say(char *into, size_t room); /* lines "ADDRESS PORT STATE LATENCY PAIRS" */
struct upstream *upstreams_choose(uint64_t tried); /* of those whose bits are not set; NULL if there is none */
void upstream_taken(const struct upstream *upstream); /* by a client */
void upstream_failed(struct upstream *upstream, const char *why); /* a client's attempt did */
void upstream_reached(struct upstream *upstream);                 /* a client's attempt succeeded */
int upstream_connect(const struct upstream *upstream);            /* a socket on its way; -1 and errno */
void upstreams_hurry(void); /* clients wait: look at all soon */
void upstreams_turn(void);                                        /* what is due */
int64_t upstreams_due(void);

/* pair.c */
void pairs_accept(int listener);
void pairs_turn(void); /* attempts that take too long, pairs whose turn ended too soon, pairs to forget */
int64_t pairs_due(void);
bool pairs_full(void);
bool pairs_wait(void); /* a client has nobody to go to */
void pairs_hope(void); /* there may be somebody now */
unsigned pairs_count(void);

/* control.c */
bool control_listen(const char *path);
void control_turn(void); /* say what has changed */
extern bool control_stale, control_told; /* there is something to say; there was a list */

#endif
