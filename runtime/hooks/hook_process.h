/* SPDX-License-Identifier: Apache-2.0 */
/* One process of a hook: fed with the container's state, waited for until its time is up. */
#ifndef RUNTIME_HOOKS_HOOK_PROCESS_H
#define RUNTIME_HOOKS_HOOK_PROCESS_H

#include <sys/types.h>

struct error;
struct oci_hook;

/* Where it runs; the runtime's namespaces if both pids are 0. */
struct hook_place {
    const char *folder; /* its working folder */
    char *const *env;   /* its environment if it has none of its own; NULL: ours */
    pid_t mounts;       /* whose mount namespace */
    pid_t others;       /* whose network, ipc and uts namespace */
};

/* state: the JSON text for its standard input. On failure the error says how it ended and what it printed. */
int hook_process_run(const struct oci_hook *hook, const char *state, size_t size, const struct hook_place *place,
                     struct error *error);

/* For hooks that are run in another way. */
struct hook_streams {
    int input, output, errors; /* memory files */
};
int hook_streams_open(const char *state, size_t size, struct hook_streams *ret_streams, struct error *error);
void hook_streams_close(struct hook_streams *streams);
int hook_streams_connect(const struct hook_streams *streams); /* as 0, 1 and 2, in a child */

/* Waits for a child of ours. When the hook's timeout is over it kills what `process`, a pidfd, says, whose end is the child's; with
 * -1 the child's process group. */
int hook_wait(const struct oci_hook *hook, pid_t pid, int process, const struct hook_streams *streams, struct error *error);

#endif
