/* SPDX-License-Identifier: Apache-2.0 */
/* The table of live files: nodes (what can be opened) and handles (what is open). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/fs/fuse_private.h"

void fuse_nodes_init(struct fuse_nodes *nodes)
{
    *nodes = (struct fuse_nodes){.node_hint = FUSE_FIRST_NODE / 2,
                                 .node_share = SHARE_OF(FUSE_NODES_MAX),
                                 .handle_share = SHARE_OF(FUSE_HANDLES_MAX),
                                 .text_share = SHARE_OF(FUSE_TEXT_MAX)};
    (void)pthread_mutex_init(&nodes->mutex, NULL);
}

void fuse_nodes_destroy(struct fuse_nodes *nodes)
{
    for (size_t i = 0; i < nodes->node_capacity; i++)
        free(nodes->nodes[i].spec);
    for (size_t i = 0; i < nodes->handle_capacity; i++)
        text_release(&nodes->handles[i].text);
    free(nodes->nodes);
    free(nodes->handles);
    id_map_free(&nodes->node_share.users);
    id_map_free(&nodes->handle_share.users);
    id_map_free(&nodes->text_share.users);
    (void)pthread_mutex_destroy(&nodes->mutex);
}

/* Doubles an array, new part zeroed. Returns false if memory or the limit is out. */
static bool grow(void **array, size_t *capacity, size_t size, size_t limit)
{
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    if (*capacity >= limit)
        return false;
    if (wanted > limit)
        wanted = limit;
    char *larger = realloc(*array, wanted * size);
    if (larger == NULL)
        return false;
    memset(larger + *capacity * size, 0, (wanted - *capacity) * size);
    *array = larger;
    *capacity = wanted;
    return true;
}

/* The mutex is held. */
static int64_t free_place(struct fuse_nodes *nodes)
{
    size_t place = nodes->node_hint;
    while (place < nodes->node_capacity && nodes->nodes[place].used)
        place++;
    void *array = nodes->nodes;
    if (place >= nodes->node_capacity && !grow(&array, &nodes->node_capacity, sizeof(*nodes->nodes), FUSE_NODES_MAX + 1))
        return -ENFILE;
    nodes->nodes = array;
    return (int64_t)place;
}

static bool is_folder(const struct fuse_node_spec *spec)
{
    return S_ISDIR(spec->mode);
}

int64_t fuse_node_register(struct fuse_nodes *nodes, const struct fuse_node_spec *spec, uid_t user)
{
    struct fuse_node_spec *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return -ENOMEM;
    *copy = *spec;
    copy->path[sizeof(copy->path) - 1] = '\0';

    pthread_mutex_lock(&nodes->mutex);
    int64_t place = share_has_room(&nodes->node_share, user, 1) ? free_place(nodes) : -ENFILE;
    if (place >= 0 && !share_take(&nodes->node_share, user, 1))
        place = -ENOMEM;
    if (place >= 0) {
        nodes->nodes[place] = (struct fuse_node){.used = true, .user = user, .registering = true, .spec = copy};
        nodes->node_hint = (size_t)place + 1;
    }
    pthread_mutex_unlock(&nodes->mutex);
    if (place < 0)
        free(copy);
    return place < 0 ? place : place * 2 + (is_folder(spec) ? 1 : 0);
}

/* The mutex is held. */
static struct fuse_node *node_at(struct fuse_nodes *nodes, uint64_t number)
{
    if (number < FUSE_FIRST_NODE || number / 2 >= nodes->node_capacity)
        return NULL;
    struct fuse_node *node = &nodes->nodes[number / 2];
    return node->used && is_folder(node->spec) == (number % 2 == 1) ? node : NULL;
}

/* The mutex is held. Frees the number if nothing needs it any more. */
static void node_settle(struct fuse_nodes *nodes, uint64_t number)
{
    struct fuse_node *node = node_at(nodes, number);
    if (node == NULL || node->registering || node->handles > 0)
        return;
    free(node->spec);
    share_give(&nodes->node_share, node->user, 1);
    *node = (struct fuse_node){0};
    if (number / 2 < nodes->node_hint)
        nodes->node_hint = number / 2;
}

void fuse_node_registered(struct fuse_nodes *nodes, uint64_t number)
{
    pthread_mutex_lock(&nodes->mutex);
    struct fuse_node *node = node_at(nodes, number);
    if (node != NULL)
        node->registering = false;
    node_settle(nodes, number);
    pthread_mutex_unlock(&nodes->mutex);
}

bool fuse_node_find(struct fuse_nodes *nodes, uint64_t number, struct fuse_node_spec *ret_spec)
{
    pthread_mutex_lock(&nodes->mutex);
    const struct fuse_node *node = node_at(nodes, number);
    if (node != NULL)
        *ret_spec = *node->spec;
    pthread_mutex_unlock(&nodes->mutex);
    return node != NULL;
}

uid_t fuse_node_user(struct fuse_nodes *nodes, uint64_t number)
{
    pthread_mutex_lock(&nodes->mutex);
    const struct fuse_node *node = node_at(nodes, number);
    const uid_t user = node != NULL ? node->user : 0;
    pthread_mutex_unlock(&nodes->mutex);
    return user;
}

/* The mutex is held. */
static int permit(struct fuse_nodes *nodes, struct fuse_node *node, int access)
{
    int permitted = node->spec->access;
    if (permitted != O_RDWR && permitted != access)
        return -EACCES;
    if (!share_take(&nodes->handle_share, node->user, 1))
        return -ENFILE;
    node->handles++;
    return 0;
}

int64_t fuse_handle_open(struct fuse_nodes *nodes, uint64_t number, int access)
{
    size_t handle = nodes->handle_hint;
    while (handle < nodes->handle_capacity && nodes->handles[handle].used)
        handle++;
    void *array = nodes->handles;
    if (handle >= nodes->handle_capacity &&
        !grow(&array, &nodes->handle_capacity, sizeof(*nodes->handles), FUSE_HANDLES_MAX))
        return -ENFILE;
    nodes->handles = array;

    pthread_mutex_lock(&nodes->mutex);
    struct fuse_node *node = node_at(nodes, number);
    int result = node != NULL ? permit(nodes, node, access) : -ENOENT;
    const uid_t user = node != NULL ? node->user : 0;
    pthread_mutex_unlock(&nodes->mutex);
    if (result < 0)
        return result;
    nodes->handles[handle] = (struct fuse_handle){.used = true, .user = user, .node = number, .access = access};
    nodes->handle_hint = handle + 1;
    return (int64_t)handle;
}

struct fuse_handle *fuse_handle_find(struct fuse_nodes *nodes, uint64_t handle, uint64_t number)
{
    if (handle >= nodes->handle_capacity || !nodes->handles[handle].used || nodes->handles[handle].node != number)
        return NULL;
    return &nodes->handles[handle];
}

void fuse_handle_drop_text(struct fuse_nodes *nodes, struct fuse_handle *handle)
{
    if (handle->generated)
        share_give(&nodes->text_share, handle->user, handle->text.length);
    text_release(&handle->text);
    handle->generated = false;
}

static void make_room(struct fuse_nodes *nodes, uid_t user, size_t size)
{
    for (size_t i = 0; i < nodes->handle_capacity && !share_has_room(&nodes->text_share, user, size); i++) {
        struct fuse_handle *handle = &nodes->handles[nodes->text_hint++ % nodes->handle_capacity];
        if (handle->used && handle->generated && handle->user == user)
            fuse_handle_drop_text(nodes, handle);
    }
}

int fuse_handle_keep_text(struct fuse_nodes *nodes, struct fuse_handle *handle)
{
    make_room(nodes, handle->user, handle->text.length);
    handle->generated = share_take(&nodes->text_share, handle->user, handle->text.length);
    if (!handle->generated)
        text_release(&handle->text);
    return handle->generated ? 0 : -ENOMEM;
}

void fuse_handle_release(struct fuse_nodes *nodes, uint64_t handle, uint64_t number)
{
    struct fuse_handle *released = fuse_handle_find(nodes, handle, number);
    if (released == NULL)
        return;
    fuse_handle_drop_text(nodes, released);
    share_give(&nodes->handle_share, released->user, 1);
    *released = (struct fuse_handle){0};
    if (handle < nodes->handle_hint)
        nodes->handle_hint = (size_t)handle;
    pthread_mutex_lock(&nodes->mutex);
    struct fuse_node *node = node_at(nodes, number);
    if (node != NULL && node->handles > 0)
        node->handles--;
    node_settle(nodes, number);
    pthread_mutex_unlock(&nodes->mutex);
}
