/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/gate/twin.h"

#include <elf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "postern/cleanup.h"
#include "sentry/gate/sites.h"
#include "sentry/gate/window.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/share.h"
#include "sentry/platform/call.h"
#include "sentry/platform/loader.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/stub/gate.h"

enum {
    PAGE = 4096,
    CODE_MAX = 4 << 20,   /* larger programs do not make calls of their own; libraries do */
    FRAMES_MAX = 2 << 20,
    SECTIONS_MAX = 256,
    NAMES_MAX = 8192,
    GAP_MAX = 64,     /* pages between two sites that are taken along to keep the runs few */
    JUMP_SIZE = 5,
};

enum file_state { FILE_FREE, FILE_BEING_READ, FILE_WITHOUT, FILE_WITH };

struct file {
    struct gate_identity identity;
    enum file_state state;
    struct plan_twin twin;
};

struct twins {
    struct window *window;
    struct file files[GATE_FILES]; /* in the places the gate looks at */
    size_t twin_count;
    uid_t first;
    /* Nothing of it comes back. */
    struct share places, memory, shown; /* shown: to the gate */
};

struct twins *twins_new(struct window *window, uid_t first)
{
    struct twins *twins = calloc(1, sizeof(*twins));
    if (twins == NULL)
        return NULL;
    twins->window = window;
    twins->first = first;
    twins->places = (struct share)SHARE_OF(GATE_FILES / 2);
    twins->memory = (struct share)SHARE_OF(GATE_SIZE - GATE_PAGES_OFFSET);
    twins->shown = (struct share)SHARE_OF(GATE_TWINS);
    return twins;
}

/* --- what is read of the file --- */

struct code {
    uint8_t *pages; /* owned: whole pages of the file */
    uint64_t address;
    size_t size;
    struct span text; /* in them */
    uint8_t *frames_bytes; /* owned */
    struct span frames;
};

static void code_release(struct code *code)
{
    free(code->pages);
    free(code->frames_bytes);
}
#define auto_code __attribute__((cleanup(code_release)))

static bool read_exactly(int fd, void *buffer, size_t size, uint64_t offset)
{
    return offset <= INT64_MAX && unlocked_pread(fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

/* The one segment of code, if it is one. */
static const struct plan_segment *code_segment(const struct plan_image *image)
{
    const struct plan_segment *found = NULL;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct plan_segment *segment = &image->segments[i];
        if ((segment->protection & PROT_EXEC) == 0)
            continue;
        if (found != NULL)
            return NULL;
        found = segment;
    }
    bool fits = found != NULL && found->protection == (PROT_READ | PROT_EXEC) && found->file_size == found->memory_size &&
                found->file_size > 0 && found->file_size <= CODE_MAX;
    return fits ? found : NULL;
}

static bool read_code(int fd, const struct plan_segment *segment, struct code *code)
{
    size_t slack = segment->address % PAGE;
    code->address = segment->address - slack;
    code->size = (slack + segment->file_size + PAGE - 1) & ~(size_t)(PAGE - 1);
    code->pages = calloc(1, code->size);
    if (code->pages == NULL)
        return false;
    ssize_t got = unlocked_pread(fd, code->pages, code->size, (off_t)(segment->offset - slack));
    if (got < 0 || (size_t)got < slack + segment->file_size)
        return false;
    code->text = (struct span){.bytes = code->pages + slack, .address = segment->address, .size = segment->file_size};
    return true;
}

static const Elf64_Shdr *section_named(const Elf64_Shdr *sections, size_t count, const char *names, size_t names_size, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (sections[i].sh_name < names_size && strcmp(names + sections[i].sh_name, name) == 0)
            return &sections[i];
    return NULL;
}

static bool read_frames(int fd, struct code *code)
{
    Elf64_Ehdr header;
    Elf64_Shdr sections[SECTIONS_MAX];
    char names[NAMES_MAX];
    if (!read_exactly(fd, &header, sizeof(header), 0) || header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 ||
        header.e_shnum > SECTIONS_MAX || header.e_shstrndx >= header.e_shnum ||
        !read_exactly(fd, sections, header.e_shnum * sizeof(sections[0]), header.e_shoff))
        return false;
    const Elf64_Shdr *strings = &sections[header.e_shstrndx];
    size_t names_size = strings->sh_size < sizeof(names) ? strings->sh_size : sizeof(names);
    if (names_size == 0 || !read_exactly(fd, names, names_size, strings->sh_offset))
        return false;
    names[names_size - 1] = '\0';
    const Elf64_Shdr *frames = section_named(sections, header.e_shnum, names, names_size, ".eh_frame");
    if (frames == NULL || frames->sh_type == SHT_NOBITS || frames->sh_size == 0 || frames->sh_size > FRAMES_MAX)
        return false;
    code->frames_bytes = malloc(frames->sh_size);
    code->frames = (struct span){.bytes = code->frames_bytes, .address = frames->sh_addr, .size = frames->sh_size};
    return code->frames_bytes != NULL && read_exactly(fd, code->frames_bytes, frames->sh_size, frames->sh_offset);
}

/* --- the pages --- */

struct draft {
    struct site sites[SITES_MAX];
    size_t site_count;
    struct plan_twin twin;
    uint64_t trampolines; /* address in the image: below all of it */
    size_t size;          /* of all runs */
};

/* The runs of pages that hold the sites, with gaps of up to `gap` pages in them; false if they are too many. */
static bool lay_out(struct draft *draft, uint64_t gap)
{
    struct plan_twin *twin = &draft->twin;
    twin->run_count = 0;
    draft->size = 0;
    for (size_t i = 0; i < draft->site_count; i++) {
        uint64_t low = draft->sites[i].address & ~(uint64_t)(PAGE - 1);
        uint64_t high = (draft->sites[i].address + SITE_SIZE + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        struct plan_run *last = twin->run_count > 0 ? &twin->runs[twin->run_count - 1] : NULL;
        if (last != NULL && low <= last->address + last->size + gap * PAGE) {
            if (high > last->address + last->size)
                last->size = high - last->address;
            continue;
        }
        if (twin->run_count == PLAN_RUNS_MAX)
            return false;
        twin->runs[twin->run_count++] = (struct plan_run){.address = low, .size = high - low};
    }
    for (uint32_t i = 0; i < twin->run_count; i++)
        draft->size += twin->runs[i].size;
    return true;
}

static bool lay_out_somehow(struct draft *draft)
{
    for (uint64_t gap = 2; gap <= GAP_MAX; gap *= 2)
        if (lay_out(draft, gap))
            return true;
    return false;
}

static uint8_t *put_32(uint8_t *at, uint64_t value)
{
    const uint32_t low = (uint32_t)value;
    memcpy(at, &low, sizeof(low));
    return at + sizeof(low);
}

static void write_trampoline(uint8_t *at, uint64_t address, const struct site *site)
{
    const uint64_t gate = GATE_ADDRESS;
    *at++ = 0xb8; /* mov $number,%eax */
    at = put_32(at, (uint64_t)site->nr);
    *at++ = 0x48; /* lea behind_the_site(%rip),%rcx */
    *at++ = 0x8d;
    *at++ = 0x0d;
    at = put_32(at, site->address + SITE_SIZE - (address + 12));
    *at++ = 0x49; /* mov $gate,%r11 */
    *at++ = 0xbb;
    memcpy(at, &gate, sizeof(gate));
    at += sizeof(gate);
    *at++ = 0x41; /* jmp *%r11 */
    *at++ = 0xff;
    *at++ = 0xe3;
}

static void write_jump(const struct draft *draft, uint8_t *memory, const struct site *site, uint64_t trampoline)
{
    for (uint32_t i = 0; i < draft->twin.run_count; i++) {
        const struct plan_run *run = &draft->twin.runs[i];
        if (site->address >= run->address && site->address < run->address + run->size) {
            uint8_t *at = memory + (site->address - run->address);
            *at = 0xe9;
            (void)put_32(at + 1, trampoline - (site->address + JUMP_SIZE));
            return;
        }
        memory += run->size;
    }
}

/* Trampolines first, then the runs. False if the window is full, or the user's share of it. */
static bool write_out(struct twins *twins, uid_t user, const struct code *code, struct draft *draft)
{
    struct plan_twin *twin = &draft->twin;
    uint8_t *memory;
    const size_t size = twin->trampolines_size + draft->size;
    if (!share_take(&twins->memory, user, size))
        return false;
    uint64_t offset = window_take(twins->window, size, &memory);
    if (offset == 0)
        return false;
    twin->trampolines = offset;
    uint8_t *pages = memory + twin->trampolines_size, *to = pages;
    offset += twin->trampolines_size;
    for (uint32_t i = 0; i < twin->run_count; i++) {
        struct plan_run *run = &twin->runs[i];
        memcpy(to, code->pages + (run->address - code->address), run->size);
        run->offset = offset;
        to += run->size;
        offset += run->size;
    }
    for (size_t i = 0; i < draft->site_count; i++) {
        uint64_t at = draft->trampolines + i * GATE_TRAMPOLINE_SIZE;
        write_trampoline(memory + i * GATE_TRAMPOLINE_SIZE, at, &draft->sites[i]);
        write_jump(draft, pages, &draft->sites[i], at);
    }
    return true;
}

/* Right below the image; a jump must reach them, and what is fixed must have room there. */
static bool place_trampolines(const struct plan_image *image, struct draft *draft)
{
    enum { LOWEST = 128 << 10, REACH = 1 << 30 };
    uint64_t low = UINT64_MAX, high = 0;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct plan_segment *segment = &image->segments[i];
        low = segment->address < low ? segment->address : low;
        high = segment->address + segment->memory_size > high ? segment->address + segment->memory_size : high;
    }
    low &= ~(uint64_t)(PAGE - 1);
    size_t size = (draft->site_count * GATE_TRAMPOLINE_SIZE + PAGE - 1) & ~(size_t)(PAGE - 1);
    draft->twin.trampolines_size = (uint32_t)size;
    draft->trampolines = low - size;
    return high - low < REACH && (image->movable != 0 || low >= LOWEST + size);
}

static bool read_file(int fd, const struct plan_image *image, struct code *code)
{
    const struct plan_segment *segment = code_segment(image);
    return segment != NULL && read_code(fd, segment, code) && read_frames(fd, code);
}

static void find_sites(const struct code *code, bool linker, struct draft *draft)
{
    bool paused = state_pause();
    draft->site_count = sites_find(&code->text, &code->frames, linker, draft->sites);
    state_resume(paused);
}

/* --- files --- */

/* A change just now may be followed by another one with the same time: clocks of file systems tick a few hundred times a second, some once. */
static bool is_settled(const struct statx_timestamp *changed)
{
    enum { NS_PER_MS = 1000000, SETTLED_MS = 100, SETTLED_WHOLE_MS = 2500 };
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ms = (now.tv_sec - changed->tv_sec) * 1000 + (now.tv_nsec - changed->tv_nsec) / NS_PER_MS;
    return age_ms > (changed->tv_nsec != 0 ? SETTLED_MS : SETTLED_WHOLE_MS);
}

static bool identify(int fd, struct gate_identity *ret_identity, bool *ret_wanted)
{
    struct statx attributes;
    if (unlocked_statx(fd, STATX_BASIC_STATS, &attributes) < 0)
        return false;
    *ret_identity = (struct gate_identity){
        .device = makedev(attributes.stx_dev_major, attributes.stx_dev_minor),
        .inode = attributes.stx_ino,
        .size = attributes.stx_size,
        .changed_s = attributes.stx_ctime.tv_sec,
        .changed_ns = attributes.stx_ctime.tv_nsec,
        .modified_s = attributes.stx_mtime.tv_sec,
        .modified_ns = attributes.stx_mtime.tv_nsec,
    };
    const mode_t everybody = S_IRUSR | S_IRGRP | S_IROTH;
    *ret_wanted = (attributes.stx_mode & everybody) == everybody && is_settled(&attributes.stx_ctime);
    return true;
}

/* Where it is, or would be; NULL: there is no room. */
static struct file *slot_of(struct twins *twins, const struct gate_identity *identity)
{
    size_t place = gate_file_place(identity);
    for (size_t i = 0; i < GATE_FILES; i++) {
        struct file *file = &twins->files[(place + i) % GATE_FILES];
        if (file->state == FILE_FREE)
            return file;
        if (memcmp(&file->identity, identity, sizeof(*identity)) == 0)
            return file;
    }
    return NULL;
}

/* For the gate to see. */
static void publish(struct twins *twins, uid_t user, size_t place, const struct plan_image *image)
{
    const struct file *file = &twins->files[place];
    uint8_t *memory = window_memory(twins->window);
    struct gate_file *entry = (struct gate_file *)(memory + GATE_FILES_OFFSET) + place;
    entry->identity = file->identity;
    if (file->state == FILE_WITH && share_take(&twins->shown, user, 1)) {
        const struct plan_segment *segment = code_segment(image);
        struct gate_twin *twin = (struct gate_twin *)(memory + GATE_TWINS_OFFSET) + twins->twin_count;
        twin->text_address = segment->address - segment->address % PAGE;
        twin->text_offset = segment->offset - segment->offset % PAGE;
        twin->low = image->segments[0].address - image->segments[0].address % PAGE;
        twin->pages = file->twin;
        entry->twin = (uint32_t)++twins->twin_count;
    }
    __atomic_store_n(&entry->known, 1, __ATOMIC_RELEASE);
}

static bool make(struct twins *twins, uid_t user, int fd, bool linker, const struct plan_image *image, const struct gate_identity *identity,
                 struct plan_twin *ret_twin)
{
    auto_code struct code code = {0};
    auto_free struct draft *draft = calloc(1, sizeof(*draft));
    if (draft == NULL || !read_file(fd, image, &code))
        return false;
    find_sites(&code, linker, draft);
    struct gate_identity after;
    bool wanted;
    if (draft->site_count == 0 || !lay_out_somehow(draft) || !place_trampolines(image, draft) || !identify(fd, &after, &wanted) ||
        memcmp(&after, identity, sizeof(after)) != 0 || !write_out(twins, user, &code, draft))
        return false;
    *ret_twin = draft->twin;
    return true;
}

/* Who has no room for a large one has none at all: it would be as if the file could have no twin, for others too. */
static bool take_place(struct twins *twins, uid_t user)
{
    enum { LARGE = 256 << 10 };
    return share_has_room(&twins->memory, user, LARGE) && share_take(&twins->places, user, 1);
}

void twins_find(struct twins *twins, uid_t user, int fd, bool linker, struct plan_image *image)
{
    struct gate_identity identity;
    bool wanted;
    if (!window_has_gate(twins->window) || !identify(fd, &identity, &wanted) || !wanted)
        return;
    struct file *file = slot_of(twins, &identity);
    user = user == twins->first ? 0 : user;
    if (file == NULL || (file->state == FILE_FREE && !take_place(twins, user)))
        return;
    if (file->state == FILE_FREE) {
        file->identity = identity;
        file->state = FILE_BEING_READ; /* others do without until it is there */
        file->state = make(twins, user, fd, linker, image, &identity, &file->twin) ? FILE_WITH : FILE_WITHOUT;
        publish(twins, user, (size_t)(file - twins->files), image);
    }
    if (file->state == FILE_WITH)
        image->twin = file->twin;
}

enum twin_page twins_page(const struct twins *twins, uint64_t offset)
{
    for (size_t i = 0; i < GATE_FILES; i++) {
        const struct plan_twin *twin = &twins->files[i].twin;
        for (uint32_t k = 0; twins->files[i].state == FILE_WITH && k < twin->run_count; k++)
            if (offset >= twin->runs[k].offset && offset < twin->runs[k].offset + twin->runs[k].size)
                return TWIN_CODE;
    }
    return TWIN_HIDDEN;
}

const struct window *twins_window(const struct twins *twins)
{
    return twins->window;
}
