/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's seccomp filter, from the route table. */
#ifndef POSTERN_FILTER_H
#define POSTERN_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "postern/error.h"

/*
 * Builds the filter: host routes are allowed where their guard holds, trapped ones notify, absent and unknown ones give
 * their errno, 32-bit and x32 calls kill the process. Takes some 30 microseconds. Install it with
 * seccomp(SECCOMP_SET_MODE_FILTER, NEW_LISTENER | WAIT_KILLABLE_RECV, program); free ret_program->filter.
 * limits_trapped: also the calls on limits that would run natively (postern/limits.h). Returns 0 or -errno.
 */
int filter_build(bool limits_trapped, struct sock_fprog *ret_program, struct error *error);

#endif
