/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp programs from rules: a binary search over call numbers, then the rule's cases in order, then its "otherwise".
 * libseccomp is not used for this: it has no "otherwise" per call (only one default for the whole filter), which is
 * what a guarded route needs, and it takes milliseconds where this takes microseconds.
 */
#ifndef LIB_BPF_H
#define LIB_BPF_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/routes.h"

struct bpf_rule {
    int nr;
    uint32_t verdict;               /* if any case holds, or if there is none */
    uint32_t otherwise;             /* if no case holds */
    const struct guard_case *cases; /* the terms' masks lie within 32 bits, unless the term is GUARD_EQ */
    size_t case_count;
};

/* Rules are sorted by number, without duplicates. Calls of another architecture get `foreign`, those in no rule, x32's
 * numbers among them, get `unlisted`. *ret_program's memory is the caller's to free. Returns 0, -ENOMEM, -EINVAL (rules
 * unsorted or not expressible) or -E2BIG (more than the kernel takes). */
int bpf_build(const struct bpf_rule *rules, size_t count, uint32_t unlisted, uint32_t foreign,
              struct sock_fprog *ret_program);

#endif
