/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host user ids for a sandbox: three of its own, from a range that nothing else on the machine may use.
 *
 * The range is cut into slots of three, at multiples of three. A slot is taken by holding a lock (flock) on the file
 * named after its first id; the kernel drops the lock when its holder dies, so a crash frees the ids. A slot one of
 * whose ids has a process is passed over, whoever that process belongs to. The files stay: to remove one that somebody
 * has just opened would let two holders lock two different files of one name.
 *
 * In a user namespace the range does not exist. There the gofer is the caller, whose files it serves, and sentry and guest
 * are the two last ids; with too few of them (an ordinary user without subordinate ids has one) all three are the caller.
 */
#ifndef RUNTIME_IDS_IDS_H
#define RUNTIME_IDS_IDS_H

#include <stdint.h>
#include <sys/types.h>

struct boot_id_table;
struct error;

enum { IDS_PER_SLOT = 3, ID_LOWEST = 65536 };

#define ID_RANGE_DEFAULT_BASE  1900000000u
#define ID_RANGE_DEFAULT_COUNT 60000u

/* One folder whatever --root says, because two roots share one set of ids. '@' is in no container's name. */
#define IDS_PARENT      "/run/postern"
#define IDS_FOLDER      IDS_PARENT "/@ids"
#define IDS_ENVIRONMENT "POSTERN_ID_RANGE"

struct id_range {
    uint32_t base, count;
};

/*
 * Besides, all containers use one and the same set of labels (include/postern/mark.h): the last ids of the range, uids and gids,
 * which are nobody's. Where there are too few ids for that there are none: then nobody in a container can be told who is at
 * the other end of a Unix socket.
 */
struct ids {
    uid_t sentry, gofer, guest;
    gid_t sentry_gid, gofer_gid, guest_gid;
    uid_t label;     /* the first of the labels; 0: there are none */
    gid_t label_gid;
    int lock; /* held as long as this is open; -1: there is none */
};

/* Reads "BASE:COUNT". Returns 0, or -EINVAL with *error set. */
int id_range_parse(const char *text, struct id_range *ret_range, struct error *error);

/* The range to use: the option's if not NULL, else the environment's, else the line "id_range = BASE:COUNT" of the
 * file, else the default. A file that does not exist is no error. */
int id_range_find(const char *option, const char *environment, const char *config_path, struct id_range *ret_range,
                  struct error *error);

/* Takes a free slot. Creates the folder (not its parents). Returns 0 or -errno: -EAGAIN when all are taken. */
int ids_take(const char *folder, const struct id_range *range, struct ids *ret_ids, struct error *error);

/* The ids for a sandbox in a user namespace with these tables. They are shared with the user's other containers. */
void ids_of_namespace(const struct boot_id_table *uids, const struct boot_id_table *gids, struct ids *ret_ids);

/* Gives the ids back; safe on ids whose lock is -1. */
void ids_release(struct ids *ids);

#endif
