/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of synthetic entries from their tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/fs/synthfs.h"

static const struct synth_entry implied_directory = {.path = "", .mode = 0555, .means = SYNTH_DIRECTORY};

static struct synth_node *child_of(const struct synth_node *node, const char *name, size_t length)
{
    for (struct synth_node *child = node->children; child != NULL; child = child->next) {
        if (child->name_length == length && memcmp(child->name, name, length) == 0)
            return child;
    }
    return NULL;
}

const struct synth_node *synth_node_child(const struct synth_node *node, const char *name)
{
    return child_of(node, name, strlen(name));
}

int synth_name_number(const char *name)
{
    long long number;
    if ((name[0] == '0' && name[1] != '\0') || name[0] == '-' || !text_number(name, 0, INT32_MAX, &number))
        return -1;
    return (int)number;
}

/* Children keep the order of the tables: it is the order of readdir. */
static struct synth_node *add_child(struct synth_node *parent, const char *name, size_t length, uint32_t *counter)
{
    struct synth_node *node = calloc(1, sizeof(*node));
    if (node == NULL)
        return NULL;
    *node = (struct synth_node){
        .entry = &implied_directory, .name = name, .name_length = length, .index = (*counter)++, .parent = parent};
    struct synth_node **place = &parent->children;
    while (*place != NULL)
        place = &(*place)->next;
    *place = node;
    parent->child_count++;
    return node;
}

static int add_entry(struct synth_node *root, const struct synth_entry *entry, uint32_t *counter)
{
    struct synth_node *node = root;
    for (const char *rest = entry->path; *rest != '\0';) {
        size_t length = strcspn(rest, "/");
        struct synth_node *child = child_of(node, rest, length);
        if (child == NULL)
            child = add_child(node, rest, length, counter);
        if (child == NULL)
            return -ENOMEM;
        node = child;
        rest += length;
        rest += *rest == '/';
    }
    if (node->entry != &implied_directory)
        return -EINVAL;
    node->entry = entry;
    return 0;
}

static int add_table(struct synth_node *root, const struct synth_entry *entries, uint32_t *counter)
{
    for (const struct synth_entry *entry = entries; entry->path != NULL; entry++) {
        int result = add_entry(root, entry, counter);
        if (result == 0 && entry->numbered != NULL)
            result = synth_tree_build(entry->numbered->tree);
        if (result < 0)
            return result;
    }
    return 0;
}

int synth_tree_build(struct synth_tree *tree)
{
    static uint32_t counter = 1; /* across trees: inode numbers of different ones must differ */
    if (tree->root != NULL)
        return 0;
    struct synth_node *root = calloc(1, sizeof(*root));
    if (root == NULL)
        return -ENOMEM;
    *root = (struct synth_node){.entry = &implied_directory, .name = "", .index = counter++};
    tree->root = root; /* set first: a tree may be reached from itself */
    for (size_t i = 0; i < SYNTH_TABLES_MAX && tree->tables[i] != NULL; i++) {
        int result = add_table(root, tree->tables[i], &counter);
        if (result < 0)
            return result;
    }
    return 0;
}

int synth_generate(const struct synth_source *source, struct text *text)
{
    if (source->entry->generate != NULL) {
        int result = source->entry->generate(source, text);
        return result < 0 ? result : text->error;
    }
    if (source->entry->argument != NULL)
        text_string(text, source->entry->argument);
    return text->error;
}
