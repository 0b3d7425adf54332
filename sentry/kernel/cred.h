/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emulated credentials (credentials(7), capabilities(7)). Immutable once published and reference
 * counted: a change makes a copy. Natively every guest process is one unprivileged id.
 */
#ifndef SENTRY_KERNEL_CRED_H
#define SENTRY_KERNEL_CRED_H

#include <linux/capability.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CRED_CAP_LAST 40 /* CAP_CHECKPOINT_RESTORE */
#define CRED_CAP_FULL ((UINT64_C(1) << (CRED_CAP_LAST + 1)) - 1)

struct cred {
    atomic_uint references;
    uid_t ruid, euid, suid, fsuid;
    gid_t rgid, egid, sgid, fsgid;
    uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding, cap_ambient;
    unsigned int securebits;
    bool no_new_privs;
    bool keep_caps; /* PR_SET_KEEPCAPS; cleared by exec */
    size_t group_count;
    gid_t groups[]; /* sorted */
};

/* A new, private copy with room for group_count groups (copied as far as both have them).
 * NULL only if memory is out. */
struct cred *cred_new(size_t group_count);
struct cred *cred_copy(const struct cred *cred);
struct cred *cred_copy_with_groups(const struct cred *cred, const gid_t *groups, size_t count);
struct cred *cred_get(struct cred *cred);
struct cred *cred_put(struct cred *cred); /* accepts NULL, returns NULL */

bool cred_capable(const struct cred *cred, unsigned int capability); /* effective set */
bool cred_in_group(const struct cred *cred, gid_t gid);              /* fsgid or supplementary */

/* capabilities(7), "Effect of user ID changes on capabilities": adjusts `changed`, a private copy whose ids
 * have been set, from what they were in `before`. */
void cred_fix_caps_after_setuid(struct cred *changed, const struct cred *before);

struct file_caps {
    uint64_t permitted, inheritable;
    bool effective;
};

/* What of a program file counts for credentials. */
struct exec_file {
    uid_t owner;
    gid_t group;
    mode_t mode;
    const struct file_caps *caps; /* NULL: none */
    bool nosuid;  /* the mount says so */
    bool no_gain; /* the caller shall gain nothing by it, as with no_new_privs */
};

struct exec_result {
    struct cred *cred; /* private */
    bool secure;       /* AT_SECURE */
    bool gains;        /* ids changed or capabilities were gained, or would have been but for no_gain or no_new_privs */
    bool resets_personality;
};

/* capabilities(7), "Transformation of capabilities during execve()". 0, or -EPERM (file capabilities cannot be granted),
 * -ENOMEM. */
int cred_exec(const struct cred *before, const struct exec_file *file, struct exec_result *ret_result);

/* The value of a security.capability attribute (capabilities(7), revisions 1 to 3). 0, or -EINVAL if it is none the kernel
 * would accept. A revision 3 whose root is not id 0 gives -ENODATA: it belongs to another user namespace. */
int cred_parse_file_caps(const void *value, size_t size, struct file_caps *ret_caps);

/*
 * The rules of the calls that change credentials, on a private copy; 0 or -errno, then the copy is to be
 * thrown away. (uid_t)-1 means "leave it" where the call knows that.
 */
int cred_setuid(struct cred *cred, uid_t uid);
int cred_setreuid(struct cred *cred, uid_t ruid, uid_t euid);
int cred_setresuid(struct cred *cred, uid_t ruid, uid_t euid, uid_t suid);
int cred_setfsuid(struct cred *cred, uid_t fsuid);
int cred_setgid(struct cred *cred, gid_t gid);
int cred_setregid(struct cred *cred, gid_t rgid, gid_t egid);
int cred_setresgid(struct cred *cred, gid_t rgid, gid_t egid, gid_t sgid);
int cred_setfsgid(struct cred *cred, gid_t fsgid);
int cred_capset(struct cred *cred, uint64_t permitted, uint64_t effective, uint64_t inheritable);
int cred_drop_bounding(struct cred *cred, uint64_t capability);
int cred_set_securebits(struct cred *cred, uint64_t securebits); /* SECBIT_KEEP_CAPS included */
unsigned int cred_securebits(const struct cred *cred);           /* likewise */
int cred_set_keep_caps(struct cred *cred, uint64_t keep);
int cred_raise_ambient(struct cred *cred, uint64_t capability);
int cred_lower_ambient(struct cred *cred, uint64_t capability);

bool cred_equal(const struct cred *a, const struct cred *b);
/* Does a change make the process undumpable (commit_creds in Linux; PR_SET_DUMPABLE in prctl(2))? */
bool cred_change_hides(const struct cred *before, const struct cred *after);

/* kill(2): may `sender` signal `target`? SIGCONT in the same session is the caller's business. */
bool cred_may_signal(const struct cred *sender, const struct cred *target);

/* ptrace(2), "Ptrace access mode checking", REALCREDS or FSCREDS. */
bool cred_may_ptrace(const struct cred *who, const struct cred *target, bool target_dumpable, bool fscreds);

#endif
