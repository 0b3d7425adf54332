/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"

enum {
    JUMP_MAX = 255,    /* a conditional jump's reach */
    CASE_CODE_MAX = 64, /* instructions of one case: within that reach */
};

#define X32_BIT 0x40000000u
#define NO_NUMBER 0xffffffffu /* what a tracer writes to skip a call: not an x32 call */

/* Calls from `first` up to the next segment's first have the same verdict, or are the one call of a guarded rule. */
struct segment {
    uint32_t first;
    uint32_t verdict;
    const struct bpf_rule *rule; /* only if it has cases */
};

/* What the accumulator holds at this point, so that it is not loaded again. */
struct loaded {
    bool known;
    uint32_t offset, mask;
};

struct assembler {
    struct sock_filter code[BPF_MAXINSNS];
    size_t length;
    int failure;
};

static void emit(struct assembler *as, uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false)
{
    if (as->length == BPF_MAXINSNS) {
        as->failure = -E2BIG;
        return;
    }
    as->code[as->length++] = (struct sock_filter){code, jump_true, jump_false, k};
}

static void emit_load(struct assembler *as, size_t offset)
{
    emit(as, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct assembler *as, uint32_t verdict)
{
    emit(as, BPF_RET | BPF_K, verdict, 0, 0);
}

/* One 32-bit comparison. If it fails the jump's distance is still unknown: fill_failures() sets it. */
static void emit_word(struct assembler *as, struct loaded *loaded, uint32_t offset, uint32_t mask, uint32_t value,
                      enum guard_op op)
{
    if (!loaded->known || loaded->offset != offset || loaded->mask != mask) {
        emit_load(as, offset);
        if (mask != UINT32_MAX)
            emit(as, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
        *loaded = (struct loaded){.known = true, .offset = offset, .mask = mask};
    }
    bool equal = op == GUARD_EQ;
    emit(as, BPF_JMP | BPF_JEQ | BPF_K, value, equal ? 0 : JUMP_MAX, equal ? JUMP_MAX : 0);
}

static void emit_term(struct assembler *as, struct loaded *loaded, const struct guard_term *term)
{
    uint32_t offset = term->argument == GUARD_CALLER
                          ? (uint32_t)offsetof(struct seccomp_data, instruction_pointer)
                          : (uint32_t)(offsetof(struct seccomp_data, args) + term->argument * sizeof(uint64_t));
    uint32_t high_mask = (uint32_t)(term->mask >> 32);
    if (high_mask != 0 && term->op != GUARD_EQ) {
        as->failure = -EINVAL; /* would need an "or" of two words, which nothing asks for */
        return;
    }
    emit_word(as, loaded, offset, (uint32_t)term->mask, (uint32_t)term->value, term->op);
    if (high_mask != 0)
        emit_word(as, loaded, offset + 4, high_mask, (uint32_t)(term->value >> 32), term->op);
}

/* Points the open jumps since `start` at the next instruction. */
static void fill_failures(struct assembler *as, size_t start)
{
    if (as->length - start > CASE_CODE_MAX)
        as->failure = -EINVAL;
    for (size_t i = start; i < as->length; i++) {
        struct sock_filter *at = &as->code[i];
        uint8_t distance = (uint8_t)(as->length - i - 1);
        if (at->jt == JUMP_MAX)
            at->jt = distance;
        if (at->jf == JUMP_MAX)
            at->jf = distance;
    }
}

static void emit_cases(struct assembler *as, const struct bpf_rule *rule)
{
    struct loaded loaded = {.known = false};
    for (size_t i = 0; i < rule->case_count && as->failure == 0; i++) {
        const struct guard_case *guard_case = &rule->cases[i];
        size_t start = as->length;
        for (size_t t = 0; t < guard_case->term_count; t++)
            emit_term(as, &loaded, &guard_case->terms[t]);
        emit_return(as, rule->verdict);
        fill_failures(as, start);
        /* A case of one word leaves it in the accumulator for the next; after longer ones it depends. */
        loaded.known = loaded.known && guard_case->term_count == 1 && guard_case->terms[0].mask <= UINT32_MAX;
    }
    emit_return(as, rule->otherwise);
}

/* Chooses among segments by halves. The left half directly follows its test; the test jumps over it, with the help of
 * a second instruction if it is out of a conditional jump's reach. */
static void emit_search(struct assembler *as, const struct segment *segments, size_t count)
{
    if (as->failure != 0)
        return;
    if (count == 1) {
        if (segments->rule != NULL)
            emit_cases(as, segments->rule);
        else
            emit_return(as, segments->verdict);
        return;
    }
    size_t half = count / 2, test = as->length;
    emit(as, BPF_JMP | BPF_JGE | BPF_K, segments[half].first, 0, 1);
    emit(as, BPF_JMP | BPF_JA, 0, 0, 0);
    emit_search(as, segments, half);
    if (as->failure != 0)
        return;
    size_t skip = as->length - test - 2;
    if (skip <= JUMP_MAX) {
        memmove(&as->code[test + 1], &as->code[test + 2], skip * sizeof(as->code[0]));
        as->length--;
        as->code[test].jt = (uint8_t)skip;
        as->code[test].jf = 0;
    } else {
        as->code[test + 1].k = (uint32_t)skip;
    }
    emit_search(as, segments + half, count - half);
}

/* The segments of all numbers, 0 up; `segments` has room for 2 * count + 1. Returns how many. */
static size_t make_segments(const struct bpf_rule *rules, size_t count, uint32_t unlisted, struct segment *segments)
{
    size_t used = 0;
    uint32_t next = 0; /* first number not covered yet */
    for (size_t i = 0; i <= count; i++) {
        uint32_t number = i < count ? (uint32_t)rules[i].nr : X32_BIT;
        if (number > next)
            segments[used++] = (struct segment){.first = next, .verdict = unlisted};
        if (i < count) {
            const struct bpf_rule *guarded = rules[i].case_count > 0 ? &rules[i] : NULL;
            segments[used++] = (struct segment){.first = number, .verdict = rules[i].verdict, .rule = guarded};
        }
        next = number + 1;
    }

    size_t merged = 0;
    for (size_t i = 1; i < used; i++) {
        const struct segment *last = &segments[merged];
        if (last->rule == NULL && segments[i].rule == NULL && last->verdict == segments[i].verdict)
            continue;
        segments[++merged] = segments[i];
    }
    return merged + 1;
}

static int check_rules(const struct bpf_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].nr < 0 || rules[i].nr >= ROUTES_MAX || (i > 0 && rules[i].nr <= rules[i - 1].nr))
            return -EINVAL;
    }
    return 0;
}

int bpf_build(const struct bpf_rule *rules, size_t count, uint32_t unlisted, uint32_t foreign,
              struct sock_fprog *ret_program)
{
    if (check_rules(rules, count) < 0)
        return -EINVAL;
    auto_free struct assembler *as = calloc(1, sizeof(*as));
    auto_free struct segment *segments = calloc(2 * count + 1, sizeof(*segments));
    if (as == NULL || segments == NULL)
        return -ENOMEM;

    emit_load(as, offsetof(struct seccomp_data, arch));
    emit(as, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    emit_return(as, foreign);
    emit_load(as, offsetof(struct seccomp_data, nr));
    emit(as, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    emit_return(as, unlisted);
    emit_search(as, segments, make_segments(rules, count, unlisted, segments));
    if (as->failure != 0)
        return as->failure;

    size_t size = as->length * sizeof(as->code[0]);
    struct sock_filter *code = malloc(size);
    if (code == NULL)
        return -ENOMEM;
    memcpy(code, as->code, size);
    *ret_program = (struct sock_fprog){.len = (unsigned short)as->length, .filter = code};
    return 0;
}
