/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_SANDBOX_HOME_H
#define RUNTIME_SANDBOX_HOME_H

struct error;
struct oci_config;

/* A process without HOME in its environment gets the one of its user in the container's /etc/passwd, or "/": images rely on it,
 * since runc does so. rootfs: the container's root as the host names it. */
int home_add(struct oci_config *config, const char *rootfs, struct error *error);

#endif
