"""What Cython's own declarations lack of the kernel's: waitid by pidfd with the resource usage."""

cdef extern from "<sys/types.h>" nogil:
    ctypedef int pid_t
    ctypedef unsigned uid_t
    ctypedef unsigned gid_t

cdef extern from "<sys/resource.h>" nogil:
    struct timeval:
        long tv_sec
        long tv_usec
    struct rusage:
        timeval ru_utime
        timeval ru_stime
        long ru_maxrss

cdef extern from "<sys/wait.h>" nogil:
    ctypedef struct siginfo_t:
        int si_pid
        int si_code
        int si_status
    int P_ALL, P_PIDFD
    int WEXITED, WNOHANG
    int CLD_EXITED, CLD_DUMPED

cdef extern from "<unistd.h>" nogil:
    long syscall(long number, ...)

cdef extern from "<sys/syscall.h>" nogil:
    long SYS_waitid
