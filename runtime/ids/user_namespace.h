/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user namespace of a container: which ids there are in it. The gofer enters it when the mounts are made, so that owners
 * are what the kernel says they are there, and file capabilities end where its ids end. Sentry and guest are not in it.
 *
 * Without one in config.json a container has the ids its caller has: all of the machine's, or those of the user namespace the
 * runtime itself is in.
 */
#ifndef RUNTIME_IDS_USER_NAMESPACE_H
#define RUNTIME_IDS_USER_NAMESPACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "postern/boot.h"

struct error;
struct ids;
struct oci_config;
struct oci_linux;

struct user_namespace {
    int fd; /* -1: the caller's own */
    struct boot_id_table uids, gids;
    bool groups_denied; /* setgroups(2) is */
    uid_t gofer_uid;    /* the gofer's, as numbered in it */
    gid_t gofer_gid;
    uid_t label_uid; /* likewise the first of the labels (runtime/ids/ids.h); 0: the gofer has none */
    gid_t label_gid;
};

/* The one config.json names by a path, asks for with mappings, or none. A new one has more ids, beyond the container's: the
 * gofer's own, and its labels. `peer` is taken instead of what is at the path, unless it is negative: another container's. */
int user_namespace_find(const struct oci_linux *config, int peer, const struct ids *ids, struct user_namespace *ret_users,
                        struct error *error);
/* That path, or NULL. */
const char *user_namespace_path(const struct oci_linux *config);
void user_namespace_release(struct user_namespace *users);

/* A new one with these ids, open. procfs: of the pid namespace we are in; owner: see privilege_own_as. 0 or -errno. */
int user_namespace_make(int procfs, uid_t owner, const struct boot_id_table *uids, const struct boot_id_table *gids, int *ret_fd,
                        struct error *error);

/* Are the ids of config.json's process there? */
int user_namespace_check(const struct user_namespace *users, const struct oci_config *config, struct error *error);

/* An id of the container as the runtime must give it to the kernel: (uid_t)-1 if there is none. */
uid_t user_namespace_uid(const struct user_namespace *users, uid_t uid);
gid_t user_namespace_gid(const struct user_namespace *users, gid_t gid);

/* The table of a process's user namespace, or of the one we are in, with ids outside as we number them; file is uid_map or
 * gid_map. 0 or -errno. */
int user_namespace_of(pid_t pid, const char *file, struct boot_id_table *ret_table);
int user_namespace_own(const char *file, struct boot_id_table *ret_table);
bool user_namespace_is_initial(void);
/* Are we the machine's root, and not only that of a user namespace? */
bool user_namespace_is_root(void);
/* Who we are outside of the user namespace we are in: the ordinary user who is root in it. */
uid_t user_namespace_caller(void);

/* Writes uid_map or gid_map of a process whose user namespace is new. 0 or -errno. */
int user_namespace_write(pid_t pid, const char *file, const struct boot_id_table *table);

#endif
