/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synthetic filesystems (procfs, sysfs, the cgroup folder) from tables: one line an entry. This file knows trees,
 * attributes, listing and opening; what the entries say is the tables' business.
 *
 * A file has one of three means (docs/architecture.md, DESIGN section 4):
 *   SYNTH_REAL      the file of the same name in the guest's own procfs, opened by us and given away. Only for files
 * whose content is right as it stands, for whoever holds them, for as long as they hold them. SYNTH_LIVE      generated
 * at each reading, by the FUSE thread (see fuse.h for what its generators may use); a snapshot where there is no FUSE.
 *   SYNTH_SNAPSHOT  generated once, at open, by the main thread, into a sealed memory file.
 */
#ifndef SENTRY_FS_SYNTHFS_H
#define SENTRY_FS_SYNTHFS_H

#include "sentry/fs/procfs_text.h"
#include "sentry/vfs/vfs.h"

enum synth_means {
    SYNTH_DIRECTORY = 0, /* so that a zeroed entry is one */
    SYNTH_LINK,          /* symbolic link: generate() (or argument) is its target */
    SYNTH_MAGIC,         /* magic link: follow() leads to an object, generate() only names it */
    SYNTH_SNAPSHOT,
    SYNTH_LIVE,
    SYNTH_REAL,
};

enum {
    SYNTH_CHECKED = 1,  /* whoever opens, reads or follows it must pass the tree's access check (ptrace, in procfs) */
    SYNTH_OPTIONAL = 2, /* SYNTH_REAL: not shown where the host kernel has no such file */
    SYNTH_OWN = 4,      /* the process it is of may use it whatever its ids: it may have given up those that own it */
};

/* Whose entry it is, where entries exist once a process, thread or descriptor; zeros elsewhere. */
struct synth_subject {
    pid_t vpid, vtid; /* vtid 0: the process as a whole */
    int number;       /* the descriptor, CPU, ... */
};

/* What a generator or writer is told. */
struct synth_source {
    struct sentry *sentry;
    const struct synth_entry *entry;
    struct synth_subject subject;
    const struct vfs_who *who; /* who asks. NULL in the FUSE thread and where the vfs does not say */
    pid_t reader;              /* SYNTH_LIVE: the thread that reads, as the sandbox's pid namespace numbers it; or 0 */
    uint32_t ids[8];           /* SYNTH_LIVE: the subject's uids and gids when it was opened, should it be gone later */
};

struct synth_entry {
    const char *path; /* below the tree's root; folders on the way need no line of their own */
    mode_t mode;      /* permission bits */
    unsigned char means, flags;
    int (*generate)(const struct synth_source *source, struct text *text);
    bool (*keeps)(const struct synth_source *source); /* SYNTH_LIVE: may the reader be shown what was made earlier? NULL: yes */
    int (*store)(const struct synth_source *source, const char *data, size_t size);
    int (*follow)(const struct synth_source *source, struct dentry **ret_dentry, int *ret_fd);
    int (*attributes)(const struct synth_source *source, struct statx *attributes); /* corrects them; -errno: gone */
    const struct synth_numbered *numbered; /* folders: what is in there besides the table's entries */
    const void *argument;                  /* without generate(): the content, a string */
};

/* Entries of a folder that are numbered: processes, threads, descriptors, CPUs. Their names are decimal numbers unless
 * `name` and `number` say otherwise. */
struct synth_numbered {
    struct synth_tree *tree; /* what each is: a folder, or the tree's root entry if that has another means */
    /* Allocates the numbers there are, ascending. */
    int (*list)(const struct synth_source *folder, int **ret_numbers, size_t *ret_count);
    bool (*exists)(const struct synth_source *folder, int number);
    struct synth_subject (*subject)(const struct synth_subject *folder, int number);
    void (*name)(const struct synth_source *folder, int number, char *buffer, size_t size);
    int (*number)(const struct synth_source *folder, const char *name); /* -1: none has that name */
};

enum { SYNTH_TABLES_MAX = 8 };

struct synth_node {
    const struct synth_entry *entry;
    const char *name; /* not NUL-terminated: name_length bytes */
    size_t name_length;
    uint32_t index; /* within the tree: part of inode numbers */
    uint32_t child_count;
    struct synth_node *parent, *children, *next;
};

struct synth_tree {
    const struct synth_entry *tables[SYNTH_TABLES_MAX]; /* each ends with an entry without a path */
    struct synth_node *root;                            /* made by synth_tree_build */
};

struct synth_filesystem {
    const char *name;
    struct synth_tree *tree;
    uint32_t magic;        /* statfs f_type */
    uint32_t device_minor; /* st_dev 0:N, as mountinfo says too */
    /* SYNTH_REAL: opens `source`'s file with `flags`. */
    int (*open_real)(const struct synth_source *source, int flags, int *ret_fd);
    /* SYNTH_OPTIONAL: whether it is there. */
    bool (*present)(const struct synth_source *source);
    /* SYNTH_CHECKED: 0 or -errno. */
    int (*check)(const struct synth_source *source);
    /* Folders of processes: 0, or -errno if it is kept from who asks. */
    int (*hides)(const struct synth_source *source, bool looks);
    /* The owner of entries that belong to a process; -errno: it is gone. */
    int (*owner)(const struct synth_source *source, uid_t *ret_uid, gid_t *ret_gid);
    /* For whoever opens for writing what has no writer, and may: what each write gets then; 0 refuses the opening
     * (EACCES), and so does NULL. */
    int (*write_error)(const struct synth_source *source);
    /* Before a live file is opened: fills in source->ids. */
    void (*prepare)(struct synth_source *source);
};

/* Device numbers of our filesystems: far above what a host hands out, so that they never meet a real one's. */
enum {
    SYNTH_DEVICE_CGROUP_V1 = 0xffe00, /* and the mount's index */
    SYNTH_DEVICE_PROC = 0xffff0,
    SYNTH_DEVICE_SYS = 0xffff1,
    SYNTH_DEVICE_CGROUP = 0xffff2,
    SYNTH_DEVICE_MASK = 0xffff3
};

/* Makes tree->root from its tables, once. 0, -ENOMEM, or -EINVAL (two lines for one path). */
int synth_tree_build(struct synth_tree *tree);

/* The child of a node by name, or NULL. */
const struct synth_node *synth_node_child(const struct synth_node *node, const char *name);
/* A name as a number of a numbered folder: decimal, no leading zero. -1 if it is none. */
int synth_name_number(const char *name);

/* Mounts at an absolute path of the guest's tree. The filesystem object must live for ever. */
int synthfs_mount(struct sentry *sentry, const struct synth_filesystem *filesystem, const char *path);

/* An O_PATH descriptor that stands for a synthetic file or link: it carries the path, and nothing can be read from it.
 */
int synth_open_path(struct vfs *vfs, struct dentry *dentry, int proc_outer, int *ret_fd);

/* Appends the content of an entry: generate() or the argument. */
int synth_generate(const struct synth_source *source, struct text *text);

/* boot->masked and boot->readonly: after every mount. */
int synth_masks_apply(struct sentry *sentry);

/* Lines of tables. */
#define SYNTH_DIR(path_, ...)                                                                                          \
    {                                                                                                                  \
        .path = (path_), .mode = 0555, .means = SYNTH_DIRECTORY, __VA_ARGS__                                           \
    }
#define SYNTH_LINK_TO(path_, target)                                                                                   \
    {                                                                                                                  \
        .path = (path_), .mode = 0777, .means = SYNTH_LINK, .argument = (target)                                       \
    }
#define SYNTH_TEXT(path_, mode_, text_)                                                                                \
    {                                                                                                                  \
        .path = (path_), .mode = (mode_), .means = SYNTH_SNAPSHOT, .argument = (text_)                                 \
    }
#define SYNTH_FILE(path_, mode_, means_, ...)                                                                          \
    {                                                                                                                  \
        .path = (path_), .mode = (mode_), .means = (means_), __VA_ARGS__                                               \
    }

#endif
