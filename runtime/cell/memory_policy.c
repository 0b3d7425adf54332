/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/memory_policy.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/error.h"
#include "runtime/base/numbers.h"

enum { NODES_MAX = 1024 }; /* the most a kernel can have */

int memory_policy_set(const struct oci_memory_policy *policy, struct error *error)
{
    uint64_t nodes[NODES_MAX / NUMBER_SET_BITS] = {0};
    const bool given = policy != NULL && policy->nodes != NULL && policy->nodes[0] != '\0';
    if (policy == NULL || (policy->mode == 0 && !given && policy->flags == 0))
        return 0;
    if (policy->mode == 0)
        return error_refuse(error, "linux.memoryPolicy.mode: required with nodes or flags: invalid memory policy mode");
    if (given && number_parse_set(policy->nodes, nodes, sizeof(nodes) / sizeof(nodes[0])) < 0)
        return error_refuse(error, "linux.memoryPolicy.nodes: \"%.60s\" is no list such as 0-3,7: invalid memory policy node", policy->nodes);
    const long mode = (policy->mode - OCI_MODE_OF_MPOL) | (long)policy->flags;
    if (syscall(SYS_set_mempolicy, mode, given ? nodes : NULL, given ? NODES_MAX : 0) == 0)
        return 0;
    return error_set(error, errno, "linux.memoryPolicy: set_mempolicy does not take it");
}

void memory_policy_reset(const struct oci_memory_policy *policy)
{
    if (policy != NULL)
        (void)syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
}
