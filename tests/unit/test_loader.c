/* SPDX-License-Identifier: Apache-2.0 */
/* Programs as files: every header field is hostile. */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/worker.c lib/thread.c sentry/platform/unlocked.c sentry/platform/loader.c */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/cleanup.h"
#include "sentry/platform/loader.h"

/* --- scripts --- */

struct script_case {
    const char *head;
    int expected;
    const char *interpreter, *argument; /* argument NULL: none */
};

static const struct script_case script_cases[] = {
    {"\177ELF", 0, NULL, NULL},
    {"#", 0, NULL, NULL},
    {"", 0, NULL, NULL},
    {"echo hi\n", 0, NULL, NULL},
    {"#!/bin/sh\n", 1, "/bin/sh", NULL},
    {"#!/bin/sh", 1, "/bin/sh", NULL},
    {"#! /bin/sh\nrest", 1, "/bin/sh", NULL},
    {"#!\t /bin/sh  \n", 1, "/bin/sh", NULL},
    {"#!/bin/sh -e\n", 1, "/bin/sh", "-e"},
    {"#!/usr/bin/env  python3 -u  \n", 1, "/usr/bin/env", "python3 -u"},
    {"#!\n", -ENOEXEC, NULL, NULL},
    {"#!   \n", -ENOEXEC, NULL, NULL},
    {"#!", -ENOEXEC, NULL, NULL},
};

static void scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(script_cases) / sizeof(script_cases[0]); i++) {
        const struct script_case *c = &script_cases[i];
        struct script_line line;
        assert_int_equal(loader_parse_script(c->head, strlen(c->head), &line), c->expected);
        if (c->expected != 1)
            continue;
        assert_string_equal(line.interpreter, c->interpreter);
        assert_int_equal(line.has_argument, c->argument != NULL);
        if (c->argument != NULL)
            assert_string_equal(line.argument, c->argument);
    }
}

/* A first line longer than the kernel looks at: a name cut short must not run, a cut argument is used as it is. */
static void long_script_lines(void **state)
{
    (void)state;
    char head[LOADER_HEAD_SIZE];
    struct script_line line;
    memset(head, 'a', sizeof(head));
    memcpy(head, "#!/", 3);
    assert_int_equal(loader_parse_script(head, sizeof(head), &line), -ENOEXEC);
    head[20] = ' ';
    assert_int_equal(loader_parse_script(head, sizeof(head), &line), 1);
    assert_int_equal(strlen(line.interpreter), 18);
    assert_int_equal(strlen(line.argument), sizeof(head) - 21);
}

/* --- ELF --- */

struct elf_file {
    Elf64_Ehdr header;
    Elf64_Phdr program[3];
    char interpreter[16];
};

static struct elf_file good(void)
{
    struct elf_file file = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_entry = 0x1234,
                   .e_phoff = offsetof(struct elf_file, program),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 3},
        .program = {{.p_type = PT_INTERP, .p_offset = offsetof(struct elf_file, interpreter), .p_filesz = 8},
                    {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x500, .p_memsz = 0x500, .p_align = 0x200000},
                    {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x1000, .p_vaddr = 0x2000, .p_filesz = 8,
                     .p_memsz = 0x9000, .p_align = 0x1000}},
        .interpreter = "/ld.so.",
    };
    return file;
}

static int parse(const struct elf_file *file, size_t size, struct plan_image *image, char interpreter[PATH_MAX])
{
    auto_close int fd = memfd_create("elf", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, size), size);
    bool stack;
    return loader_parse_elf(fd, image, interpreter, &stack);
}

static void good_elf(void **state)
{
    (void)state;
    struct elf_file file = good();
    struct plan_image image;
    char interpreter[PATH_MAX];
    assert_int_equal(parse(&file, sizeof(file), &image, interpreter), 0);
    assert_string_equal(interpreter, "/ld.so.");
    assert_int_equal(image.segment_count, 2);
    assert_int_equal(image.movable, 1);
    assert_int_equal(image.entry, 0x1234);
    assert_int_equal(image.alignment, 0x200000);
    assert_int_equal(image.headers, offsetof(struct elf_file, program));
    assert_int_equal(image.segments[1].memory_size, 0x9000);
    assert_int_equal(image.fd, -1);
}

#define REFUSED(change)                                                         \
    do {                                                                        \
        struct elf_file file = good();                                          \
        struct plan_image image;                                                \
        char interpreter[PATH_MAX];                                             \
        change;                                                                 \
        assert_int_equal(parse(&file, sizeof(file), &image, interpreter), -ENOEXEC); \
    } while (0)

static void refused_elf(void **state)
{
    (void)state;
    REFUSED(file.header.e_ident[0] = 'X');
    REFUSED(file.header.e_ident[EI_CLASS] = ELFCLASS32);
    REFUSED(file.header.e_ident[EI_DATA] = ELFDATA2MSB);
    REFUSED(file.header.e_machine = EM_AARCH64);
    REFUSED(file.header.e_type = ET_REL);
    REFUSED(file.header.e_type = ET_CORE);
    REFUSED(file.header.e_phentsize = 32);
    REFUSED(file.header.e_phnum = 0);
    REFUSED(file.header.e_phnum = 0xffff);
    REFUSED(file.header.e_phoff = UINT64_MAX);
    REFUSED(file.header.e_phoff = 0x100000);
    REFUSED(file.program[1].p_type = file.program[2].p_type = PT_NULL);
    REFUSED(file.program[0].p_filesz = 0);
    REFUSED(file.program[0].p_filesz = 5); /* the name does not end in NUL */
    REFUSED(file.program[0].p_filesz = 1 << 20);
    REFUSED(file.program[0].p_offset = UINT64_MAX);
    REFUSED(file.program[1].p_filesz = 0x501);
    REFUSED(file.program[1].p_vaddr = UINT64_MAX - 0x10);
    REFUSED(file.program[1].p_memsz = UINT64_MAX);
    REFUSED(file.program[1].p_offset = 1); /* not congruent to the address */
    REFUSED(file.program[2].p_vaddr = UINT64_C(1) << 47);
    REFUSED(file.program[1].p_vaddr = 0x10000); /* not ascending */
}

static void truncated_elf(void **state)
{
    (void)state;
    struct elf_file file = good();
    for (size_t size = 0; size < offsetof(struct elf_file, interpreter) + 8; size++) {
        struct plan_image image;
        char interpreter[PATH_MAX];
        assert_int_equal(parse(&file, size, &image, interpreter), -ENOEXEC);
    }
}

/* Whatever a file says, the plan stays within its bounds. */
static void random_elf(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        struct elf_file file = good();
        for (int flips = 0; flips < 1 + round % 5; flips++)
            ((unsigned char *)&file)[(size_t)rand() % sizeof(file)] = (unsigned char)rand();
        struct plan_image image;
        char interpreter[PATH_MAX];
        if (parse(&file, sizeof(file), &image, interpreter) != 0)
            continue;
        assert_true(image.segment_count >= 1 && image.segment_count <= PLAN_SEGMENTS_MAX);
        assert_true((image.alignment & (image.alignment - 1)) == 0);
        for (uint32_t i = 0; i < image.segment_count; i++) {
            assert_true(image.segments[i].file_size <= image.segments[i].memory_size);
            assert_true(image.segments[i].address + image.segments[i].memory_size <= UINT64_C(1) << 47);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts),   cmocka_unit_test(long_script_lines), cmocka_unit_test(good_elf),
        cmocka_unit_test(refused_elf), cmocka_unit_test(truncated_elf),   cmocka_unit_test(random_elf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
