/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that change credentials: setuid(2) and its family, capset(2), and the credential options of prctl(2). */
#include "sentry/kernel/cred.h"

#include <errno.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#define BIT(capability) (UINT64_C(1) << (capability))

/* What follows the file system user id (capabilities(7)). */
static const uint64_t FILE_CAPS = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) |
                                  BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE) | BIT(CAP_MKNOD);

static const unsigned int KNOWN_SECUREBITS = SECURE_ALL_BITS | SECURE_ALL_LOCKS;
static const unsigned int LOCK_BITS = SECURE_ALL_LOCKS;

static const uid_t KEEP = (uid_t)-1;

static bool is_securebit(const struct cred *cred, unsigned int bit)
{
    return (cred->securebits >> bit & 1) != 0;
}

static bool any_root(const struct cred *cred)
{
    return cred->ruid == 0 || cred->euid == 0 || cred->suid == 0;
}

void cred_fix_caps_after_setuid(struct cred *changed, const struct cred *before)
{
    if (is_securebit(changed, SECURE_NO_SETUID_FIXUP))
        return;
    if (any_root(before) && !any_root(changed)) {
        if (!changed->keep_caps) {
            changed->cap_permitted = 0;
            changed->cap_effective = 0;
        }
        changed->cap_ambient = 0; /* whatever keep_caps says: it is older than ambient capabilities */
    }
    if (before->euid == 0 && changed->euid != 0)
        changed->cap_effective = 0;
    if (before->euid != 0 && changed->euid == 0)
        changed->cap_effective = changed->cap_permitted;
}

/* The ids a change starts from: the fix-up compares them with the result. */
static struct cred snapshot_ids(const struct cred *cred)
{
    return (struct cred){.ruid = cred->ruid, .euid = cred->euid, .suid = cred->suid, .fsuid = cred->fsuid};
}

int cred_setuid(struct cred *cred, uid_t uid)
{
    struct cred before = snapshot_ids(cred);
    if (uid == KEEP)
        return -EINVAL;
    if (cred_capable(cred, CAP_SETUID)) {
        cred->ruid = uid;
        cred->suid = uid;
    } else if (uid != cred->ruid && uid != cred->suid) {
        return -EPERM;
    }
    cred->euid = uid;
    cred->fsuid = uid;
    cred_fix_caps_after_setuid(cred, &before);
    return 0;
}

int cred_setreuid(struct cred *cred, uid_t ruid, uid_t euid)
{
    struct cred before = snapshot_ids(cred);
    bool capable = cred_capable(cred, CAP_SETUID);
    if (ruid != KEEP && ruid != before.ruid && ruid != before.euid && !capable)
        return -EPERM;
    if (euid != KEEP && euid != before.ruid && euid != before.euid && euid != before.suid && !capable)
        return -EPERM;
    if (ruid != KEEP)
        cred->ruid = ruid;
    if (euid != KEEP)
        cred->euid = euid;
    if (ruid != KEEP || (euid != KEEP && euid != before.ruid))
        cred->suid = cred->euid;
    cred->fsuid = cred->euid;
    cred_fix_caps_after_setuid(cred, &before);
    return 0;
}

static bool is_own_uid(const struct cred *cred, uid_t uid)
{
    return uid == KEEP || uid == cred->ruid || uid == cred->euid || uid == cred->suid;
}

int cred_setresuid(struct cred *cred, uid_t ruid, uid_t euid, uid_t suid)
{
    struct cred before = snapshot_ids(cred);
    if ((ruid == KEEP || ruid == cred->ruid) && (suid == KEEP || suid == cred->suid) &&
        (euid == KEEP || (euid == cred->euid && euid == cred->fsuid)))
        return 0; /* not even the fsuid follows */
    bool own = is_own_uid(cred, ruid) && is_own_uid(cred, euid) && is_own_uid(cred, suid);
    if (!own && !cred_capable(cred, CAP_SETUID))
        return -EPERM;
    if (ruid != KEEP)
        cred->ruid = ruid;
    if (euid != KEEP)
        cred->euid = euid;
    if (suid != KEEP)
        cred->suid = suid;
    cred->fsuid = cred->euid;
    cred_fix_caps_after_setuid(cred, &before);
    return 0;
}

int cred_setfsuid(struct cred *cred, uid_t fsuid)
{
    if (fsuid == KEEP)
        return -EINVAL;
    if (!is_own_uid(cred, fsuid) && fsuid != cred->fsuid && !cred_capable(cred, CAP_SETUID))
        return -EPERM;
    uid_t before = cred->fsuid;
    cred->fsuid = fsuid;
    if (is_securebit(cred, SECURE_NO_SETUID_FIXUP))
        return 0;
    if (before == 0 && fsuid != 0)
        cred->cap_effective &= ~FILE_CAPS;
    if (before != 0 && fsuid == 0)
        cred->cap_effective |= cred->cap_permitted & FILE_CAPS;
    return 0;
}

int cred_setgid(struct cred *cred, gid_t gid)
{
    if (gid == KEEP)
        return -EINVAL;
    if (cred_capable(cred, CAP_SETGID)) {
        cred->rgid = gid;
        cred->sgid = gid;
    } else if (gid != cred->rgid && gid != cred->sgid) {
        return -EPERM;
    }
    cred->egid = gid;
    cred->fsgid = gid;
    return 0;
}

int cred_setregid(struct cred *cred, gid_t rgid, gid_t egid)
{
    bool capable = cred_capable(cred, CAP_SETGID);
    gid_t old_rgid = cred->rgid;
    if (rgid != KEEP && rgid != cred->rgid && rgid != cred->egid && !capable)
        return -EPERM;
    if (egid != KEEP && egid != cred->rgid && egid != cred->egid && egid != cred->sgid && !capable)
        return -EPERM;
    if (rgid != KEEP)
        cred->rgid = rgid;
    if (egid != KEEP)
        cred->egid = egid;
    if (rgid != KEEP || (egid != KEEP && egid != old_rgid))
        cred->sgid = cred->egid;
    cred->fsgid = cred->egid;
    return 0;
}

static bool is_own_gid(const struct cred *cred, gid_t gid)
{
    return gid == KEEP || gid == cred->rgid || gid == cred->egid || gid == cred->sgid;
}

int cred_setresgid(struct cred *cred, gid_t rgid, gid_t egid, gid_t sgid)
{
    if ((rgid == KEEP || rgid == cred->rgid) && (sgid == KEEP || sgid == cred->sgid) &&
        (egid == KEEP || (egid == cred->egid && egid == cred->fsgid)))
        return 0;
    bool own = is_own_gid(cred, rgid) && is_own_gid(cred, egid) && is_own_gid(cred, sgid);
    if (!own && !cred_capable(cred, CAP_SETGID))
        return -EPERM;
    if (rgid != KEEP)
        cred->rgid = rgid;
    if (egid != KEEP)
        cred->egid = egid;
    if (sgid != KEEP)
        cred->sgid = sgid;
    cred->fsgid = cred->egid;
    return 0;
}

int cred_setfsgid(struct cred *cred, gid_t fsgid)
{
    if (fsgid == KEEP)
        return -EINVAL;
    if (!is_own_gid(cred, fsgid) && fsgid != cred->fsgid && !cred_capable(cred, CAP_SETGID))
        return -EPERM;
    cred->fsgid = fsgid;
    return 0;
}

int cred_capset(struct cred *cred, uint64_t permitted, uint64_t effective, uint64_t inheritable)
{
    permitted &= CRED_CAP_FULL;
    effective &= CRED_CAP_FULL;
    inheritable &= CRED_CAP_FULL;
    if ((inheritable & ~(cred->cap_inheritable | cred->cap_permitted)) != 0 && !cred_capable(cred, CAP_SETPCAP))
        return -EPERM;
    if ((inheritable & ~(cred->cap_inheritable | cred->cap_bounding)) != 0)
        return -EPERM;
    if ((permitted & ~cred->cap_permitted) != 0 || (effective & ~permitted) != 0)
        return -EPERM;
    cred->cap_permitted = permitted;
    cred->cap_effective = effective;
    cred->cap_inheritable = inheritable;
    cred->cap_ambient &= permitted & inheritable;
    return 0;
}

int cred_drop_bounding(struct cred *cred, uint64_t capability)
{
    if (!cred_capable(cred, CAP_SETPCAP))
        return -EPERM;
    if (capability > CRED_CAP_LAST)
        return -EINVAL;
    cred->cap_bounding &= ~BIT(capability);
    return 0;
}

unsigned int cred_securebits(const struct cred *cred)
{
    return cred->securebits | (cred->keep_caps ? 1u << SECURE_KEEP_CAPS : 0);
}

int cred_set_securebits(struct cred *cred, uint64_t securebits)
{
    unsigned int now = cred_securebits(cred);
    unsigned int frozen = (now & LOCK_BITS) >> 1;
    if ((frozen & (now ^ securebits)) != 0 || (now & LOCK_BITS & ~securebits) != 0 ||
        (securebits & ~(uint64_t)KNOWN_SECUREBITS) != 0 || !cred_capable(cred, CAP_SETPCAP))
        return -EPERM;
    cred->keep_caps = (securebits >> SECURE_KEEP_CAPS & 1) != 0;
    cred->securebits = (unsigned int)securebits & ~(1u << SECURE_KEEP_CAPS);
    return 0;
}

int cred_set_keep_caps(struct cred *cred, uint64_t keep)
{
    if (keep > 1)
        return -EINVAL;
    if (is_securebit(cred, SECURE_KEEP_CAPS_LOCKED))
        return -EPERM;
    cred->keep_caps = keep != 0;
    return 0;
}

int cred_raise_ambient(struct cred *cred, uint64_t capability)
{
    if (capability > CRED_CAP_LAST)
        return -EINVAL;
    if ((cred->cap_permitted & cred->cap_inheritable & BIT(capability)) == 0 ||
        is_securebit(cred, SECURE_NO_CAP_AMBIENT_RAISE))
        return -EPERM;
    cred->cap_ambient |= BIT(capability);
    return 0;
}

int cred_lower_ambient(struct cred *cred, uint64_t capability)
{
    if (capability > CRED_CAP_LAST)
        return -EINVAL;
    cred->cap_ambient &= ~BIT(capability);
    return 0;
}
