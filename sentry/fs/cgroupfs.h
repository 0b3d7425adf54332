/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_FS_CGROUPFS_H
#define SENTRY_FS_CGROUPFS_H

struct sentry;

struct synth_source;
struct text;

/* What a read-only mount of the container's own cgroup would show, as if it were the root; in the version that the boot configuration's
 * mount of this path has. */
int cgroupfs_mount(struct sentry *sentry, const char *path);

/* /proc/PID/cgroup and /proc/cgroups. */
int cgroup_paths_text(const struct synth_source *source, struct text *text);
int cgroup_controllers_text(const struct synth_source *source, struct text *text);

#endif
