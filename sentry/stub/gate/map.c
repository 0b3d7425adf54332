/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmap(2) of the dynamic linker. Code of a library that has a twin gets the twin's pages laid over it: they are in the window already, and
 * mremap(2) of no size makes a second mapping of what is shared. Of a file nobody has looked at yet the sentry is asked once.
 *
 * Freestanding, without vector registers, on the guest's own stack. Guest code: nothing outside trusts it.
 */
#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/mman.h>
#include <stddef.h>

#include "sentry/stub/gate.h"


/* As gate.S has pushed them. */
struct gate_call {
    uint64_t arguments[6], nr;
};

int64_t gate_native(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
int64_t gate_ask(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
int64_t gate_map(const struct gate_call *call);

static const struct gate_file *files(void)
{
    return (const struct gate_file *)(GATE_ADDRESS + GATE_FILES_OFFSET);
}

static const struct gate_twin *twin_of(const struct gate_file *file)
{
    uint32_t number = file != NULL ? file->twin : 0;
    return number == 0 || number > GATE_TWINS ? NULL
                                              : (const struct gate_twin *)(GATE_ADDRESS + GATE_TWINS_OFFSET) + (number - 1);
}

static int is_same(const struct gate_identity *a, const struct gate_identity *b)
{
    return a->inode == b->inode && a->device == b->device && a->size == b->size && a->changed_s == b->changed_s &&
           a->changed_ns == b->changed_ns && a->modified_s == b->modified_s && a->modified_ns == b->modified_ns;
}

static const struct gate_file *find(const struct gate_identity *identity)
{
    uint32_t place = gate_file_place(identity);
    for (uint32_t i = 0; i < GATE_FILES; i++) {
        const struct gate_file *file = &files()[(place + i) % GATE_FILES];
        if (__atomic_load_n(&file->known, __ATOMIC_ACQUIRE) == 0)
            return NULL;
        if (is_same(&file->identity, identity))
            return file;
    }
    return NULL;
}

static int identify(uint64_t fd, struct gate_identity *ret_identity)
{
    struct stat status;
    if (gate_native(__NR_fstat, fd, (uint64_t)&status, 0, 0, 0, 0) < 0)
        return 0;
    ret_identity->device = status.st_dev;
    ret_identity->inode = status.st_ino;
    ret_identity->size = (uint64_t)status.st_size;
    ret_identity->changed_s = (int64_t)status.st_ctime;
    ret_identity->changed_ns = (uint32_t)status.st_ctime_nsec;
    ret_identity->modified_s = (int64_t)status.st_mtime;
    ret_identity->modified_ns = (uint32_t)status.st_mtime_nsec;
    return 1;
}

/* A second mapping of pages of the window. */
static int64_t lay(uint64_t offset, uint64_t size, uint64_t address)
{
    return gate_native(__NR_mremap, GATE_ADDRESS + offset - GATE_FILE_OFFSET, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, address, 0);
}

/* Of no use without the trampolines: they come first, where there is nothing yet. */
static void lay_over(const struct gate_twin *twin, uint64_t bias)
{
    const struct plan_twin *pages = &twin->pages;
    uint64_t trampolines = bias + twin->low - pages->trampolines_size;
    uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    int64_t room = gate_native(__NR_mmap, trampolines, pages->trampolines_size, PROT_NONE, flags, (uint64_t)-1, 0);
    if ((uint64_t)room != trampolines) {
        if (room >= 0 || room < -4095)
            (void)gate_native(__NR_munmap, (uint64_t)room, pages->trampolines_size, 0, 0, 0, 0);
        return;
    }
    if (lay(pages->trampolines, pages->trampolines_size, trampolines) < 0)
        return;
    for (uint32_t i = 0; i < pages->run_count; i++)
        (void)lay(pages->runs[i].offset, pages->runs[i].size, bias + pages->runs[i].address);
}

/* Are all of the twin's pages within what has just been mapped? */
static int covers(const struct gate_twin *twin, const uint64_t arguments[6])
{
    const struct plan_run *last = &twin->pages.runs[twin->pages.run_count - 1];
    return arguments[5] == twin->text_offset && twin->pages.runs[0].address >= twin->text_address &&
           last->address + last->size - twin->text_address <= arguments[1];
}

static int is_code_of_a_file(const uint64_t arguments[6])
{
    uint64_t kind = arguments[3] & (MAP_ANONYMOUS | MAP_SHARED | MAP_PRIVATE);
    return arguments[2] == (PROT_READ | PROT_EXEC) && kind == MAP_PRIVATE && (int32_t)arguments[4] >= 0;
}

int64_t gate_map(const struct gate_call *call)
{
    const uint64_t *arguments = call->arguments;
    int64_t address = gate_native(__NR_mmap, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    struct gate_identity identity;
    if ((address < 0 && address >= -4095) || !is_code_of_a_file(arguments) || !identify(arguments[4], &identity))
        return address;
    const struct gate_file *file = find(&identity);
    if (file == NULL) {
        (void)gate_ask(__NR_mmap, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
        file = find(&identity);
    }
    const struct gate_twin *twin = twin_of(file);
    if (twin != NULL && covers(twin, arguments))
        lay_over(twin, (uint64_t)address - twin->text_address);
    return address;
}
