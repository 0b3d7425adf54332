/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version 2 has no files for devices: a BPF program attached to the cgroup is asked at every opening and making of a
 * node. Ours walks the rules from the last to the first; the first that speaks of a kind of access decides it.
 *
 * Registers: r2 the type, r3 the accesses not decided yet, r4 and r5 the numbers, r0 the verdict.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"
#include "runtime/cgroup/v2_devices.h"
#include "runtime/ids/user_namespace.h"

enum { RULE_INSTRUCTIONS = 10, FRAME_INSTRUCTIONS = 16 };

static struct bpf_insn instruction(uint8_t code, unsigned target, unsigned source, int16_t offset, int32_t value)
{
    struct bpf_insn made = {.code = code, .off = offset, .imm = value};
    made.dst_reg = target & 15U;
    made.src_reg = source & 15U;
    return made;
}

#define LOAD(register_, field)                                                                                         \
    instruction(BPF_LDX | BPF_W | BPF_MEM, register_, BPF_REG_1, (int16_t)offsetof(struct bpf_cgroup_dev_ctx, field), 0)
#define UNLESS_EQUAL(register_, value, skip) instruction(BPF_JMP32 | BPF_JNE | BPF_K, register_, 0, skip, value)
#define COPY(target, source)                 instruction(BPF_ALU | BPF_MOV | BPF_X, target, source, 0, 0)
#define AND(register_, value)                instruction(BPF_ALU | BPF_AND | BPF_K, register_, 0, 0, value)
#define EXIT_WITH(verdict)                                                                                             \
    instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict), instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* Loads what was asked; access_type is (access << 16) | type. */
static size_t put_head(struct bpf_insn *at)
{
    const struct bpf_insn head[] = {
        LOAD(BPF_REG_2, access_type), COPY(BPF_REG_3, BPF_REG_2),
        AND(BPF_REG_2, 0xffff),       instruction(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16),
        LOAD(BPF_REG_4, major),       LOAD(BPF_REG_5, minor),
    };
    memcpy(at, head, sizeof(head));
    return sizeof(head) / sizeof(head[0]);
}

/* A rule that allows strikes its accesses from those asked, and says yes when none is left; one that denies says no to
 * any. */
static size_t put_rule(struct bpf_insn *at, const struct cgroup_device_rule *rule)
{
    struct bpf_insn body[RULE_INSTRUCTIONS];
    size_t count = 0, tests = 0;
    if (rule->type != 'a')
        body[count++] = UNLESS_EQUAL(BPF_REG_2, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, 0);
    if (rule->major >= 0)
        body[count++] = UNLESS_EQUAL(BPF_REG_4, (int32_t)rule->major, 0);
    if (rule->minor >= 0)
        body[count++] = UNLESS_EQUAL(BPF_REG_5, (int32_t)rule->minor, 0);
    tests = count;
    if (rule->allow) {
        const struct bpf_insn allow[] = {AND(BPF_REG_3, (int32_t)(~rule->access & CGROUP_DEVICE_ALL)),
                                         UNLESS_EQUAL(BPF_REG_3, 0, 2), EXIT_WITH(1)};
        memcpy(body + count, allow, sizeof(allow));
        count += sizeof(allow) / sizeof(allow[0]);
    } else {
        const struct bpf_insn deny[] = {COPY(BPF_REG_0, BPF_REG_3), AND(BPF_REG_0, (int32_t)rule->access),
                                        instruction(BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0), EXIT_WITH(0)};
        memcpy(body + count, deny, sizeof(deny));
        count += sizeof(deny) / sizeof(deny[0]);
    }
    for (size_t i = 0; i < tests; i++)
        body[i].off = (int16_t)(count - i - 1);
    memcpy(at, body, count * sizeof(body[0]));
    return count;
}

int cgroup_devices_program(const struct cgroup_device_rule *rules, size_t count, struct bpf_insn **ret_program,
                           size_t *ret_count)
{
    auto_free struct bpf_insn *program = calloc(count * RULE_INSTRUCTIONS + FRAME_INSTRUCTIONS, sizeof(*program));
    if (program == NULL)
        return -ENOMEM;
    size_t used = put_head(program);
    for (size_t i = count; i > 0; i--) {
        used += put_rule(program + used, &rules[i - 1]);
        if (rules[i - 1].type == 'a') /* decides all that is left: the verifier would refuse what nothing reaches */
            break;
    }
    const struct bpf_insn tail[] = {EXIT_WITH(0)};
    memcpy(program + used, tail, sizeof(tail));
    *ret_count = used + sizeof(tail) / sizeof(tail[0]);
    *ret_program = take_ptr(program);
    return 0;
}

static int bpf_call(int command, union bpf_attr *attributes)
{
    int result = (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
    return result < 0 ? -errno : result;
}

int cgroup_devices_load(const struct bpf_insn *program, size_t count)
{
    static const char license[] = "Apache-2.0";
    union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE};
    attributes.insns = (uintptr_t)program;
    attributes.insn_cnt = (uint32_t)count;
    attributes.license = (uintptr_t)license;
    (void)snprintf(attributes.prog_name, sizeof(attributes.prog_name), "postern_devices");
    return bpf_call(BPF_PROG_LOAD, &attributes);
}

int cgroup_devices_attach(const char *folder, int program)
{
    auto_close int target = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target < 0)
        return -errno;
    union bpf_attr attributes = {0};
    attributes.target_fd = (uint32_t)target;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI; /* those above and below have a say of their own */
    return bpf_call(BPF_PROG_ATTACH, &attributes);
}

int cgroup_v2_devices(const struct cgroup *cgroup, const struct cgroup_device_rule *rules, size_t count,
                      struct error *error)
{
    char folder[PATH_MAX];
    auto_free struct bpf_insn *program = NULL;
    size_t length;
    int result = cgroup_file(cgroup, cgroup_find(cgroup, ""), NULL, folder);
    if (result == 0)
        result = cgroup_devices_program(rules, count, &program, &length);
    if (result < 0)
        return error_set(error, result, "linux.resources.devices");

    auto_close int fd = cgroup_devices_load(program, length);
    result = fd < 0 ? fd : cgroup_devices_attach(folder, fd);
    if (result == -EPERM && !user_namespace_is_root())
        return 0; /* an ordinary user opens no device as it is, but what file modes allow */
    return result < 0 ? error_set(error, result, "linux.resources.devices: cannot attach a BPF program to %s", folder)
                      : 0;
}
