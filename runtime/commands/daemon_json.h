/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's daemon.json with one of its "runtimes" added, replaced or taken out. Everything else stays as it was, in its order,
 * numbers to the digit; only blanks are ours.
 */
#ifndef RUNTIME_COMMANDS_DAEMON_JSON_H
#define RUNTIME_COMMANDS_DAEMON_JSON_H

#include <stddef.h>

struct error;

/* A runtime's name as Docker takes it: letters, digits, and . _ - inside; not one that is Docker's own. */
int daemon_json_check_name(const char *name, struct error *error);

/* args ends in NULL. An empty text is an empty configuration. *ret_text is allocated and NUL-terminated. */
int daemon_json_add(const char *text, size_t size, const char *name, const char *path, char *const *args, char **ret_text,
                    struct error *error);

/* Gives -ENOENT without an error if there is no such runtime. Refuses to take out the default one. */
int daemon_json_remove(const char *text, size_t size, const char *name, char **ret_text, struct error *error);

#endif
