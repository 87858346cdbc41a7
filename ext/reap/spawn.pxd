"""The child's side of spawning, in C: see native_spawn.h."""

from libc.stdint cimport uint64_t

from ext.reap.kernel cimport gid_t, pid_t, uid_t


cdef extern from "native_spawn.h" nogil:
    struct spawn_limit:
        int resource
        uint64_t soft
        uint64_t hard
    struct spawn:
        char *const *argv
        char *const *env
        const char *directory
        const int *sources
        int source_count
        const int *procs
        int procs_count
        int cgroup
        uint64_t namespaces
        uid_t uid
        gid_t gid
        const gid_t *groups
        int group_count
        uint64_t keep
        int no_new_privs
        const void *filter
        unsigned short filter_length
        const spawn_limit *limits
        int limit_count
        const char *oom_score
    pid_t ichor_spawn(const spawn *spec, int *pidfd, const char **step)
