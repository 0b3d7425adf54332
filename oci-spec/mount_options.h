/* SPDX-License-Identifier: Apache-2.0 */
/* The option strings of a mount in config.json, in the words of mount(8), turned into flags for mount(2) and
 * mount_setattr(2). */
#ifndef OCI_SPEC_MOUNT_OPTIONS_H
#define OCI_SPEC_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOUNT_DATA_MAX = 4095 }; /* mount(2) takes one page, its NUL included */

struct oci_mount_options {
    unsigned long flags;         /* MS_*; for a bind, MS_BIND and perhaps MS_REC are among them */
    unsigned long cleared;       /* MS_* an option took away by name ("rw", "suid"): matters for a remount of a bind */
    unsigned long propagation;   /* MS_PRIVATE, ... with MS_REC if said, 0: none asked for; the last one counts */
    uint64_t recursive_set;      /* MOUNT_ATTR_* of the recursive options ("rro") */
    uint64_t recursive_clear;    /* MOUNT_ATTR_* ("rrw") */
    bool idmap, recursive_idmap; /* "idmap", "ridmap" */
    bool copy_up;                /* "tmpcopyup": a tmpfs starts with what it covers */
    bool source_nofollow, destination_nofollow; /* crun's "src-nofollow", "dest-nofollow": of a bind, a link is what is meant */
    bool copy_symlink;           /* crun's "copy-symlink": of a bind, a link is made anew */
    char *data;                  /* what the file system itself must understand, joined by commas; NULL: nothing */
};

/* Understands one option and adds it to *options, except that file system data is reported by *ret_is_data and left
 * to the caller to join. Returns 0, or -EINVAL when the option cannot be right in itself (see *ret_reason, static
 * text). */
int mount_option_apply(struct oci_mount_options *options, const char *fs_type, const char *option, bool *ret_is_data,
                       const char **ret_reason);

/* The options understood here, by index; NULL after the last. */
const char *mount_option_name(size_t index);

/* Whether these options make a bind mount. */
bool mount_options_bind(const struct oci_mount_options *options);

#endif
