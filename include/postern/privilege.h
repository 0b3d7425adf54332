/* SPDX-License-Identifier: Apache-2.0 */
/* Giving privileges up, in the one order that works (capabilities(7), user_namespaces(7)). */
#ifndef POSTERN_PRIVILEGE_H
#define POSTERN_PRIVILEGE_H

#include <linux/capability.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

/* Becomes uid/gid (of the current user namespace) with no supplementary groups and exactly the given capabilities, which
 * also survive one execve (ambient). Everything else leaves the bounding set. Sets no_new_privs. With count 0 the
 * process can never hold a capability again: SECBIT_NOROOT and its kin are locked. 0 or -errno. */
int privilege_drop(uid_t uid, gid_t gid, const int *keep, size_t count, struct error *error);

/* A capability we have is the next program's too, though we are not root. Whether it worked that one will see. */
void privilege_keep(int capability);

/* Gives up the supplementary groups, where that is allowed: whoever made his user namespace without privileges has to keep
 * them, for they may also take rights away. 0 or -errno. */
int privilege_drop_groups(void);

/* Replaces the process's root with an empty, read-only tmpfs, in a mount namespace of its own, and detaches everything
 * else. 0 or -errno. */
int privilege_enter_empty_root(struct error *error);

/* A procfs of the caller's pid namespace (or the named filesystem), mounted nowhere: a descriptor of its root. */
int privilege_detached_mount(const char *filesystem, unsigned int attributes, struct error *error);

/*
 * A user namespace that is made next belongs to this user, all rights being kept meanwhile. Whatever in it counts against a user (inotify
 * instances, queued signals and timers, ...) the kernel counts against the namespace's owner, too: that must not be
 * the host's root, whom one container could leave without. 0 or -errno.
 */
int privilege_own_as(uid_t uid);

#endif
