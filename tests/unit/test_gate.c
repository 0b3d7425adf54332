/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/gate/instruction.c sentry/gate/sites.c */
/*
 * Finding call sites: lengths of instructions, and what is and what is not a site. Functions are made by hand with the one description each
 * needs in .eh_frame. The C library's own file is looked at as a whole: each site found must have been decoded by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/syscall_numbers.h"
#include "sentry/gate/instruction.h"
#include "sentry/gate/sites.h"

static const struct {
    size_t length; /* 0: none */
    const char *bytes;
    size_t size;
} instructions[] = {
#define BYTES(length, text) {length, text, sizeof(text) - 1}
    BYTES(1, "\xc3"),                                     /* ret */
    BYTES(2, "\x0f\x05"),                                 /* syscall */
    BYTES(5, "\xb8\x05\x01\x00\x00"),                     /* mov $0x105,%eax */
    BYTES(6, "\x41\xb8\x05\x01\x00\x00"),                 /* mov $0x105,%r8d */
    BYTES(10, "\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08"), /* movabs */
    BYTES(4, "\x66\xb8\x01\x02"),                         /* mov $0x201,%ax */
    BYTES(7, "\x48\x8d\x05\x01\x02\x03\x04"),             /* lea 0x4030201(%rip),%rax */
    BYTES(5, "\x48\x8b\x44\x24\x08"),                     /* mov 8(%rsp),%rax */
    BYTES(8, "\x48\x8b\x84\x24\x01\x02\x03\x04"),         /* mov 0x4030201(%rsp),%rax */
    BYTES(8, "\x48\x8b\x04\x25\x01\x02\x03\x04"),         /* mov 0x4030201,%rax */
    BYTES(3, "\xf6\xc3\x01"),                             /* test $1,%bl */
    BYTES(2, "\xf7\xd8"),                                 /* neg %eax */
    BYTES(6, "\xf7\xc3\x01\x02\x03\x04"),                 /* test $0x4030201,%ebx */
    BYTES(6, "\x0f\x84\x01\x02\x03\x04"),                 /* je */
    BYTES(4, "\xf3\x0f\x1e\xfa"),                         /* endbr64 */
    BYTES(9, "\x66\x0f\x1f\x84\x00\x00\x00\x00\x00"),     /* nopw */
    BYTES(9, "\x64\x48\x8b\x04\x25\x28\x00\x00\x00"),     /* mov %fs:0x28,%rax */
    BYTES(5, "\x66\x0f\x70\xc0\x55"),                     /* pshufd */
    BYTES(6, "\x66\x0f\x3a\x0f\xc1\x08"),                 /* palignr */
    BYTES(5, "\x66\x0f\x38\x00\xc1"),                     /* pshufb */
    BYTES(3, "\xc5\xf8\x77"),                             /* vzeroupper */
    BYTES(4, "\xc5\xfd\x6f\x06"),                         /* vmovdqa (%rsi),%ymm0 */
    BYTES(6, "\xc4\xe3\x7d\x39\xc1\x01"),                 /* vextracti128 */
    BYTES(6, "\x62\xf1\x7c\x48\x10\x06"),                 /* vmovups (%rsi),%zmm0 */
    BYTES(4, "\xc8\x10\x00\x00"),                         /* enter */
    BYTES(9, "\xa1\x01\x02\x03\x04\x05\x06\x07\x08"),     /* movabs 0x0807060504030201,%eax */
    BYTES(0, "\xea\x01\x02\x03\x04\x05\x06"),             /* a far jump: not in 64-bit mode */
    BYTES(0, "\x06"),
    BYTES(0, "\xd6"),
    BYTES(0, "\xb8\x01\x02\x03"),                         /* cut off */
    BYTES(0, "\x48\x8b\x84"),
    BYTES(0, "\x0f"),
    BYTES(0, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90"),
    BYTES(0, ""),
};

static void lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
        size_t got = instruction_length((const uint8_t *)instructions[i].bytes, instructions[i].size);
        if (got != instructions[i].length && !(instructions[i].length == 0 && instructions[i].size == 15))
            fail_msg("instruction %zu: %zu bytes, not %zu", i, got, instructions[i].length);
    }
}

/* Whatever it is given, it reads no more than that and goes no further. */
static void lengths_of_noise(void **state)
{
    (void)state;
    uint64_t random = 12345;
    uint8_t bytes[16];
    for (int i = 0; i < 200000; i++) {
        for (size_t k = 0; k < sizeof(bytes); k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[k] = (uint8_t)(random >> 33);
        }
        size_t size = (size_t)i % 16;
        assert_true(instruction_length(bytes, size) <= size);
    }
}

/* --- sites --- */

enum { TEXT_ADDRESS = 0x1000, FRAMES_ADDRESS = 0x9000 };

struct frames {
    uint8_t bytes[256];
    size_t size;
};

static void put(struct frames *frames, const void *data, size_t size)
{
    memcpy(frames->bytes + frames->size, data, size);
    frames->size += size;
}

static void put_32(struct frames *frames, uint32_t value)
{
    put(frames, &value, sizeof(value));
}

/* The CIE compilers write. */
static void begin(struct frames *frames)
{
    frames->size = 0;
    put_32(frames, 16);
    put_32(frames, 0);
    put(frames, "\x01zR\0\x01\x78\x10\x01\x1b\0\0\0", 12);
}

static void describe(struct frames *frames, uint64_t start, uint32_t size)
{
    put_32(frames, 12 + 4);
    put_32(frames, (uint32_t)frames->size); /* back to the CIE, which is at 0 */
    put_32(frames, (uint32_t)(start - (FRAMES_ADDRESS + frames->size)));
    put_32(frames, size);
    put_32(frames, 0);
}

static size_t find(const void *text, size_t size, const struct frames *frames, struct site sites[SITES_MAX])
{
    const struct span code = {.bytes = text, .address = TEXT_ADDRESS, .size = size};
    const struct span descriptions = {.bytes = frames->bytes, .address = FRAMES_ADDRESS, .size = frames->size};
    return sites_find(&code, &descriptions, false, sites);
}

static const uint8_t simple[] = {
    0x90,                                     /* nop */
    0xb8, __NR_umask, 0, 0, 0, 0x0f, 0x05,    /* a site */
    0x41, 0xb8, __NR_umask, 0, 0, 0, 0x0f, 0x05, /* mov to r8d, and a call that is not ours to take */
    0xb8, __NR_read, 0, 0, 0, 0x0f, 0x05,     /* a call the gate has nothing to do with */
    0xb8, __NR_mmap, 0, 0, 0, 0x0f, 0x05,
    0xc3,
};

static void a_site_is_two_instructions(void **state)
{
    (void)state;
    struct frames frames;
    static struct site sites[SITES_MAX];
    begin(&frames);
    describe(&frames, TEXT_ADDRESS, sizeof(simple));
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 1);
    assert_int_equal(sites[0].address, TEXT_ADDRESS + 1);
    assert_int_equal(sites[0].nr, __NR_umask);

    const struct span code = {.bytes = simple, .address = TEXT_ADDRESS, .size = sizeof(simple)};
    const struct span descriptions = {.bytes = frames.bytes, .address = FRAMES_ADDRESS, .size = frames.size};
    assert_int_equal(sites_find(&code, &descriptions, true, sites), 2);
    assert_int_equal(sites[1].nr, __NR_mmap);
}

static void what_no_function_is_known_for_is_none(void **state)
{
    (void)state;
    struct frames frames;
    static struct site sites[SITES_MAX];
    begin(&frames);
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 0);
    describe(&frames, TEXT_ADDRESS + 2, sizeof(simple) - 2); /* it begins inside */
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 0);
    begin(&frames);
    describe(&frames, TEXT_ADDRESS, 7); /* it ends before the call does */
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 0);
    begin(&frames);
    describe(&frames, TEXT_ADDRESS, sizeof(simple) + 1); /* it goes beyond the code */
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 0);
}

/* Decoded code that has the site's bytes in it as operands of others. */
static void tails_of_others_are_none(void **state)
{
    (void)state;
    static const uint8_t hidden[] = {
        0x48, 0xb9, 0xb8, __NR_umask, 0, 0, 0, 0x0f, 0x05, 0x90, /* movabs with the bytes in its operand */
        0xc3,
    };
    static const uint8_t behind_unknown[] = {0x06, 0xb8, __NR_umask, 0, 0, 0, 0x0f, 0x05, 0xc3};
    struct frames frames;
    static struct site sites[SITES_MAX];
    begin(&frames);
    describe(&frames, TEXT_ADDRESS, sizeof(hidden));
    assert_int_equal(find(hidden, sizeof(hidden), &frames, sites), 0);
    begin(&frames);
    describe(&frames, TEXT_ADDRESS, sizeof(behind_unknown));
    assert_int_equal(find(behind_unknown, sizeof(behind_unknown), &frames, sites), 0);
}

static void descriptions_of_noise(void **state)
{
    (void)state;
    struct frames frames;
    static struct site sites[SITES_MAX];
    uint64_t random = 99;
    for (int i = 0; i < 20000; i++) {
        begin(&frames);
        describe(&frames, TEXT_ADDRESS, sizeof(simple));
        for (int k = 0; k < 3; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            frames.bytes[(random >> 33) % frames.size] = (uint8_t)(random >> 20);
        }
        frames.size -= (random >> 50) % 8;
        size_t count = find(simple, sizeof(simple), &frames, sites);
        assert_true(count <= 1 && (count == 0 || sites[0].address == TEXT_ADDRESS + 1));
    }
}

/* --- the C library --- */

static void sites_of_the_c_library(void **state)
{
    (void)state;
    int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        skip();
    const uint8_t *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    (void)close(fd);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(bytes + header->e_phoff);
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(bytes + header->e_shoff);
    const char *names = (const char *)bytes + sections[header->e_shstrndx].sh_offset;
    struct span text = {.bytes = NULL}, frames = {.bytes = NULL};
    for (size_t i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_X) != 0)
            text = (struct span){bytes + segments[i].p_offset, segments[i].p_vaddr, segments[i].p_filesz};
    for (size_t i = 0; i < header->e_shnum; i++)
        if (strcmp(names + sections[i].sh_name, ".eh_frame") == 0)
            frames = (struct span){bytes + sections[i].sh_offset, sections[i].sh_addr, sections[i].sh_size};

    static struct site sites[SITES_MAX];
    size_t count = sites_find(&text, &frames, false, sites);
    assert_in_range(count, 60, 200);
    bool found[512] = {false};
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = text.bytes + (sites[i].address - text.address);
        assert_int_equal(at[0], 0xb8);
        assert_int_equal(at[5], 0x0f);
        assert_int_equal(at[6], 0x05);
        found[sites[i].nr] = true;
    }
    assert_true(found[__NR_openat] && found[__NR_newfstatat] && found[__NR_geteuid] && found[__NR_unlink] && found[__NR_getdents64]);
    (void)munmap((void *)(uintptr_t)bytes, (size_t)status.st_size);
}

/* Functions do not overlap. A file that says so many times over costs no more than one that does not. */
static void a_function_said_over_and_over(void **state)
{
    (void)state;
    static struct frames frames;
    struct site sites[SITES_MAX];
    begin(&frames);
    describe(&frames, TEXT_ADDRESS, sizeof(simple));
    describe(&frames, TEXT_ADDRESS, sizeof(simple));
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 1);
    for (int i = 0; i < 8; i++)
        describe(&frames, TEXT_ADDRESS, sizeof(simple));
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 0);
}

/* What a description calls its CIE is anything: one without a length, one whose numbers do not end. */
static void broken_cies(void **state)
{
    (void)state;
    static struct frames frames;
    struct site sites[SITES_MAX];
    begin(&frames);
    memset(frames.bytes, 0, sizeof(uint32_t));
    describe(&frames, TEXT_ADDRESS, sizeof(simple));
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 0);

    frames.size = 0;
    put_32(&frames, 32);
    put_32(&frames, 0);
    put(&frames, "\x01zR\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x78\x10\x01\x1b\0\0\0\0\0\0\0", 28);
    describe(&frames, TEXT_ADDRESS, sizeof(simple));
    assert_int_equal(find(simple, sizeof(simple), &frames, sites), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(lengths_of_noise),
        cmocka_unit_test(a_site_is_two_instructions),
        cmocka_unit_test(what_no_function_is_known_for_is_none),
        cmocka_unit_test(tails_of_others_are_none),
        cmocka_unit_test(descriptions_of_noise),
        cmocka_unit_test(sites_of_the_c_library),
        cmocka_unit_test(a_function_said_over_and_over),
        cmocka_unit_test(broken_cies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
