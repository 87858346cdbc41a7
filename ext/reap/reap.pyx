# distutils: sources=ext/reap/native_spawn.c
# distutils: depends=ext/reap/native_spawn.h
"""Children: spawn one straight into its cgroup, namespaces and rights; collect the dead with their resource usage.
Owns no policy and no table: a caller waits on one pidfd, or takes all there are and routes them by pid."""

from libc.errno cimport errno
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from ext.reap.kernel cimport *
from ext.reap.spawn cimport *

import os
from typing import NamedTuple


class Dead(NamedTuple):
    """A child's end: `status` as waitpid gives it, CPU in seconds, `max_rss` in bytes."""

    pid: int
    status: int
    user: float
    system: float
    max_rss: int


cdef class _Strings:
    """A NULL-terminated char*[] over bytes objects that it keeps alive."""

    cdef char **items
    cdef list owners

    def __cinit__(self, values):
        cdef Py_ssize_t index
        self.owners = [os.fsencode(value) for value in values]
        self.items = <char **>malloc((len(self.owners) + 1) * sizeof(char *))
        if self.items == NULL:
            raise MemoryError
        for index in range(len(self.owners)):
            if b"\0" in self.owners[index]:
                raise ValueError("embedded null byte")
            self.items[index] = self.owners[index]
        self.items[len(self.owners)] = NULL

    def __dealloc__(self):
        free(self.items)


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot: with the pid its identity. Raises OSError when gone."""
    fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(fd, 1024)
    finally:
        os.close(fd)
    return int(text[text.rindex(b")") + 2 :].split()[19])


def spawn_process(
    argv, env, *, directory="/", fds=(), procs=(), cgroup=-1, namespaces=0, uid=0, gid=0, groups=(), keep=0,
    no_new_privs=False, seccomp=b"", limits=(), oom_score=None,
):
    """Fork and exec; (pid, pidfd) once the program runs, else OSError naming the failed step. The caller owns pidfd."""
    if not argv:
        raise ValueError("an empty argument list")
    if len(procs) > 16 or len(groups) > 64 or len(limits) > 16 or len(fds) > 64:
        raise ValueError("too many descriptors, hierarchies, groups or limits")
    if len(seccomp) % 8 or len(seccomp) > 8 * 4096:
        raise ValueError("a filter is at most 4096 whole instructions")
    cdef spawn spec
    cdef int[64] sources
    cdef int[16] joined
    cdef gid_t[64] others
    cdef spawn_limit[16] bounds
    cdef _Strings arguments = _Strings(argv)
    cdef _Strings environment = _Strings([f"{key}={value}" for key, value in env.items()])
    cdef bytes filter = bytes(seccomp)
    cdef bytes folder = os.fsencode(directory)
    cdef bytes score = b"" if oom_score is None else b"%d" % oom_score
    cdef const char *step = NULL
    cdef int pidfd = -1
    cdef pid_t pid
    for index, fd in enumerate(fds):
        sources[index] = fd
    for index, fd in enumerate(procs):
        joined[index] = fd
    for index, group in enumerate(groups):
        others[index] = group
    for index, (resource, soft, hard) in enumerate(limits):
        bounds[index] = spawn_limit(resource=resource, soft=soft, hard=hard)
    memset(&spec, 0, sizeof(spec))
    spec.argv, spec.env, spec.directory = arguments.items, environment.items, folder
    spec.sources, spec.source_count = sources, len(fds)
    spec.procs, spec.procs_count, spec.cgroup = joined, len(procs), cgroup
    spec.namespaces, spec.uid, spec.gid = namespaces, uid, gid
    spec.groups, spec.group_count, spec.keep = others, len(groups), keep
    spec.no_new_privs, spec.limits, spec.limit_count = no_new_privs, bounds, len(limits)
    if filter:
        spec.filter, spec.filter_length = <const char *>filter, len(filter) // 8
    if oom_score is not None:
        spec.oom_score = score
    with nogil:
        pid = ichor_spawn(&spec, &pidfd, &step)
    if pid < 0:
        raise _failure(f"spawn, {(<bytes>step).decode()}", os.fsdecode(argv[0]))
    return pid, pidfd


cdef object _failure(str operation, object path=None):
    cdef int error = errno
    return OSError(error, f"{operation}: {os.strerror(error)}", path)


cdef object _taken(int kind, int which):
    """The end of one dead child, reaped by one call; None when none of those is dead. Raises OSError as waitid does."""
    cdef siginfo_t info
    cdef rusage usage
    cdef long result = -1
    memset(&info, 0, sizeof(info))
    with nogil:  # the raw call: libc's has no room for the resource usage; it never waits, so nothing interrupts it
        result = syscall(SYS_waitid, kind, which, &info, WEXITED | WNOHANG, &usage)
    if result < 0:
        raise _failure("waitid")
    if info.si_pid == 0:
        return None
    return Dead(
        info.si_pid,
        _status(&info),
        usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6,
        usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6,
        usage.ru_maxrss * 1024,
    )


cdef int _status(siginfo_t *info) noexcept:
    if info.si_code == CLD_EXITED:
        return (info.si_status & 0xFF) << 8
    return info.si_status & 0x7F | (0x80 if info.si_code == CLD_DUMPED else 0)


def wait(pidfd: int):
    """The end of the child behind `pidfd`, reaping it; None while it runs. Raises ChildProcessError for another's child."""
    return _taken(P_PIDFD, pidfd)


def collect(limit: int = 64):
    """Up to `limit` dead children of this process, whoever they are, reaped; fewer means that no more are dead."""
    dead = []
    while len(dead) < limit:
        try:
            one = _taken(P_ALL, 0)
        except ChildProcessError:
            break
        if one is None:
            break
        dead.append(one)
    return dead
