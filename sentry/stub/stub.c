/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stub: the only program the host kernel ever starts for a guest. The sentry has given it the load plan; it maps the real
 * program and its interpreter from the descriptors it was given, rebuilds the stack the way the kernel
 * would have (execve(2), getauxval(3)), and jumps.
 *
 * Freestanding: no libc, no relocations, no state that outlives the jump. It is guest code; nothing outside trusts it.
 * Whatever fails here is past the point of no return: the process ends by SIGKILL, as in the kernel.
 */
#include <asm/unistd.h>
#include <linux/auxvec.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <stddef.h>
#include <stdint.h>

#include "sentry/stub/gate.h"
#include "sentry/stub/plan.h"

enum { PAGE = 4096, AUXV_MAX = 48, SIGKILL_NUMBER = 9, PROT_RW = 3, PROT_RX = 5 };

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PIE_BASE UINT64_C(0x555555554000) /* ELF_ET_DYN_BASE of x86-64 */

struct auxiliary {
    uint64_t type, value;
};

struct range {
    uint64_t low, high;
};

struct loaded {
    uint64_t bias, entry;
    struct range code, data;
};

struct load_plan plan; /* the sentry writes it before the first instruction, by what start.S notes */

/* What start.S does with the program. */
struct leaving {
    uint64_t stack, entry;
    uint64_t stub; /* where the stub begins in memory */
    uint64_t gate; /* where to have it unmapped, or 0 */
};

extern const char __ehdr_start[]; /* by the linker */

void stub_main(uint64_t *stack, struct leaving *ret_leaving);

static int64_t call6(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    int64_t result;
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static void die(void) __attribute__((noreturn));
static void die(void)
{
    for (;;) {
        int64_t pid = call6(__NR_getpid, 0, 0, 0, 0, 0, 0);
        (void)call6(__NR_kill, (uint64_t)pid, SIGKILL_NUMBER, 0, 0, 0, 0);
        /* A first process of a pid namespace cannot kill itself. */
        (void)call6(__NR_exit_group, 128 + SIGKILL_NUMBER, 0, 0, 0, 0, 0);
    }
}

static uint64_t map(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags, int fd, uint64_t offset)
{
    int64_t result = call6(__NR_mmap, address, size, protection, flags, (uint64_t)(int64_t)fd, offset);
    return (uint64_t)result;
}

static int failed(uint64_t result)
{
    return result >= (uint64_t)-4095;
}

static void copy(void *to, const void *from, size_t size)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    for (size_t i = 0; i < size; i++)
        target[i] = source[i];
}

static size_t length(const char *text)
{
    size_t size = 0;
    while (text[size] != '\0')
        size++;
    return size;
}

static uint64_t page_down(uint64_t value)
{
    return value & ~(uint64_t)(PAGE - 1);
}

static uint64_t page_up(uint64_t value)
{
    return page_down(value + PAGE - 1);
}

/* Finds room for a movable image, at a random place near where the kernel puts programs, or wherever it puts libraries. */
static uint64_t reserve(uint64_t size, uint64_t alignment, uint64_t wish)
{
    uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (wish != 0) {
        uint64_t got = map(wish & ~(alignment - 1), size, 0, flags | MAP_FIXED_NOREPLACE, -1, 0);
        if (!failed(got))
            return got;
    }
    uint64_t got = map(0, size + alignment, 0, flags, -1, 0);
    if (failed(got))
        die();
    uint64_t start = (got + alignment - 1) & ~(alignment - 1);
    if (start > got)
        (void)call6(__NR_munmap, got, start - got, 0, 0, 0, 0);
    if (start + size < got + size + alignment)
        (void)call6(__NR_munmap, start + size, got + alignment - start, 0, 0, 0, 0);
    return start;
}

/* The part of a segment beyond its file content: zeroes to the end of the page, then fresh pages. */
static void map_zeroes(const struct plan_segment *segment, uint64_t bias)
{
    uint64_t file_end = bias + segment->address + segment->file_size;
    uint64_t end = bias + segment->address + segment->memory_size;
    uint64_t fresh = segment->file_size == 0 ? page_down(file_end) : page_up(file_end);
    if (segment->file_size != 0 && (segment->protection & PROT_WRITE) != 0) {
        uint64_t stop = fresh < end ? fresh : page_up(end);
        for (uint64_t p = file_end; p < stop; p++)
            *(volatile uint8_t *)p = 0;
    }
    if (page_up(end) > fresh &&
        failed(map(fresh, page_up(end) - fresh, segment->protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)))
        die();
}

static void map_segment(const struct plan_image *image, const struct plan_segment *segment, uint64_t bias, int fixed)
{
    uint64_t slack = segment->address % PAGE;
    if (segment->file_size != 0) {
        uint64_t flags = MAP_PRIVATE | (uint64_t)(fixed ? MAP_FIXED_NOREPLACE : MAP_FIXED);
        uint64_t start = bias + segment->address - slack;
        if (map(start, page_up(segment->file_size + slack), segment->protection, flags, image->fd,
                segment->offset - slack) != start)
            die();
    }
    if (segment->memory_size > segment->file_size)
        map_zeroes(segment, bias);
}

static void widen(struct range *range, uint64_t low, uint64_t high)
{
    if (range->low == 0 || low < range->low)
        range->low = low;
    if (high > range->high)
        range->high = high;
}

/* What leads its calls to the gate, over an image's code and below it. Without the trampolines there is nothing to jump to. */
static void map_twin(const struct plan_twin *twin, uint64_t low, uint64_t bias, int fixed)
{
    uint64_t flags = MAP_PRIVATE | (uint64_t)(fixed ? MAP_FIXED_NOREPLACE : MAP_FIXED);
    uint64_t trampolines = bias + low - twin->trampolines_size;
    if (map(trampolines, twin->trampolines_size, PROT_RX, flags, plan.stub_fd, twin->trampolines) != trampolines)
        return;
    for (uint32_t i = 0; i < twin->run_count; i++) {
        const struct plan_run *run = &twin->runs[i];
        if (map(bias + run->address, run->size, PROT_RX, MAP_PRIVATE | MAP_FIXED, plan.stub_fd, run->offset) != bias + run->address)
            die();
    }
}

static struct loaded load_image(const struct plan_image *image, uint64_t wish)
{
    uint64_t low = ~UINT64_C(0), high = 0;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct plan_segment *segment = &image->segments[i];
        if (page_down(segment->address) < low)
            low = page_down(segment->address);
        if (page_up(segment->address + segment->memory_size) > high)
            high = page_up(segment->address + segment->memory_size);
    }

    const struct plan_twin *twin = &image->twin;
    struct loaded loaded = {0};
    if (image->movable) {
        uint64_t below = twin->run_count > 0 ? (twin->trampolines_size + image->alignment - 1) & ~(image->alignment - 1) : 0;
        loaded.bias = reserve(high - low + below, image->alignment, wish) + below - low;
    }
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct plan_segment *segment = &image->segments[i];
        map_segment(image, segment, loaded.bias, !image->movable);
        uint64_t start = loaded.bias + segment->address;
        if ((segment->protection & PROT_EXEC) != 0)
            widen(&loaded.code, start, start + segment->file_size);
        else
            widen(&loaded.data, start, start + segment->memory_size);
        if (start + segment->memory_size > loaded.data.high)
            loaded.data.high = start + segment->memory_size;
    }
    if (loaded.data.low == 0)
        loaded.data.low = loaded.code.low;
    if (twin->run_count > 0)
        map_twin(twin, low, loaded.bias, !image->movable);
    loaded.entry = loaded.bias + image->entry;
    (void)call6(__NR_close, (uint64_t)image->fd, 0, 0, 0, 0, 0);
    return loaded;
}

struct stack_parts {
    uint64_t count; /* argc */
    char **arguments, **environment;
    struct auxiliary *auxiliary;
    size_t environment_count, auxiliary_count;
};

static struct stack_parts split_stack(uint64_t *stack)
{
    struct stack_parts parts = {.count = stack[0], .arguments = (char **)&stack[1]};
    parts.environment = parts.arguments + parts.count + 1;
    while (parts.environment[parts.environment_count] != NULL)
        parts.environment_count++;
    parts.auxiliary = (struct auxiliary *)(parts.environment + parts.environment_count + 1);
    while (parts.auxiliary[parts.auxiliary_count].type != AT_NULL)
        parts.auxiliary_count++;
    return parts;
}

/* A vector entry's new value; entries the plan does not touch keep the kernel's. */
static uint64_t rewritten(const struct auxiliary *entry, const struct loaded *program, const struct loaded *interpreter,
                          const char *path)
{
    switch (entry->type) {
    case AT_PHDR:
        return plan.program.headers == 0 ? 0 : program->bias + plan.program.headers;
    case AT_PHNUM:
        return plan.program.header_count;
    case AT_ENTRY:
        return program->entry;
    case AT_BASE:
        return plan.interpreter.fd < 0 ? 0 : interpreter->bias;
    case AT_UID:
        return plan.uid;
    case AT_EUID:
        return plan.euid;
    case AT_GID:
        return plan.gid;
    case AT_EGID:
        return plan.egid;
    case AT_SECURE:
        return plan.secure;
    case AT_EXECFN:
        return (uint64_t)path;
    default:
        return entry->value;
    }
}

/* Where argument strings lie, for /proc/PID/cmdline. */
struct argument_block {
    uint64_t low, high;
    int64_t moved; /* added to pointers of the arguments kept */
};

/* Scripts put words in front of argv and replace argv[0]. The block of argument strings must stay in one piece
 * (/proc/PID/cmdline), so it is copied below the old stack with the new words before it. */
static struct argument_block place_arguments(const struct stack_parts *parts, uint64_t *top)
{
    struct argument_block block = {0};
    if (parts->count > 0) {
        char *last = parts->arguments[parts->count - 1];
        block.low = (uint64_t)parts->arguments[0];
        block.high = (uint64_t)(last + length(last) + 1);
    }
    if (plan.prefix_count == 0)
        return block;

    uint64_t kept_low = parts->count > 1 ? (uint64_t)parts->arguments[1] : block.high;
    uint64_t prefix_size = 0;
    for (uint32_t i = 0; i < plan.prefix_count; i++)
        prefix_size += length(plan.strings + plan.prefix[i]) + 1;
    uint64_t kept_size = block.high - kept_low;
    uint64_t start = *top - kept_size - prefix_size;
    copy((void *)(start + prefix_size), (const void *)kept_low, kept_size);
    uint64_t at = start;
    for (uint32_t i = 0; i < plan.prefix_count; i++) {
        size_t size = length(plan.strings + plan.prefix[i]) + 1;
        copy((void *)at, plan.strings + plan.prefix[i], size);
        at += size;
    }
    block.moved = (int64_t)(start + prefix_size - kept_low);
    block.low = start;
    block.high = start + prefix_size + kept_size;
    *top = start;
    return block;
}

/* Tells the kernel where things are, so that /proc/PID/{cmdline,environ,stat,auxv} and brk(2) speak of the program
 * and not of us. A kernel without PR_SET_MM_MAP loses only that. */
static void describe(const struct stack_parts *parts, const struct argument_block *block, const struct loaded *program,
                     uint64_t stack, const struct auxiliary *auxiliary, size_t auxiliary_count, uint64_t random)
{
    struct prctl_mm_map layout = {
        .start_code = program->code.low,
        .end_code = program->code.high,
        .start_data = program->data.low,
        .end_data = program->data.high,
        .start_stack = stack,
        .arg_start = block->low,
        .arg_end = block->high,
        .auxv = (__u64 *)(uintptr_t)auxiliary,
        .auxv_size = (uint32_t)(auxiliary_count * sizeof(struct auxiliary)),
        .exe_fd = (uint32_t)-1,
    };
    layout.start_brk = page_up(program->data.high) + PAGE + (random % 0x2000) * PAGE;
    layout.brk = layout.start_brk;
    if (parts->environment_count > 0) {
        const char *last = parts->environment[parts->environment_count - 1];
        layout.env_start = (uint64_t)parts->environment[0];
        layout.env_end = (uint64_t)(last + length(last) + 1);
    } else {
        layout.env_start = layout.env_end = block->high;
    }
    (void)call6(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (uint64_t)&layout, sizeof(layout), 0, 0);
}

/* Writes the new stack below the old one; returns its pointer. */
static uint64_t build_stack(uint64_t *old, const struct loaded *program, const struct loaded *interpreter, uint64_t random)
{
    struct stack_parts parts = split_stack(old);
    if (parts.auxiliary_count >= AUXV_MAX)
        die();

    uint64_t top = (uint64_t)old & ~UINT64_C(15);
    size_t path_size = length(plan.strings + plan.path) + 1;
    top -= path_size;
    char *path = (char *)top;
    copy(path, plan.strings + plan.path, path_size);
    struct argument_block block = place_arguments(&parts, &top);

    uint64_t kept = parts.count > 0 ? parts.count : 0;
    uint64_t count = kept;
    if (plan.prefix_count > 0)
        count = plan.prefix_count + (kept > 0 ? kept - 1 : 0);
    uint64_t words = 1 + count + 1 + parts.environment_count + 1 + 2 * (parts.auxiliary_count + 1);
    uint64_t *stack = (uint64_t *)((top - words * 8) & ~UINT64_C(15));
    uint64_t *at = stack;

    *at++ = count;
    uint64_t word = block.low;
    for (uint32_t i = 0; i < plan.prefix_count; i++) {
        *at++ = word;
        word += length((const char *)word) + 1;
    }
    for (uint64_t i = plan.prefix_count > 0 ? 1 : 0; i < kept; i++)
        *at++ = (uint64_t)parts.arguments[i] + (uint64_t)block.moved;
    *at++ = 0;
    for (size_t i = 0; i <= parts.environment_count; i++)
        *at++ = (uint64_t)parts.environment[i];
    struct auxiliary *auxiliary = (struct auxiliary *)at;
    for (size_t i = 0; i <= parts.auxiliary_count; i++) {
        auxiliary[i].type = parts.auxiliary[i].type;
        auxiliary[i].value = rewritten(&parts.auxiliary[i], program, interpreter, path);
    }
    describe(&parts, &block, program, (uint64_t)stack, auxiliary, parts.auxiliary_count + 1, random);
    return (uint64_t)stack;
}

void stub_main(uint64_t *stack, struct leaving *ret_leaving)
{
    const uint64_t random = plan.random;
    if (plan.files_later &&
        call6(__NR_execveat, (uint64_t)-1, (uint64_t)&plan.program.fd, (uint64_t)&plan.interpreter.fd, 0, 0, 0) != 0)
        die();
    if (plan.forget_parent)
        (void)call6(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0, 0);
    (void)call6(__NR_prctl, PR_SET_DUMPABLE, 0, STUB_UNDUMPABLE, 0, 0, 0);
    (void)call6(__NR_prctl, PR_SET_NAME, (uint64_t)plan.name, 0, 0, 0, 0);
    uint64_t window = plan.gate ? map(GATE_ADDRESS, GATE_SIZE, PROT_RX, MAP_SHARED | MAP_FIXED_NOREPLACE, plan.stub_fd, GATE_FILE_OFFSET) : 0;
    if (window != GATE_ADDRESS)
        plan.program.twin.run_count = plan.interpreter.twin.run_count = 0;
    struct loaded program = load_image(&plan.program, PIE_BASE + (random % (1 << 28)) * PAGE);
    struct loaded interpreter = {0};
    if (plan.interpreter.fd >= 0)
        interpreter = load_image(&plan.interpreter, 0);
    if (plan.stack_executable)
        (void)call6(__NR_mprotect, page_down((uint64_t)stack), PAGE,
                    PROT_RW | PROT_EXEC | (uint64_t)PROT_GROWSDOWN, 0, 0, 0);

    (void)call6(__NR_close, (uint64_t)plan.stub_fd, 0, 0, 0, 0, 0);

    ret_leaving->stack = build_stack(stack, &program, &interpreter, random >> 32);
    ret_leaving->entry = plan.interpreter.fd >= 0 ? interpreter.entry : program.entry;
    ret_leaving->stub = (uint64_t)__ehdr_start;
    ret_leaving->gate = window == GATE_ADDRESS ? GATE_ADDRESS + GATE_LEAVE : 0;
}
