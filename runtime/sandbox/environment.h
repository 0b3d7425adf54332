/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_SANDBOX_ENVIRONMENT_H
#define RUNTIME_SANDBOX_ENVIRONMENT_H

struct error;
struct oci_config;

/* Of several entries with one name the process gets one: the last value, at the place of the first. Programs differ in
 * which of two they believe. */
int environment_merge(struct oci_config *config, struct error *error);

/* That, and HOME (home.h). rootfs: the container's root as the host names it. */
int environment_complete(struct oci_config *config, const char *rootfs, struct error *error);

#endif
