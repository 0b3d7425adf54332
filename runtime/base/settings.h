/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's settings: lines "key = value" of a file, '#' begins a comment. */
#ifndef RUNTIME_BASE_SETTINGS_H
#define RUNTIME_BASE_SETTINGS_H

#include <stddef.h>

struct error;

#define SETTINGS_FILE "/etc/postern.conf"

/* The last value of a key. Returns the number of its line; 0 if there is none, or no such file; or -errno. */
int settings_find(const char *path, const char *key, char *ret_value, size_t size, struct error *error);

#endif
