/* The parts of PID 1. No part allocates; each keeps its state in its own file. */
#ifndef ICHOR_INIT_H
#define ICHOR_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum power { POWER_REBOOT, POWER_OFF, POWER_HALT };

/* log.c: one line each, to the kernel's log on a machine and to standard error in a container */
void log_open(bool machine);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* clock.c */
uint64_t now_ms(void);

/* boot.c: from an initramfs to the verified root; returns with it in place or does not return */
void boot_image(void);

/* cmdline.c: the value of `key=` in the text of a kernel command line; false when absent or too long */
bool cmdline_value(const char *line, const char *key, char *out, size_t size);
bool cmdline_read(const char *key, char *out, size_t size);

/* modules.c: load what /modules/order names, in that order */
void modules_load(void);

/* device.c: open a block device, waiting for the kernel to find it; -1 with errno */
int device_wait(const char *path, uint64_t limit_ms);

/* mounts.c */
struct mount_row { const char *type, *target, *options; unsigned long flags; bool needed; };
void mounts_early(void);
void mounts_late(void);
void mounts_switch(const char *root);
void mounts_undo(void);

/* process.c: number and start time (clock ticks since boot) of the process behind a pidfd; zeros when there is none */
struct process { pid_t pid; uint64_t start; };
struct process process_behind(int pidfd);

/* fds.c: the table of named descriptors; 0 or an errno. `ended` says when a process started that a pidfd is kept of, 0 of
 * others, and forgets it */
int fds_put(const char *name, int fd);
int fds_get(const char *name);
int fds_drop(const char *name);
uint32_t fds_names(char (*out)[ICHOR_NAME]);
uint64_t fds_ended(pid_t pid);

/* journal.c */
void journal_add(const struct ichor_exit *exit);
uint32_t journal_since(uint64_t sequence, struct ichor_exit *out, uint32_t limit);
uint64_t journal_newest(void);

/* reap.c: collect some dead children into the journal: there may be more, none is dead now, or none is left at all */
enum reaped { REAPED_SOME, REAPED_ALL, REAPED_LAST };
enum reaped reap_some(void (*died)(pid_t pid, int status));

/* spawner.c: keep it running */
void spawner_open(bool machine, int timer);
void spawner_start(void);
void spawner_died(pid_t pid, int status);
void spawner_beat(void);
void spawner_status(struct ichor_status *status);

/* watchdog.c */
void watchdog_pet(void);
bool watchdog_armed(void);
void watchdog_disarm(void);

/* control.c: the socket; `close` hangs up on everybody */
int control_open(int epoll);
void control_accept(void);
void control_serve(uint32_t slot);
void control_close(void);

/* power.c: the end of everything */
void power_open(bool machine);
_Noreturn void power(enum power action, const char *reason);
_Noreturn void power_now(enum power action);

#endif
