/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the cgroup code share: the mounted hierarchies, the container's folder in each of them, and their
 * files. Everything is found through a mount table given as a path, so that the units can run it on folders of their
 * own.
 */
#ifndef RUNTIME_CGROUP_TREE_H
#define RUNTIME_CGROUP_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "oci-spec/oci.h"

struct error;

enum {
    CGROUP_PLACES_MAX = 24,
    CGROUP_FILE_MAX = 64 * 1024, /* bytes read of a file */
    CGROUP_DEPTH_MAX = 32,       /* folders in folders that are walked */
};

struct cgroup_place {
    char controllers[64]; /* "cpu,cpuacct", "name=systemd"; "" is the version 2 tree */
    char mount[256];
};

struct cgroup {
    bool unified; /* version 2 alone: one place */
    size_t count;
    struct cgroup_place places[CGROUP_PLACES_MAX];
    char path[PATH_MAX]; /* below each place's mount: begins with a slash, is clean and not the root */
};

/* Reads the mount table (NULL: our own). -ENOENT if no cgroup is mounted, -EINVAL if the path is not one of a
 * container. */
int cgroup_open(const char *mountinfo, const char *path, struct cgroup *ret_cgroup, struct error *error);

/* The place of a controller, or NULL. "" is the version 2 tree. */
const struct cgroup_place *cgroup_find(const struct cgroup *cgroup, const char *controller);
/* The one whose list of processes counts. */
const struct cgroup_place *cgroup_main_place(const struct cgroup *cgroup);
bool cgroup_place_has(const struct cgroup_place *place, const char *controller);

/* MOUNT PATH/FILE; file NULL: the folder. 0 or -ENAMETOOLONG. */
int cgroup_file(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, char *ret_path);
int cgroup_write(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, const char *text);
/* The whole file, NUL-terminated and allocated. */
int cgroup_read(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, char **ret_text);
/* The first number of a file ("max" is UINT64_MAX); and the one after a word at the beginning of a line ("oom_kill 3").
 */
int cgroup_read_number(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file,
                       uint64_t *ret_value);
int cgroup_read_key(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, const char *key,
                    uint64_t *ret_value);
bool cgroup_exists(const struct cgroup *cgroup, const struct cgroup_place *place);

int cgroup_write_path(const char *path, const char *text);
int cgroup_read_path(const char *path, char **ret_text);

/* One text for one file, in the order in which they are to be written. */
struct cgroup_setting {
    char field[48]; /* below linux.resources: "memory.limit" */
    char file[96];  /* "cpu.shares"; with a '|': the second if the first is not there, and so with text */
    char *text;
    unsigned flags;
};

enum cgroup_setting_flags {
    SETTING_NO_LIMIT = 1,   /* if the file is missing, there is nothing to lift */
    SETTING_VERIFY = 2,     /* the kernel rounds it to its limits silently: read it back */
    SETTING_OPTIONAL = 4,   /* not in every kernel that has the controller */
    SETTING_KEEP_FIRST = 8, /* goes behind the first word of what the file has now */
};

struct cgroup_settings {
    struct cgroup_setting *items;
    size_t count, room;
};

/* From the configuration to files, for version 1 or 2. Nothing is written. Free with cgroup_settings_free, also on
 * failure. */
int cgroup_settings_build(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                          struct error *error);
int cgroup_setting_add(struct cgroup_settings *settings, const char *field, const char *file, unsigned flags,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));
void cgroup_settings_free(struct cgroup_settings *settings);
#define auto_settings __attribute__((cleanup(cgroup_settings_free)))
/* Writes them; what the kernel refuses as contradicting another setting is tried again after the others. */
int cgroup_settings_apply(const struct cgroup *cgroup, const struct cgroup_settings *settings, struct error *error);

/* devices.c: the rules of the configuration and after them the devices every container has. */
struct cgroup_device_rule {
    bool allow;
    char type;            /* 'a', 'b' or 'c' */
    int64_t major, minor; /* -1: any */
    unsigned access;      /* CGROUP_DEVICE_* */
};
enum { CGROUP_DEVICE_MKNOD = 1, CGROUP_DEVICE_READ = 2, CGROUP_DEVICE_WRITE = 4, CGROUP_DEVICE_ALL = 7 };
int cgroup_device_rules(const struct oci_resources *resources, struct cgroup_device_rule **ret_rules,
                        size_t *ret_count);

/* One hierarchy's ways; the two of them are v1.c and v2.c. */
int cgroup_v1_make(const struct cgroup *cgroup, const struct cgroup_place *place, struct error *error);
int cgroup_v1_devices(const struct cgroup *cgroup, const struct cgroup_device_rule *rules, size_t count,
                      struct error *error);
int cgroup_v2_make(const struct cgroup *cgroup, const struct cgroup_place *place, struct error *error);
int cgroup_v2_devices(const struct cgroup *cgroup, const struct cgroup_device_rule *rules, size_t count,
                      struct error *error);

/* freezer.c; NULL if there is none. */
const struct cgroup_place *cgroup_freezer(const struct cgroup *cgroup);
int cgroup_freeze_in(const struct cgroup *cgroup, bool frozen, struct error *error);
bool cgroup_is_frozen_in(const struct cgroup *cgroup);
/* Would a process that goes there be frozen, be it on account of a folder above? */
bool cgroup_would_freeze(const struct cgroup *cgroup);

/* members.c: processes and folders. */
int cgroup_members(const struct cgroup *cgroup, const struct cgroup_place *place, pid_t **ret_pids, size_t *ret_count);
int cgroup_members_kill(const struct cgroup *cgroup);
int cgroup_folders_remove(const struct cgroup *cgroup, const struct cgroup_place *place);
int cgroup_remove_all(const struct cgroup *cgroup);

/* systemd.c: a scope that systemd makes around the container's folder; text is SLICE:PREFIX:NAME. */
int cgroup_systemd_open(const char *text, struct cgroup *ret_cgroup, struct error *error);
int cgroup_systemd_start(const char *text, const struct cgroup *cgroup, struct error *error);
/* The container's first process is in: the scope needs no other any more. */
void cgroup_systemd_joined(const struct cgroup *cgroup);
int cgroup_systemd_stop(const char *text, const struct cgroup *cgroup);

/* Of either driver. */
int cgroup_open_for(const char *path, bool systemd, struct cgroup *ret_cgroup, struct error *error);

/* The functions of cgroup.h on an opened cgroup. */
int cgroup_create_in(const struct cgroup *cgroup, const struct oci_resources *resources, struct error *error);
int cgroup_add_in(const struct cgroup *cgroup, pid_t pid, struct error *error);
int cgroup_update_in(const struct cgroup *cgroup, const struct oci_resources *resources, struct error *error);
int cgroup_stats_in(const struct cgroup *cgroup, FILE *out, struct error *error);

#endif
