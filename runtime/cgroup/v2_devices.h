/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of cgroup_v2_devices, apart for the units. */
#ifndef RUNTIME_CGROUP_V2_DEVICES_H
#define RUNTIME_CGROUP_V2_DEVICES_H

#include <linux/bpf.h>
#include <stddef.h>

struct cgroup_device_rule;

/* The program is allocated. */
int cgroup_devices_program(const struct cgroup_device_rule *rules, size_t count, struct bpf_insn **ret_program,
                           size_t *ret_count);
/* A descriptor, or -errno. */
int cgroup_devices_load(const struct bpf_insn *program, size_t count);
int cgroup_devices_attach(const char *folder, int program);

#endif
