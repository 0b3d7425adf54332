/* SPDX-License-Identifier: Apache-2.0 */
/* Other containers of this root, where the configuration of one names another. */
#ifndef RUNTIME_STATE_PEERS_H
#define RUNTIME_STATE_PEERS_H

/* The user namespace of a container is its gofer's, but what engines know of it is its first process, which is in another that
 * has no ids at all. For a path to that one, or NULL: the gofer's, open, or -ENOENT if it is no container's of this root. */
int peers_user_namespace(const char *root, const char *path);

#endif
