/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_STATE_PID_FILE_H
#define RUNTIME_STATE_PID_FILE_H

#include <sys/types.h>

struct error;

/* Writes a pid file beside its place and renames it into it: who sees the file sees all of it. 0 or -errno. */
int pid_file_write(const char *path, pid_t pid, struct error *error);

#endif
