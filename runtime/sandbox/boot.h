/* SPDX-License-Identifier: Apache-2.0 */
/* What the sentry is told: boot_config from config.json and the gofer's layout, as a sealed memory file. */
#ifndef RUNTIME_SANDBOX_BOOT_H
#define RUNTIME_SANDBOX_BOOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct gofer_layout;
struct ids;
struct oci_config;
struct oci_process;
struct user_namespace;

struct boot_facts {
    const char *id;
    const struct user_namespace *users;
    const struct ids *ids;
    pid_t init;                 /* the container's first process, in its namespaces */
    const char *hostname;       /* when config.json gives none */
    int64_t boottime_offset_ns; /* what was added to the guest's CLOCK_BOOTTIME */
    bool trace;
    bool ranks; /* scheduling_grants() */
};

/* Returns 0 with *ret_fd owned by the caller, or -errno. What does not fit boot_config's bounds is refused by name. */
int boot_write(const struct oci_config *config, const struct gofer_layout *layout, const struct boot_facts *facts,
               int *ret_fd, struct error *error);

/* The same for a process that joins: only its own part means something. */
int boot_write_process(const struct oci_process *process, int *ret_fd, struct error *error);

#endif
