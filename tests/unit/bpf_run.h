/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a seccomp program as the kernel would: the subset of classic BPF that seccomp(2) accepts and we emit. */
#ifndef TESTS_UNIT_BPF_RUN_H
#define TESTS_UNIT_BPF_RUN_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>

#define BPF_RUN_BROKEN 0xdeadbeefu /* not a seccomp verdict: the program is malformed */

static inline uint32_t bpf_run(const struct sock_fprog *program, const struct seccomp_data *data)
{
    uint32_t accumulator = 0;
    for (size_t pc = 0; pc < program->len; pc++) {
        const struct sock_filter *at = &program->filter[pc];
        switch (at->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (at->k % 4 != 0 || at->k + 4 > sizeof(*data))
                return BPF_RUN_BROKEN;
            memcpy(&accumulator, (const char *)data + at->k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            accumulator &= at->k;
            break;
        case BPF_JMP | BPF_JA:
            pc += at->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += accumulator == at->k ? at->jt : at->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            pc += accumulator >= at->k ? at->jt : at->jf;
            break;
        case BPF_RET | BPF_K:
            return at->k;
        default:
            return BPF_RUN_BROKEN;
        }
    }
    return BPF_RUN_BROKEN;
}

#endif
