/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/fair.h"

#include <errno.h>
#include <stdlib.h>

struct fair_user {
    uid_t id;
    size_t count; /* of his things, those included that were taken and are not done with */
    struct fair_item *first, *last; /* last: if there is a first */
    struct fair_user *next, *previous;
};

static uint64_t key_of(uid_t user)
{
    return (uint64_t)user + 1;
}

/* The last whose turn it is. */
static void enter(struct fair_queue *queue, struct fair_user *user)
{
    struct fair_user *before = queue->turn == NULL ? user : queue->turn->previous;
    user->next = queue->turn == NULL ? user : queue->turn;
    user->previous = before;
    before->next = user;
    user->next->previous = user;
    if (queue->turn == NULL)
        queue->turn = user;
}

static void leave(struct fair_queue *queue, struct fair_user *user)
{
    id_map_remove(&queue->users, key_of(user->id), user);
    user->previous->next = user->next;
    user->next->previous = user->previous;
    if (queue->turn == user)
        queue->turn = user->next == user ? NULL : user->next;
    free(user);
}

static struct fair_user *obtain(struct fair_queue *queue, uid_t id)
{
    struct fair_user *user = id_map_get(&queue->users, key_of(id));
    if (user != NULL)
        return user;
    user = calloc(1, sizeof(*user));
    if (user == NULL || id_map_set(&queue->users, key_of(id), user) < 0) {
        free(user);
        return NULL;
    }
    user->id = id;
    enter(queue, user);
    return user;
}

void fair_put_back(struct fair_item *item)
{
    struct fair_user *user = item->user;
    item->next = NULL;
    if (user->first == NULL)
        user->first = item;
    else
        user->last->next = item;
    user->last = item;
}

int fair_add(struct fair_queue *queue, struct fair_item *item, uid_t user)
{
    item->user = obtain(queue, user);
    if (item->user == NULL)
        return -ENOMEM;
    item->user->count++;
    fair_put_back(item);
    return 0;
}

struct fair_item *fair_take(struct fair_queue *queue, bool (*may)(uid_t user))
{
    struct fair_user *user = queue->turn;
    while (user != NULL && (user->first == NULL || (may != NULL && !may(user->id))))
        user = user->next == queue->turn ? NULL : user->next;
    if (user == NULL)
        return NULL;
    struct fair_item *item = user->first;
    user->first = item->next;
    queue->turn = user->next;
    return item;
}

void fair_done(struct fair_queue *queue, struct fair_item *item)
{
    if (--item->user->count == 0)
        leave(queue, item->user);
}

uid_t fair_user(const struct fair_item *item)
{
    return item->user->id;
}
