/* SPDX-License-Identifier: Apache-2.0 */
/* What both versions of the cgroup folder are made of: cgroupfs.c (2), cgroup_v1.c. */
#ifndef SENTRY_FS_CGROUPFS_PRIVATE_H
#define SENTRY_FS_CGROUPFS_PRIVATE_H

#include "sentry/fs/synthfs.h"

struct boot_config;

/* Generators: all processes of the container, all threads, what there is of something and what there may be. */
int cgroup_processes_text(const struct synth_source *source, struct text *text);
int cgroup_threads_text(const struct synth_source *source, struct text *text);
int cgroup_memory_text(const struct synth_source *source, struct text *text);
int cgroup_pids_text(const struct synth_source *source, struct text *text);
int cgroup_pids_max_text(const struct synth_source *source, struct text *text);
int cgroup_cpus_text(const struct synth_source *source, struct text *text);

/* One table of several, on the heap, with the container's settings instead of what the kernel has from the start. NULL: no memory. */
struct synth_entry *cgroup_table_with_settings(const struct boot_config *boot, const struct synth_entry *const *tables, size_t count);

/* Version 1, by the number of the boot configuration's mount: the folder that holds all hierarchies, and one of those, whose
 * options say which. */
int cgroup_v1_mount_all(struct sentry *sentry, uint32_t index);
int cgroup_v1_mount_one(struct sentry *sentry, uint32_t index);

#endif
