/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's cgroup: made, limited, watched, frozen and removed. Version 1 (every mounted controller), version 2 and
 * the two side by side; by files, or through systemd (--systemd-cgroup).
 */
#ifndef RUNTIME_CGROUP_CGROUP_H
#define RUNTIME_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "oci-spec/oci.h"

struct error;

/* Where it is: linux.cgroupsPath, or "/postern/ID" (systemd: ":postern:ID") if it is not given. path has PATH_MAX bytes. */
int cgroup_path(const struct oci_config *config, const char *id, bool systemd, char *path, struct error *error);

/* Makes the folders and applies the resources (NULL: none). On failure nothing is left. */
int cgroup_create(const char *path, bool systemd, const struct oci_resources *resources, struct error *error);
int cgroup_add(const char *path, bool systemd, pid_t pid, struct error *error);
/* Into folders that are there below it: each word is "[CONTROLLER[,CONTROLLER]...:]PATH" (exec --cgroup). */
int cgroup_below_check(const char *const *words, size_t count, struct error *error);
int cgroup_add_below(const char *path, bool systemd, const char *const *words, size_t count, pid_t pid, struct error *error);
int cgroup_update(const char *path, bool systemd, const struct oci_resources *resources, struct error *error);
int cgroup_freeze(const char *path, bool systemd, bool frozen, struct error *error); /* waits until it is so */
bool cgroup_is_frozen(const char *path, bool systemd);

/* Retries while processes are still leaving. 0 also if there is none. */
int cgroup_remove(const char *path, bool systemd);

/* The "data" of `events --stats`, as runc prints it: a JSON object. */
int cgroup_stats(const char *path, bool systemd, FILE *out, struct error *error);
/* Was a process of it killed for want of memory? */
bool cgroup_oom_killed(const char *path, bool systemd);

/* To be told when memory runs out. fd polls readable then (and when the cgroup goes); cgroup_oom_take says which of them. */
struct cgroup_oom_watch {
    int fd;
    uint64_t seen;
};
int cgroup_oom_watch(const char *path, bool systemd, struct cgroup_oom_watch *ret_watch); /* -errno if it cannot be */
bool cgroup_oom_take(const char *path, bool systemd, struct cgroup_oom_watch *watch);

#endif
