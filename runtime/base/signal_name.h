/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as people and engines write them. */
#ifndef RUNTIME_BASE_SIGNAL_NAME_H
#define RUNTIME_BASE_SIGNAL_NAME_H

struct error;

/* A number, which is not checked any further, or a name with or without SIG in letters of either case. Returns 0, or -EINVAL
 * in runc's words. */
int signal_parse(const char *text, int *ret_signal, struct error *error);

#endif
