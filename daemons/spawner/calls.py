"""The system calls that daemons and workers may make, by what they are for. Found by tracing whole nodes in the image
(`python -m tests.support.syscalls`), completed by what only errors, races, signals and a fallback of glibc's or of
Python's make: a call that is missing here ends a daemon on somebody's machine."""

import socket
from typing import Final

from core.linux.seccomp import Filter
from ext import sys as kernel

# objects, arenas, stacks of threads; glibc grows by brk and mmap, shrinks by munmap, madvise and mremap
_MEMORY: Final = "brk madvise mmap mprotect mremap munmap"
# what is open already: the control socket, what is printed, descriptors of the loop
_DESCRIPTORS: Final = "close dup dup2 dup3 fcntl fstat ioctl lseek pread64 pwrite64 read readv write writev"
# the time zone, resolv.conf, the number of processors, sources for a traceback. The root is read-only and another's
_FILES: Final = "access faccessat faccessat2 getcwd getdents64 newfstatat openat readlink readlinkat stat statx"
# locks and threads of the loop's pool; a robust list and a restartable sequence for each
_THREADS: Final = "futex gettid rseq sched_getaffinity sched_yield set_robust_list set_tid_address"
# the loop: descriptors, timers, waking from another thread
_EVENTS: Final = (
    "epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd2 pipe2 poll ppoll pselect6 select"
    " clock_nanosleep nanosleep"
)
# handlers, abort(), what a stopped and continued process makes of an interrupted wait
_SIGNALS: Final = "kill restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn sigaltstack tgkill"
# where the vDSO does not answer, as under some hypervisors' clocks
_CLOCKS: Final = "clock_getres clock_gettime getcpu gettimeofday time"
# who and where we are, keys and nonces, sizes of stacks (prlimit64 reads) and of memory
_ABOUT: Final = (
    "getegid geteuid getgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrusage getuid prlimit64"
    " sysinfo times uname"
)
_END: Final = "exit exit_group"
# a worker's payload and answer, a daemon's control socket
_TALK: Final = "getpeername getsockname getsockopt recvfrom recvmsg sendmsg sendto setsockopt shutdown socketpair"
# serving at the door that it was given, and dialling; the many at once are the resolver's and libuv's
_NETWORK: Final = "accept accept4 bind connect recvmmsg sendmmsg"
# families: the resolver asks netlink which addresses there are
_SOCKETS: Final = ("socket", (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK))

# tried by glibc for a thread, by libuv for files, by allocators to name what they have; each has another way behind it
_MISSING: Final = ("clone3", "io_uring_setup", "membarrier", "prctl")
# a process takes its name when it is confined
_NAME: Final = ("prctl", (kernel.PR_SET_NAME,))
_ALL: Final = (_MEMORY, _DESCRIPTORS, _FILES, _EVENTS, _SIGNALS, _CLOCKS, _ABOUT, _END, _TALK, _THREADS)

DAEMON: Final = Filter(tuple(sorted(" ".join((*_ALL, _NETWORK)).split())), _MISSING, (_NAME, _SOCKETS), threads=True)
WORKER: Final = Filter(tuple(sorted(" ".join(_ALL).split())), _MISSING, (_NAME,))
