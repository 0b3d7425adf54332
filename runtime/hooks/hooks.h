/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks of config.json, as the runtime-spec orders them:
 *
 *   prestart, createRuntime   in the runtime's namespaces, when the container's exist and its mounts are made
 *   createContainer           in the container's mount, network, ipc and uts namespaces, before the root is changed
 *   startContainer            in the container, as a process of its own, before the program
 *   poststart                 in the runtime's, when the program runs
 *   poststop                  in the runtime's, when the container is gone
 *
 * Hooks never land in the sandbox's pid namespace, but for startContainer, which is guest code like any other.
 */
#ifndef RUNTIME_HOOKS_HOOKS_H
#define RUNTIME_HOOKS_HOOKS_H

#include <sys/types.h>

struct container;
struct error;
struct oci_config;
struct sandbox;

/* prestart, createRuntime and createContainer. The first failure is the error; the container must go then. */
int hooks_create(const struct oci_config *config, const struct container *container, const struct sandbox *sandbox,
                 struct error *error);

/* startContainer: the init waits to be started. `folder` is the state folder. The first failure is the error. */
int hooks_start_container(int folder, const struct container *container, struct error *error);

/* These two read what kept_config_save kept. The first failure of poststart is the error, and the container's end; those of poststop are
 * only logged. */
int hooks_poststart(int folder, const struct container *container, struct error *error);
void hooks_poststop(int folder, const struct container *container);

#endif
