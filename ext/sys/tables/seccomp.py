"""linux/seccomp.h: load a filter program (8 bytes an instruction) for the calling thread."""

TYPES = """
int ichor_seccomp(const void *program, unsigned short instructions);
static const unsigned ICHOR_ARCH;
static const int SYS_execve;
static const int SYS_execveat;
static const int SYS_ptrace;
static const int SYS_process_vm_readv;
static const int SYS_process_vm_writev;
static const int SYS_init_module;
static const int SYS_finit_module;
static const int SYS_delete_module;
static const int SYS_kexec_load;
static const int SYS_mount;
static const int SYS_umount2;
static const int SYS_pivot_root;
static const int SYS_unshare;
static const int SYS_setns;
static const int SYS_bpf;
static const int SYS_perf_event_open;
static const int SYS_reboot;
"""

SOURCE = """
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#if defined(__x86_64__)
#define ICHOR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ICHOR_ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH is this?"
#endif
static int ichor_seccomp(const void *program, unsigned short instructions)
{
    struct sock_fprog filter = {.len = instructions, .filter = (struct sock_filter *)program};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}
"""
