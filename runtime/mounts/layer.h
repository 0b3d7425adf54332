/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private writable layer over folders of the host. What the container writes in them goes to a tmpfs of its own,
 * whose size is limited, and is gone with the container's mounts; the folders themselves are only read.
 *
 * Asked for by the annotation LAYER_ANNOTATION of config.json (a size, "512m"). The root is then below the layer, and
 * so are mounts of type "layer": over their source, or, without one, an empty folder in the layer itself.
 *
 * One overlay shows one file system: what is mounted below a folder is not seen through it. Sockets and FIFOs of the
 * host are seen, but are objects of the overlay's own: nobody listens at them.
 */
#ifndef RUNTIME_MOUNTS_LAYER_H
#define RUNTIME_MOUNTS_LAYER_H

#include <stdbool.h>

struct error;

struct layer {
    int fd;             /* the tmpfs; -1: the container has none */
    bool mapped;        /* made in a user namespace */
    unsigned int count; /* of its folders, which are named by numbers */
};

#define LAYER_NONE ((struct layer){.fd = -1})

/* Makes it, mounted at `place`. `size` is the annotation's value. */
int layer_make(struct layer *layer, const char *size, int place, struct error *error);

/* What of the host is to be shown, O_PATH; or -errno, -ELOOP where a link is on the way: whose paths these are has followed all there
 * were, and what is one now has been laid since, perhaps by the one whose command is to be kept in. */
int layer_open_source(int at, const char *path, int flags);

/* A folder below the layer: a detached mount, or -errno. */
int layer_over(struct layer *layer, int folder);

/* An empty folder of the layer as a detached mount, or -errno. It has the mode and the owner of `covered`, and is a
 * file if that is none, unless that is -1; but the mode of "mode=OCTAL" in options, which may be NULL. */
int layer_empty(struct layer *layer, int covered, const char *options);

/* For layer_tiles.c. A new folder, open; mode and owner of another object as far as we may give them. */
int layer_make_folder(int at, const char *name);
int layer_next_folder(struct layer *layer);
int layer_be_like(int object, int model);

#endif
