/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that go to whoever listens on a Unix socket, as runc hands them over. */
#ifndef RUNTIME_CONSOLE_HAND_OVER_H
#define RUNTIME_CONSOLE_HAND_OVER_H

#include <stdbool.h>

struct error;

/* Connects to it. `what` is for the words: "console socket". A descriptor, or -errno. */
int hand_over_open(const char *path, const char *what, struct error *error);

/* The master of a terminal (--console-socket). */
int hand_over_console(const char *path, int master, struct error *error);

/* A pidfd of a container's first process (--pidfd-socket of create and run), or of another one (of exec), over an open connection. */
int hand_over_pidfd(int connection, int pidfd, bool joins, struct error *error);

#endif
