/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/share.h"

#include <stdint.h>

enum { ROOT_LEAVES = 16 };

static uint64_t key_of(uid_t user)
{
    return (uint64_t)user + 1;
}

static void *as_value(size_t amount)
{
    return (void *)(uintptr_t)amount;
}

size_t share_of(const struct share *share, uid_t user)
{
    return (size_t)(uintptr_t)id_map_get(&share->users, key_of(user));
}

bool share_allows(size_t all, size_t taken, size_t has, uid_t user, size_t amount)
{
    if (taken > all || amount > all - taken)
        return false;
    const size_t left = all - taken - amount;
    /* Of very little anybody may have one. */
    return has + amount <= left || (has == 0 && amount == 1) || (user == 0 && left >= all / ROOT_LEAVES);
}

bool share_has_room(const struct share *share, uid_t user, size_t amount)
{
    return share_allows(share->all, share->taken, share_of(share, user), user, amount);
}

bool share_take(struct share *share, uid_t user, size_t amount)
{
    if (!share_has_room(share, user, amount))
        return false;
    if (amount > 0 && id_map_set(&share->users, key_of(user), as_value(share_of(share, user) + amount)) < 0)
        return false;
    share->taken += amount;
    return true;
}

void share_give(struct share *share, uid_t user, size_t amount)
{
    const size_t has = share_of(share, user);
    if (amount == 0 || amount > has)
        return;
    share->taken -= amount;
    if (amount == has)
        id_map_remove(&share->users, key_of(user), as_value(has));
    else
        (void)id_map_set(&share->users, key_of(user), as_value(has - amount)); /* it is there: no memory is needed */
}
