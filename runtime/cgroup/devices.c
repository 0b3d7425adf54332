/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "runtime/cgroup/tree.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Making a node is harmless: opening it is what is limited. Who forbids single devices only may forbid this too. */
static const struct cgroup_device_rule any_node[] = {
    {true, 'c', -1, -1, CGROUP_DEVICE_MKNOD},
    {true, 'b', -1, -1, CGROUP_DEVICE_MKNOD},
};

/* What programs everywhere expect. */
static const struct cgroup_device_rule usual[] = {
    {true, 'c', 1, 3, CGROUP_DEVICE_ALL},    /* null */
    {true, 'c', 1, 5, CGROUP_DEVICE_ALL},    /* zero */
    {true, 'c', 1, 7, CGROUP_DEVICE_ALL},    /* full */
    {true, 'c', 1, 8, CGROUP_DEVICE_ALL},    /* random */
    {true, 'c', 1, 9, CGROUP_DEVICE_ALL},    /* urandom */
    {true, 'c', 5, 0, CGROUP_DEVICE_ALL},    /* tty */
    {true, 'c', 5, 2, CGROUP_DEVICE_ALL},    /* ptmx */
    {true, 'c', 136, -1, CGROUP_DEVICE_ALL}, /* pts */
};

/* The letters may come in any order, among others. */
static unsigned access_bits(const char *access)
{
    unsigned bits = 0;
    if (access == NULL || access[0] == '\0')
        return CGROUP_DEVICE_ALL;
    bits |= strchr(access, 'r') != NULL ? CGROUP_DEVICE_READ : 0U;
    bits |= strchr(access, 'w') != NULL ? CGROUP_DEVICE_WRITE : 0U;
    bits |= strchr(access, 'm') != NULL ? CGROUP_DEVICE_MKNOD : 0U;
    return bits;
}

static int64_t number_of(const struct oci_optional_i64 *number)
{
    return number->set ? number->value : -1;
}

/* A rule for all kinds is about everything, whatever else it says; so the kernel's version 1 has it. */
static struct cgroup_device_rule rule_of(const struct oci_device_rule *rule)
{
    if (rule->type == 'a' || rule->type == 0)
        return (struct cgroup_device_rule){rule->allow, 'a', -1, -1, CGROUP_DEVICE_ALL};
    return (struct cgroup_device_rule){rule->allow, (char)rule->type, number_of(&rule->major), number_of(&rule->minor),
                                       access_bits(rule->access)};
}

int cgroup_device_rules(const struct oci_resources *resources, struct cgroup_device_rule **ret_rules, size_t *ret_count)
{
    size_t count = resources != NULL ? resources->devices.count : 0;
    bool allow = false; /* what no rule speaks of */
    auto_free struct cgroup_device_rule *rules = calloc(count + COUNT(any_node) + COUNT(usual), sizeof(*rules));
    if (rules == NULL)
        return -ENOMEM;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cgroup_device_rule rule = rule_of(&resources->devices.items[i]);
        allow = rule.type == 'a' ? rule.allow : allow;
        if (rule.access != 0) /* else it speaks of letters nobody knows, as in runc */
            rules[kept++] = rule;
    }
    count = kept;
    if (!allow) {
        memcpy(rules + count, any_node, sizeof(any_node));
        count += COUNT(any_node);
    }
    memcpy(rules + count, usual, sizeof(usual));
    *ret_rules = take_ptr(rules);
    *ret_count = count + COUNT(usual);
    return 0;
}
