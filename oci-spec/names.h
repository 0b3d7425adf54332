/* SPDX-License-Identifier: Apache-2.0 */
/* The words config.json uses for numbers of the kernel. */
#ifndef OCI_SPEC_NAMES_H
#define OCI_SPEC_NAMES_H

#include <stdint.h>

struct name {
    const char *text;
    int64_t value;
};

/* One vocabulary; the last name's text is NULL. */
struct name_table {
    const char *what; /* for errors: "namespace type" */
    const struct name *names;
};

extern const struct name_table capability_names, device_rule_type_names, device_type_names, io_priority_names,
    memory_flag_names, memory_policy_names, namespace_names, personality_names, propagation_names, rlimit_names, scheduler_flag_names, scheduler_policy_names,
    seccomp_action_names, seccomp_arch_names, seccomp_flag_names, seccomp_operator_names;

/* Returns 0 or -ENOENT. */
int name_lookup(const struct name_table *table, const char *text, int64_t *ret_value);

/* The other way round; NULL if there is none. */
const char *name_of(const struct name_table *table, int64_t value);

/* Copies text into a buffer for an error message: control characters become '?', what is too long ends in "...". */
enum { SHOWN_MAX = 80 };
const char *shown(char buffer[SHOWN_MAX], const char *text);

#endif
