/* SPDX-License-Identifier: Apache-2.0 */
/* The guards routes.def names: one list makes their numbers, lib/guards.c their data. */
#ifndef LIB_GUARDS_H
#define LIB_GUARDS_H

#include "postern/guards.h"

enum guard_number {
    GUARD_none,
    GUARD_fstat,
    GUARD_mmap,
    GUARD_madvise,
    GUARD_clock,
    GUARD_rwf,
    GUARD_ioctl,
    GUARD_socket,
    GUARD_sendto,
    GUARD_recvfrom,
    GUARD_sendmmsg,
    GUARD_recvmsg,
    GUARD_setsockopt,
    GUARD_getsockopt,
    GUARD_clone,
    GUARD_close_range,
    GUARD_fcntl,
    GUARD_futex,
    GUARD_prctl,
    GUARD_arch_prctl,
    GUARD_rlimit,
    GUARD_set_rlimit,
    GUARD_prlimit64,
    GUARD_own_thread,
    GUARD_memfd_create,
    GUARD_COUNT,
};

extern const struct guard guards[GUARD_COUNT];

#endif
