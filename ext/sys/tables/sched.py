"""sched.h: namespaces of the calling process."""

TYPES = """
int unshare(int flags);
int setns(int fd, int type);
static const int CLONE_NEWNS;
static const int CLONE_NEWPID;
static const int CLONE_NEWNET;
static const int CLONE_NEWUTS;
static const int CLONE_NEWIPC;
static const int CLONE_NEWUSER;
static const int CLONE_NEWCGROUP;
"""

SOURCE = """
#include <sched.h>
"""
