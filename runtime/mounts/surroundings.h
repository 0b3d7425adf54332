/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sentry and gofer see around them while they start: nothing, because they are static. In a build with sanitizers they are not, and
 * the sanitizers look into /proc; surroundings_sanitized.c, which is in no other build, shows them what they need.
 */
#ifndef RUNTIME_MOUNTS_SURROUNDINGS_H
#define RUNTIME_MOUNTS_SURROUNDINGS_H

struct error;

/* The sentry's root, in a mount namespace of its own: replaces everything there is. 0 or -errno. */
int surroundings_of_sentry(struct error *error);

/* The gofer's, before its root becomes the container's: *ret_place, owned, is given to surroundings_enter when it is about to be
 * executed. -1 in a release: it begins in the container's root. 0 or -errno. */
int surroundings_of_gofer(int *ret_place, struct error *error);
int surroundings_enter(int place);

/* What `postern version` has to say of the build. NULL in a release. */
const char *surroundings_note(void);

#endif
