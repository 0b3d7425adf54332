/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_STATE_KEPT_CONFIG_H
#define RUNTIME_STATE_KEPT_CONFIG_H

#include <stddef.h>

struct error;
struct oci_config;

/* Keeps the configuration a container is made of, as it was read and checked, in its state folder: the bundle may change at any time. */
int kept_config_save(int folder, const char *text, size_t size, struct error *error);
int kept_config_load(int folder, struct oci_config **ret_config, struct error *error);

#endif
