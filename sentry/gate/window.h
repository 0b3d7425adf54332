/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file every guest program starts from: the stub, which the kernel executes, and behind it the window, which the stub maps into
 * each process at GATE_ADDRESS (sentry/stub/gate.h): the gate's code, and pages of twins (twin.h). The sentry writes to the window by a
 * mapping it made first; then the file was sealed: a guest can hold on to a descriptor of it, and not write to it. (Its mode cannot be sealed
 * while that mapping is there: it is the sentry that changes nothing of its own for a guest, syscalls/namei.c.) One per sandbox: no page of it is another's.
 */
#ifndef SENTRY_GATE_WINDOW_H
#define SENTRY_GATE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window;

/* Before the sentry is confined. gate: whether the guest is to have one. NULL with errno. */
struct window *window_new(bool gate);
int window_file(const struct window *window); /* borrowed */
uint64_t window_inode(const struct window *window);
bool window_has_gate(const struct window *window);

/* All of it, for the tables at its beginning. */
uint8_t *window_memory(const struct window *window);

/* Room of whole pages that nobody has seen yet: where it lies in the file, or 0 if there is none. *ret_memory: to be written once, before
 * anybody is told of it. */
uint64_t window_take(struct window *window, size_t size, uint8_t **ret_memory);

#endif
