"""sys/reboot.h: the end of the machine, or of the pid namespace."""

TYPES = """
int reboot(int command);
static const int RB_AUTOBOOT;
static const int RB_HALT_SYSTEM;
static const int RB_POWER_OFF;
static const int RB_ENABLE_CAD;
static const int RB_DISABLE_CAD;
"""

SOURCE = """
#include <sys/reboot.h>
"""
