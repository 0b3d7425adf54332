/* SPDX-License-Identifier: Apache-2.0 */
/* Where the gofer looks up names of sockets (gofer/bind.c): a folder in its hidden one, with its own self/fd in it. */
#ifndef RUNTIME_MOUNTS_GOFER_NAMES_H
#define RUNTIME_MOUNTS_GOFER_NAMES_H

struct error;
struct mount_tree;

/* Exchanges the mount of the hidden folder for one that has it. 0 or -errno. */
int gofer_names_make(const struct mount_tree *tree, int *hidden, struct error *error);

#endif
