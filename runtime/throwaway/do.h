/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern do: one command in a sandbox of its own that shows the host's files below a private writable layer. Its
 * parts:
 *
 *   ../commands/do.c  the command line
 *   user.c            as whom, and with which environment
 *   mounts.c          what of the host is seen, where
 *   config.c          a config.json of all that, which runtime/lifecycle/foreground.h then runs like any other
 */
#ifndef RUNTIME_THROWAWAY_DO_H
#define RUNTIME_THROWAWAY_DO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "runtime/lifecycle/foreground.h"

struct arena;
struct error;

struct do_bind {
    const char *text; /* SOURCE[:DESTINATION] */
    bool writable;
};

struct do_texts {
    const char **items;
    size_t count;
};

struct do_options {
    struct foreground_options container;
    bool help, verbose, host_network, writable_cwd;
    bool without_gate;
    bool without_root;                 /* the caller's id is the only one there is */
    const char *user, *cwd, *hostname; /* NULL: the default */
    struct do_texts env, hide;
    struct do_bind *binds;
    size_t bind_count;
    int64_t layer, memory; /* bytes; memory 0: no limit */
    int64_t cpu_quota_us;  /* in DO_CPU_PERIOD_US; 0: no limit */
    int pids;
    char **command; /* NULL at its end; empty: the user's shell */
};

enum { DO_CPU_PERIOD_US = 100000, DO_GROUPS_MAX = 256 };

/* -- user.c ------------------------------------------------------------------------------------------------------- */

struct do_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[DO_GROUPS_MAX];
    int group_count;
    char name[256], home[PATH_MAX], shell[PATH_MAX];
};

/* The user --user names, USER[:GROUP] by name or number; NULL: the caller, who is the only one without root. */
int do_user_find(const char *text, bool without_root, struct do_user *ret_user, struct error *error);

/* The command's environment: a few variables of its own making, a few of ours that do no harm, and what `asked` names
 * (NAME or NAME=VALUE). In the arena, NULL at its end. */
int do_environment(struct arena *arena, const struct do_user *user, bool terminal, const struct do_texts *asked,
                   const char ***ret_items, struct error *error);

/* -- mounts.c ----------------------------------------------------------------------------------------------------- */

/* A mount of config.json; options are separated by commas. */
struct do_mount {
    const char *destination, *type, *source, *options; /* source may be NULL */
};

struct do_mounts {
    struct do_mount *items;
    size_t count, room;
};

/* Where the sandbox has postern-init, the first process. */
#define DO_INIT_PATH "/dev/postern-init"

/* `cwd` is the command's folder, without links, `home` the user's. Everything is in the arena. */
int do_mounts_make(struct arena *arena, const struct do_options *options, const char *cwd, const char *home,
                   struct do_mounts *ret_mounts, struct error *error);

/* -- config.c ----------------------------------------------------------------------------------------------------- */

struct do_plan {
    const struct do_options *options;
    const struct do_user *user;
    const struct do_mounts *mounts;
    const char *const *environment;
    const char *cwd, *hostname;
    bool terminal;
};

/* Writes config.json to the file. */
int do_config_write(const struct do_plan *plan, FILE *file, struct error *error);

#endif
