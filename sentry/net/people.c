/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/people.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "sentry/kernel/id_map.h"

struct entry {
    struct person person;
    struct entry *next; /* of the same key */
    uint32_t number;
    gid_t groups[];
};

struct people {
    struct id_map by_key;
    struct entry **all;
    uint32_t count, limit;
    size_t groups; /* of all of them */
};

enum { GROUPS_MAX = 1 << 20 };

struct people *people_new(uint32_t limit)
{
    auto_free struct people *people = calloc(1, sizeof(*people));
    if (people == NULL || (people->all = calloc(limit, sizeof(struct entry *))) == NULL)
        return NULL;
    people->limit = limit;
    return take_ptr(people);
}

void people_free(struct people *people)
{
    if (people == NULL)
        return;
    for (uint32_t i = 0; i < people->count; i++)
        free(people->all[i]);
    id_map_free(&people->by_key);
    free(people->all);
    free(people);
}

static uint64_t key_of(const struct person *person)
{
    uint64_t key = (uint64_t)person->uid << 32 | person->gid;
    for (size_t i = 0; i < person->group_count; i++) {
        key = (key ^ person->groups[i]) * UINT64_C(0xff51afd7ed558ccd);
        key ^= key >> 32;
    }
    return key | UINT64_C(1) << 63;
}

static bool same(const struct person *one, const struct person *other)
{
    return one->uid == other->uid && one->gid == other->gid && one->group_count == other->group_count &&
           (one->group_count == 0 || memcmp(one->groups, other->groups, one->group_count * sizeof(gid_t)) == 0);
}

static int add(struct people *people, uint64_t key, struct entry *others, const struct person *person, uint32_t *ret_number)
{
    if (people->count == people->limit || person->group_count > GROUPS_MAX - people->groups)
        return -ENOSPC;
    size_t size = person->group_count * sizeof(gid_t);
    struct entry *entry = malloc(sizeof(*entry) + size);
    if (entry == NULL || id_map_set(&people->by_key, key, entry) < 0) {
        free(entry);
        return -ENOMEM;
    }
    *entry = (struct entry){.person = *person, .next = others, .number = people->count};
    if (size > 0)
        memcpy(entry->groups, person->groups, size);
    entry->person.groups = entry->groups;
    people->all[people->count++] = entry;
    people->groups += person->group_count;
    *ret_number = entry->number;
    return 0;
}

int people_number(struct people *people, const struct person *person, uint32_t *ret_number)
{
    uint64_t key = key_of(person);
    struct entry *first = id_map_get(&people->by_key, key);
    for (const struct entry *entry = first; entry != NULL; entry = entry->next) {
        if (same(&entry->person, person)) {
            *ret_number = entry->number;
            return 0;
        }
    }
    return add(people, key, first, person, ret_number);
}

const struct person *people_find(const struct people *people, uint32_t number)
{
    return number < people->count ? &people->all[number]->person : NULL;
}
