/* What is said on init's control socket: one SEQPACKET request, one reply, native byte order (both ends are this machine).
 * Python's side is core/linux/init.py; tests/init/test_protocol.py compares the two layouts. */
#ifndef ICHOR_PROTOCOL_H
#define ICHOR_PROTOCOL_H

#include <stdint.h>

#define ICHOR_SOCKET "/run/ichor/init.sock"
#define ICHOR_NAME 64        /* bytes of a name with its NUL */
#define ICHOR_FDS 256        /* named descriptors kept */
#define ICHOR_JOURNAL 4096   /* exits kept */
#define ICHOR_JOURNAL_PAGE 512 /* exits in one reply */

enum ichor_op {
    ICHOR_PUT = 1,  /* name, descriptor by SCM_RIGHTS: keep it, in place of an earlier one */
    ICHOR_GET,      /* name: a duplicate by SCM_RIGHTS, or ENOENT */
    ICHOR_DROP,     /* name: close it, or ENOENT */
    ICHOR_NAMES,    /* count names of ICHOR_NAME bytes */
    ICHOR_EXITS,    /* argument = sequence: the exits after it, oldest first, at most a page */
    ICHOR_BEAT,     /* the node is alive: pet the watchdog */
    ICHOR_REBOOT,   /* name = reason: end everything, then reboot */
    ICHOR_POWEROFF,
    ICHOR_HALT,
    ICHOR_STATUS,   /* one struct ichor_status */
};

struct ichor_request {
    uint32_t op;
    uint32_t zero;
    uint64_t argument;
    char name[ICHOR_NAME];
};

struct ichor_reply {
    int32_t error;  /* errno, 0 for success */
    uint32_t count; /* records that follow */
};

struct ichor_exit {
    uint64_t sequence;      /* from 1, without holes */
    uint64_t start;         /* clock ticks since boot, as field 22 of /proc/PID/stat; 0 unless a pidfd of it was kept */
    uint64_t user_us;
    uint64_t system_us;
    uint64_t max_rss;       /* bytes */
    int64_t time_ns;        /* CLOCK_REALTIME when it was reaped */
    int32_t pid;
    int32_t status;         /* as waitpid gives it */
};

struct ichor_status {
    uint64_t exits;         /* sequence of the newest exit */
    uint64_t beat_age_ms;   /* since the last beat or the spawner's start */
    uint64_t spawner_starts;
    int32_t spawner_pid;    /* 0 while it waits for its restart */
    uint32_t descriptors;
    uint32_t machine;       /* 1: booted a machine and owns it; 0: a container */
    uint32_t watchdog;      /* 1: a watchdog is armed and petted */
};

#endif
