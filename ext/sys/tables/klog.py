"""sys/klog.h: the kernel's log buffer."""

TYPES = """
int klogctl(int type, char *buffer, int length);
"""

SOURCE = """
#include <sys/klog.h>
"""
