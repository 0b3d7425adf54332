/* SPDX-License-Identifier: Apache-2.0 */
/* What was granted to a memory. Whose it is stands in aio.c. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/kernel/aio.h"
#include "sentry/kernel/table.h"

static void give(const struct aio_account *account, unsigned int events)
{
    (void)pthread_mutex_lock(&account->table->aio.mutex);
    share_give(&account->table->aio.events, account->user, events);
    (void)pthread_mutex_unlock(&account->table->aio.mutex);
}

static bool take(const struct aio_account *account, unsigned int events)
{
    (void)pthread_mutex_lock(&account->table->aio.mutex);
    bool taken = share_take(&account->table->aio.events, account->user, events);
    (void)pthread_mutex_unlock(&account->table->aio.mutex);
    return taken;
}

struct aio_account *aio_account_new(struct process_table *table, uid_t user, pid_t owner, uint64_t owner_start)
{
    struct aio_account *account = calloc(1, sizeof(*account));
    if (account == NULL)
        return NULL;
    *account = (struct aio_account){.table = table, .user = user, .owner = owner, .owner_start = owner_start};
    atomic_init(&account->references, 1);
    return account;
}

struct aio_account *aio_account_get(struct aio_account *account)
{
    if (account != NULL)
        atomic_fetch_add(&account->references, 1);
    return account;
}

struct aio_account *aio_account_put(struct aio_account *account)
{
    if (account == NULL || atomic_fetch_sub(&account->references, 1) > 1)
        return NULL;
    for (size_t i = 0; i < account->count; i++)
        give(account, account->grants[i]);
    free(account->grants);
    free(account);
    return NULL;
}

int aio_account_add(struct aio_account *account, unsigned int events)
{
    if (account->count == account->room) {
        const size_t room = account->room == 0 ? 8 : account->room * 2;
        unsigned int *grants = reallocarray(account->grants, room, sizeof(*grants));
        if (grants == NULL)
            return -ENOMEM;
        account->grants = grants;
        account->room = room;
    }
    if (!take(account, events))
        return -EAGAIN;
    size_t at = account->count++;
    for (; at > 0 && account->grants[at - 1] > events; at--)
        account->grants[at] = account->grants[at - 1];
    account->grants[at] = events;
    return 0;
}

static void remove_at(struct aio_account *account, size_t at)
{
    give(account, account->grants[at]);
    account->count--;
    memmove(&account->grants[at], &account->grants[at + 1], (account->count - at) * sizeof(account->grants[0]));
}

void aio_return(struct aio_account *account, unsigned int events)
{
    for (size_t i = 0; i < account->count; i++) {
        if (account->grants[i] == events) {
            remove_at(account, i);
            return;
        }
    }
}

void aio_destroyed(struct aio_account *account)
{
    if (account->count > 0)
        remove_at(account, 0);
}
