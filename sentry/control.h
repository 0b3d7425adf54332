/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime says to the sentry: over the control socket it was started with, and over connections of later commands. */
#ifndef SENTRY_CONTROL_H
#define SENTRY_CONTROL_H

struct error;
struct sentry;

/* Starts listening to both. Before the sentry is confined. 0 or -errno. */
int control_start(struct sentry *sentry, struct error *error);

/* Says something to the runtime that started us, if it is still there. kind: enum control_kind of postern/boot.h. */
void control_say(const struct sentry *sentry, unsigned int kind, const char *text);

/* Tells whoever waits for a process that the container has come to its end by itself, and the sentry with it. Any thread. */
void control_say_ended(const struct sentry *sentry);

#endif
