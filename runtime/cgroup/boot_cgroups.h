/* SPDX-License-Identifier: Apache-2.0 */
/* What the sentry is told of cgroups: those of the host, as far as the container is shown any. */
#ifndef RUNTIME_CGROUP_BOOT_CGROUPS_H
#define RUNTIME_CGROUP_BOOT_CGROUPS_H

struct boot_config;
struct cgroup;
struct error;
struct oci_resources;

/* Fills in boot->cgroups and the settings that resources (NULL: none) come to there, and makes of each cgroup mount what the host's version has: one file system of version 2, or a folder with
 * a file system for each of version 1's hierarchies. host: as cgroup_open finds it, or NULL where there is none. */
int boot_put_cgroups(struct boot_config *boot, const struct cgroup *host, const struct oci_resources *resources, struct error *error);

#endif
