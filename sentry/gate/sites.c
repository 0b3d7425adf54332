/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/gate/sites.h"

#include <string.h>

#include "postern/routes.h"
#include "postern/syscall_numbers.h"
#include "sentry/gate/instruction.h"

enum { MOV_EAX = 0xb8, PCREL_SDATA4 = 0x1b };

static const bool taken[ROUTES_MAX] = {
#define GATE(name) [__NR_##name] = true,
#include "sentry/gate/gate.def"
#undef GATE
};

static bool looks_like_site(const uint8_t *at, bool mmap, int *ret_nr)
{
    uint32_t nr;
    memcpy(&nr, at + 1, sizeof(nr));
    if (at[0] != MOV_EAX || at[5] != 0x0f || at[6] != 0x05 || nr >= ROUTES_MAX || !taken[nr] || (nr == __NR_mmap && !mmap))
        return false;
    *ret_nr = (int)nr;
    return true;
}

struct search {
    const struct span *text;
    bool mmap;
    struct site candidates[SITES_MAX];
    bool certain[SITES_MAX];
    size_t count;
    uint64_t budget; /* bytes that may still be decoded: functions do not overlap, but a hostile file may say so, many times over */
};

static void find_candidates(struct search *search)
{
    const struct span *text = search->text;
    size_t from = SITE_SIZE - 1;
    while (search->count < SITES_MAX && from < text->size) {
        const uint8_t *found = memchr(text->bytes + from, 0x05, text->size - from);
        if (found == NULL)
            return;
        const uint8_t *start = found + 1 - SITE_SIZE;
        struct site *site = &search->candidates[search->count];
        if (looks_like_site(start, search->mmap, &site->nr)) {
            site->address = text->address + (size_t)(start - text->bytes);
            search->count++;
        }
        from = (size_t)(found - text->bytes) + 1;
    }
}

/* The first candidate at or behind an address. */
static size_t candidate_from(const struct search *search, uint64_t address)
{
    size_t low = 0, high = search->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (search->candidates[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Decodes a function as far as there are candidates in it. */
static void walk_function(struct search *search, uint64_t start, uint64_t end)
{
    const struct span *text = search->text;
    size_t candidate = candidate_from(search, start);
    uint64_t at = start;
    while (candidate < search->count && search->candidates[candidate].address + SITE_SIZE <= end) {
        size_t offset = (size_t)(at - text->address);
        size_t length = instruction_length(text->bytes + offset, text->size - offset);
        if (length == 0)
            return;
        if (length > search->budget) {
            search->budget = 0;
            return;
        }
        search->budget -= length;
        if (at == search->candidates[candidate].address)
            search->certain[candidate] = true;
        at += length;
        while (candidate < search->count && search->candidates[candidate].address < at)
            candidate++;
    }
}

/* --- .eh_frame (System V ABI, AMD64 supplement, 3.7; DWARF 4, 6.4.1) --- */

struct reader {
    const struct span *frames;
    size_t at, end;
};

static bool take(struct reader *reader, void *to, size_t size)
{
    if (reader->end - reader->at < size)
        return false;
    memcpy(to, reader->frames->bytes + reader->at, size);
    reader->at += size;
    return true;
}

static bool skip_leb(struct reader *reader)
{
    enum { LEB_MAX = 10 }; /* bytes of 64 bits */
    uint8_t byte;
    for (int i = 0; i < LEB_MAX && take(reader, &byte, 1); i++)
        if ((byte & 0x80) == 0)
            return true;
    return false;
}

/* Are the addresses of a CIE's entries of the one kind compilers write? Its augmentation says it, in order of its letters. */
static bool is_usual_cie(const struct span *frames, size_t at, size_t end)
{
    struct reader reader = {.frames = frames, .at = at, .end = end};
    uint8_t version, byte, encoding;
    char letters[8] = "";
    if (!take(&reader, &version, 1) || version != 1)
        return false;
    for (size_t i = 0;; i++) {
        if (i == sizeof(letters) || !take(&reader, &letters[i], 1))
            return false;
        if (letters[i] == '\0')
            break;
    }
    if (letters[0] != 'z' || !skip_leb(&reader) || !skip_leb(&reader) || !take(&reader, &byte, 1) || !skip_leb(&reader))
        return false;
    for (const char *letter = letters + 1; *letter != '\0'; letter++) {
        if (*letter == 'R')
            return take(&reader, &encoding, 1) && encoding == PCREL_SDATA4;
        if (*letter == 'L' && !take(&reader, &byte, 1))
            return false;
        if (*letter == 'P') {
            uint32_t personality;
            if (!take(&reader, &byte, 1) || (byte & 0x0f) != (PCREL_SDATA4 & 0x0f) || !take(&reader, &personality, sizeof(personality)))
                return false;
        }
    }
    return false;
}

struct frames_walk {
    struct search *search;
    size_t cie_at; /* the CIE looked at last, and what came of it */
    bool cie_usual;
};

/* One function description; `at` is behind the pointer to its CIE. */
static void walk_description(struct frames_walk *walk, const struct span *frames, size_t at, size_t end)
{
    const struct span *text = walk->search->text;
    struct reader reader = {.frames = frames, .at = at, .end = end};
    int32_t distance;
    uint32_t range;
    uint64_t place = frames->address + at;
    if (!take(&reader, &distance, sizeof(distance)) || !take(&reader, &range, sizeof(range)))
        return;
    uint64_t start = place + (uint64_t)(int64_t)distance;
    if (start >= text->address && start - text->address < text->size && range <= text->size - (start - text->address))
        walk_function(walk->search, start, start + range);
}

static bool check_cie(struct frames_walk *walk, const struct span *frames, size_t cie)
{
    uint32_t length;
    if (cie == walk->cie_at)
        return walk->cie_usual;
    walk->cie_at = cie;
    walk->cie_usual = false;
    if (frames->size < 8 || cie > frames->size - 8)
        return false;
    memcpy(&length, frames->bytes + cie, sizeof(length));
    if (length < 4 || length > frames->size - cie - 4)
        return false;
    walk->cie_usual = is_usual_cie(frames, cie + 8, cie + 4 + length);
    return walk->cie_usual;
}

static void walk_frames(struct search *search, const struct span *frames)
{
    struct frames_walk walk = {.search = search, .cie_at = SIZE_MAX};
    for (size_t at = 0; frames->size - at >= 8 && search->budget > 0;) {
        uint32_t length, back;
        memcpy(&length, frames->bytes + at, sizeof(length));
        if (length < 4 || length > frames->size - at - 4)
            return; /* the end, or of 64 bits, which nobody writes */
        memcpy(&back, frames->bytes + at + 4, sizeof(back));
        if (back != 0 && back <= at + 4 && check_cie(&walk, frames, at + 4 - back))
            walk_description(&walk, frames, at + 8, at + 4 + length);
        at += 4 + (size_t)length;
    }
}

size_t sites_find(const struct span *text, const struct span *frames, bool mmap, struct site sites[SITES_MAX])
{
    struct search search = {.text = text, .mmap = mmap, .budget = 2 * text->size};
    find_candidates(&search);
    if (search.count > 0)
        walk_frames(&search, frames);
    if (search.budget == 0)
        return 0;
    size_t count = 0;
    for (size_t i = 0; i < search.count; i++)
        if (search.certain[i])
            sites[count++] = search.candidates[i];
    return count;
}
