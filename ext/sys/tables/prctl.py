"""sys/prctl.h: attributes of the calling process."""

TYPES = """
int ichor_prctl(int option, unsigned long a, unsigned long b);
static const int PR_SET_NAME;
static const int PR_SET_DUMPABLE;
static const int PR_GET_DUMPABLE;
static const int PR_SET_NO_NEW_PRIVS;
static const int PR_GET_NO_NEW_PRIVS;
static const int PR_CAPBSET_DROP;
static const int PR_CAPBSET_READ;
static const int PR_SET_KEEPCAPS;
static const int PR_SET_PDEATHSIG;
static const int PR_SET_CHILD_SUBREAPER;
static const int PR_CAP_AMBIENT;
static const int PR_CAP_AMBIENT_RAISE;
static const int PR_CAP_AMBIENT_CLEAR_ALL;
"""

SOURCE = """
#include <sys/prctl.h>
static int ichor_prctl(int option, unsigned long a, unsigned long b)
{
    return prctl(option, a, b, 0, 0); /* the rest must be zero for many options */
}
"""
