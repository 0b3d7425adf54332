/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_CONFINE_H
#define SENTRY_CONFINE_H

#include "postern/error.h"

/*
 * The last step into confinement, for all threads. The runtime has set ids, namespaces and the empty root.
 * Behind it the sentry can make only the calls named by CONFINE_ALLOW lines, none of which executes a program, makes a
 * socket other than a nameless Unix one, maps memory as code, or opens a path but below one of its two procfs. Threads it starts
 * later (platform/worker.h) are confined as it is. 0 or -errno.
 */
int sentry_confine(struct error *error);

#endif
