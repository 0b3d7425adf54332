/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/loader.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sentry/platform/unlocked.h"

enum {
    PAGE = 4096,
    HEADERS_MAX = 128,          /* the kernel allows 64 KiB of them; no real program has a tenth of this */
    ALIGNMENT_MAX = 1 << 30,
};
#define ADDRESS_LIMIT (UINT64_C(1) << 47) /* TASK_SIZE */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

int loader_parse_script(const char *head, size_t size, struct script_line *ret_line)
{
    if (size < 2 || head[0] != '#' || head[1] != '!')
        return 0;

    char line[LOADER_HEAD_SIZE + 1];
    size_t length = size < LOADER_HEAD_SIZE ? size : LOADER_HEAD_SIZE;
    memcpy(line, head, length);
    line[length] = '\0';
    char *end = memchr(line, '\n', length);
    bool cut = end == NULL && length == LOADER_HEAD_SIZE;
    if (end == NULL)
        end = line + strlen(line);
    while (end > line + 2 && is_blank(end[-1]))
        end--;
    *end = '\0';

    char *name = line + 2;
    while (is_blank(*name))
        name++;
    if (*name == '\0')
        return -ENOEXEC;
    char *stop = name;
    while (*stop != '\0' && !is_blank(*stop))
        stop++;
    /* A name that fills the buffer may go on beyond it: running half of it would be wrong. */
    if (cut && *stop == '\0')
        return -ENOEXEC;

    struct script_line parsed = {0};
    memcpy(parsed.interpreter, name, (size_t)(stop - name));
    while (is_blank(*stop))
        stop++;
    if (*stop != '\0') {
        parsed.has_argument = true;
        memcpy(parsed.argument, stop, strlen(stop));
    }
    *ret_line = parsed;
    return 1;
}

static bool header_fits(const Elf64_Ehdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_ident[EI_CLASS] == ELFCLASS64 &&
           header->e_ident[EI_DATA] == ELFDATA2LSB && header->e_machine == EM_X86_64 &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN) && header->e_phentsize == sizeof(Elf64_Phdr) &&
           header->e_phnum > 0 && header->e_phnum <= HEADERS_MAX;
}

static int protection_of(uint32_t flags)
{
    int protection = 0;
    if ((flags & PF_R) != 0)
        protection |= PROT_READ;
    if ((flags & PF_W) != 0)
        protection |= PROT_WRITE;
    if ((flags & PF_X) != 0)
        protection |= PROT_EXEC;
    return protection;
}

static int add_segment(struct plan_image *image, const Elf64_Phdr *header)
{
    if (header->p_memsz == 0)
        return 0;
    if (image->segment_count == PLAN_SEGMENTS_MAX || header->p_filesz > header->p_memsz ||
        header->p_vaddr >= ADDRESS_LIMIT || header->p_memsz > ADDRESS_LIMIT - header->p_vaddr ||
        header->p_offset > INT64_MAX - header->p_memsz || header->p_vaddr % PAGE != header->p_offset % PAGE)
        return -ENOEXEC;
    if (image->segment_count > 0) {
        const struct plan_segment *last = &image->segments[image->segment_count - 1];
        if (header->p_vaddr < last->address)
            return -ENOEXEC; /* elf(5): PT_LOAD entries ascend */
    }
    if (header->p_align > image->alignment && header->p_align <= ALIGNMENT_MAX &&
        (header->p_align & (header->p_align - 1)) == 0)
        image->alignment = header->p_align;
    image->segments[image->segment_count++] = (struct plan_segment){
        .address = header->p_vaddr,
        .file_size = header->p_filesz,
        .memory_size = header->p_memsz,
        .offset = header->p_offset,
        .protection = (uint32_t)protection_of(header->p_flags),
    };
    return 0;
}

static int read_interpreter(int fd, const Elf64_Phdr *header, char interpreter[PATH_MAX])
{
    if (header->p_filesz < 2 || header->p_filesz > PATH_MAX || header->p_offset > INT64_MAX)
        return -ENOEXEC;
    ssize_t got = unlocked_pread(fd, interpreter, header->p_filesz, (off_t)header->p_offset);
    if (got < 0)
        return -EIO;
    if ((size_t)got != header->p_filesz || interpreter[got - 1] != '\0')
        return -ENOEXEC;
    return 0;
}

/* Where the program headers end up in memory: in the segment whose file part covers them. */
static uint64_t headers_in_memory(const Elf64_Ehdr *elf, const struct plan_image *image)
{
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct plan_segment *segment = &image->segments[i];
        if (segment->offset <= elf->e_phoff && elf->e_phoff - segment->offset < segment->file_size)
            return elf->e_phoff - segment->offset + segment->address;
    }
    return 0;
}

int loader_parse_elf(int fd, struct plan_image *ret_image, char ret_interpreter[PATH_MAX], bool *ret_stack_executable)
{
    Elf64_Ehdr elf;
    ssize_t got = unlocked_pread(fd, &elf, sizeof(elf), 0);
    if (got < 0)
        return -EIO;
    if ((size_t)got != sizeof(elf) || !header_fits(&elf) || elf.e_phoff > INT64_MAX)
        return -ENOEXEC;

    Elf64_Phdr headers[HEADERS_MAX];
    size_t size = elf.e_phnum * sizeof(Elf64_Phdr);
    got = unlocked_pread(fd, headers, size, (off_t)elf.e_phoff);
    if (got < 0)
        return -EIO;
    if ((size_t)got != size)
        return -ENOEXEC;

    struct plan_image image = {.fd = -1, .movable = elf.e_type == ET_DYN, .entry = elf.e_entry,
                               .header_count = elf.e_phnum, .alignment = PAGE};
    char interpreter[PATH_MAX] = "";
    bool executable = false; /* x86-64 since 5.8: no PT_GNU_STACK means no execution */
    for (size_t i = 0; i < elf.e_phnum; i++) {
        int status = 0;
        if (headers[i].p_type == PT_LOAD)
            status = add_segment(&image, &headers[i]);
        else if (headers[i].p_type == PT_INTERP && interpreter[0] == '\0')
            status = read_interpreter(fd, &headers[i], interpreter);
        else if (headers[i].p_type == PT_GNU_STACK)
            executable = (headers[i].p_flags & PF_X) != 0;
        if (status < 0)
            return status;
    }
    if (image.segment_count == 0)
        return -ENOEXEC;
    image.headers = headers_in_memory(&elf, &image);

    *ret_image = image;
    memcpy(ret_interpreter, interpreter, PATH_MAX);
    *ret_stack_executable = executable;
    return 0;
}
