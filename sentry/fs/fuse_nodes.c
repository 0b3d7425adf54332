/* SPDX-License-Identifier: Apache-2.0 */
/* The table of live files: nodes (what can be opened) and handles (what is open). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/fs/fuse_private.h"

void fuse_nodes_init(struct fuse_nodes *nodes)
{
    *nodes = (struct fuse_nodes){.node_hint = FUSE_FIRST_NODE};
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

int64_t fuse_node_register(struct fuse_nodes *nodes, const struct fuse_node_spec *spec)
{
    struct fuse_node_spec *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return -ENOMEM;
    *copy = *spec;
    copy->path[sizeof(copy->path) - 1] = '\0';

    pthread_mutex_lock(&nodes->mutex);
    size_t number = nodes->node_hint;
    while (number < nodes->node_capacity && nodes->nodes[number].used)
        number++;
    void *array = nodes->nodes;
    if (number >= nodes->node_capacity && !grow(&array, &nodes->node_capacity, sizeof(*nodes->nodes), FUSE_NODES_MAX)) {
        pthread_mutex_unlock(&nodes->mutex);
        free(copy);
        return -ENFILE;
    }
    nodes->nodes = array;
    nodes->nodes[number] = (struct fuse_node){.used = true, .registering = true, .spec = copy};
    nodes->node_hint = number + 1;
    pthread_mutex_unlock(&nodes->mutex);
    return (int64_t)number;
}

/* The mutex is held. */
static struct fuse_node *node_at(struct fuse_nodes *nodes, uint64_t number)
{
    if (number < FUSE_FIRST_NODE || number >= nodes->node_capacity || !nodes->nodes[number].used)
        return NULL;
    return &nodes->nodes[number];
}

/* The mutex is held. Frees the number if nothing needs it any more. */
static void node_settle(struct fuse_nodes *nodes, uint64_t number)
{
    struct fuse_node *node = node_at(nodes, number);
    if (node == NULL || node->registering || node->handles > 0)
        return;
    free(node->spec);
    *node = (struct fuse_node){0};
    if (number < nodes->node_hint)
        nodes->node_hint = number;
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
    int permitted = node != NULL ? node->spec->access : 0;
    bool allowed = node != NULL && (permitted == O_RDWR || permitted == access);
    if (allowed)
        node->handles++;
    pthread_mutex_unlock(&nodes->mutex);
    if (node == NULL)
        return -ENOENT;
    if (!allowed)
        return -EACCES;
    nodes->handles[handle] = (struct fuse_handle){.used = true, .node = number, .access = access};
    nodes->handle_hint = handle + 1;
    return (int64_t)handle;
}

struct fuse_handle *fuse_handle_find(struct fuse_nodes *nodes, uint64_t handle, uint64_t number)
{
    if (handle >= nodes->handle_capacity || !nodes->handles[handle].used || nodes->handles[handle].node != number)
        return NULL;
    return &nodes->handles[handle];
}

void fuse_handle_release(struct fuse_nodes *nodes, uint64_t handle, uint64_t number)
{
    struct fuse_handle *released = fuse_handle_find(nodes, handle, number);
    if (released == NULL)
        return;
    text_release(&released->text);
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
