/* Spawning: everything decided before the fork, nothing allocated after it. */
#ifndef ICHOR_NATIVE_SPAWN_H
#define ICHOR_NATIVE_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

struct spawn_limit { int resource; uint64_t soft, hard; };

struct spawn {
    char *const *argv, *const *env;
    const char *directory;       /* NULL: "/" */
    const int *sources;          /* descriptors that become 0, 1, 2, ... in the child; -1 leaves a number closed */
    int source_count;
    const int *procs;            /* open cgroup.procs files to join (v1 hierarchies) */
    int procs_count;
    int cgroup;                  /* folder of a v2 cgroup to be born in, or -1 */
    uint64_t namespaces;         /* CLONE_NEW* */
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    int group_count;
    uint64_t keep;               /* capabilities kept, also in the bounding set; ambient when uid is not 0 */
    int no_new_privs;
    const void *filter;          /* seccomp's struct sock_filter, filter_length of them; NULL: none */
    unsigned short filter_length;
    const struct spawn_limit *limits;
    int limit_count;
    const char *oom_score;       /* text for /proc/self/oom_score_adj, or NULL */
};

/* The pid, with its pidfd in *pidfd; or -1 with errno and the failed step in *step. Returns once exec has happened. */
pid_t ichor_spawn(const struct spawn *spec, int *pidfd, const char **step);

#endif
