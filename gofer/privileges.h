/* SPDX-License-Identifier: Apache-2.0 */
/* What the gofer keeps: set by runtime/mounts/gofer_setup.c, held against by gofer/confine.c. */
#ifndef GOFER_PRIVILEGES_H
#define GOFER_PRIVILEGES_H

#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>

#define GOFER_CAPABILITY(name) (UINT64_C(1) << (name))

/* Acting on files whoever owns them; LEASE finds writers of a program; SYS_CHROOT is for the names of sockets (bind.c); SETUID and SETGID are for setfsuid(2) and
 * setfsgid(2), the only calls of theirs the filter lets through. */
#define GOFER_CAPABILITIES                                                                                             \
    (GOFER_CAPABILITY(CAP_SYS_CHROOT) | GOFER_CAPABILITY(CAP_CHOWN) | GOFER_CAPABILITY(CAP_DAC_OVERRIDE) | GOFER_CAPABILITY(CAP_DAC_READ_SEARCH) |        \
     GOFER_CAPABILITY(CAP_FOWNER) | GOFER_CAPABILITY(CAP_FSETID) | GOFER_CAPABILITY(CAP_MKNOD) |                       \
     GOFER_CAPABILITY(CAP_SETFCAP) | GOFER_CAPABILITY(CAP_LEASE) | GOFER_CAPABILITY(CAP_SETUID) |                      \
     GOFER_CAPABILITY(CAP_SETGID))

/* Besides, where the container has it: how the guest's threads are scheduled (op_rank.c). */
#define GOFER_CAPABILITIES_RANKS GOFER_CAPABILITY(CAP_SYS_NICE)

/* Ids change without capabilities changing along, no id is special, and nothing of this can be undone. */
#define GOFER_SECUREBITS                                                                                               \
    (SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |                   \
     SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

#endif
