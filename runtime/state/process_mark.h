/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a process we knew is still that process: its pid alone does not say, the time it was started does. */
#ifndef RUNTIME_STATE_PROCESS_MARK_H
#define RUNTIME_STATE_PROCESS_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A process that may have ended and whose pid may have been given away: start is field 22 of /proc/PID/stat. */
struct process_mark {
    pid_t pid;
    uint64_t start;
};

/* Fills a mark for a live process. -ESRCH if it is gone. */
int process_mark_take(pid_t pid, struct process_mark *ret_mark);
/* A pidfd of the marked process; -ESRCH if it has ended (a zombie counts as ended) or is another one by now. */
int process_mark_open(const struct process_mark *mark);
/* Its first thread has ended. After SIGKILL that is the end: a sentry's last thread then waits in the kernel until others have
 * reaped all who were in its pid namespace. */
bool process_mark_is_zombie(const struct process_mark *mark);

/* A pid and its start time mean something only as long as the machine is up: which time that is. */
enum { BOOT_ID_MAX = 40 };
void read_boot_id(char boot_id[BOOT_ID_MAX]);

#endif
