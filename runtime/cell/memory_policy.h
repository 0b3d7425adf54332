/* SPDX-License-Identifier: Apache-2.0 */
/* linux.memoryPolicy: from which memory nodes processes get their pages. The kernel keeps it with a process and gives it to the
 * process's children, over execve too; so the runtime has it for a moment, while it starts a process of the container. */
#ifndef RUNTIME_CELL_MEMORY_POLICY_H
#define RUNTIME_CELL_MEMORY_POLICY_H

struct error;
struct oci_memory_policy;

/* NULL, and one without a mode: nothing to do. */
int memory_policy_set(const struct oci_memory_policy *policy, struct error *error);
void memory_policy_reset(const struct oci_memory_policy *policy);

#endif
