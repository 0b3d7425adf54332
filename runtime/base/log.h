/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for people: to stderr as "postern: ...", and to the file of --log for engines. What is done step by step is for either, in
 * the file's format. Whatever text of others is in them is shown as text_show (postern/text.h) does. */
#ifndef RUNTIME_BASE_LOG_H
#define RUNTIME_BASE_LOG_H

#include <stdbool.h>

struct error;

enum log_level {
    LOG_LEVEL_DEBUG, /* only with --debug: steps, and to the file if there is one */
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
};

/* Opens the file (NULL: none), appending. Returns 0 or -errno with *error set. */
int log_open(const char *path, bool json, bool debug, struct error *error);

void log_message(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
