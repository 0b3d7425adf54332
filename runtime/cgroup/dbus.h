/* SPDX-License-Identifier: Apache-2.0 */
/* As much of D-Bus as a few calls to systemd's own socket need: messages of a few kinds of values, one call at a time.
 */
#ifndef RUNTIME_CGROUP_DBUS_H
#define RUNTIME_CGROUP_DBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum { DBUS_MESSAGE_MAX = 8192 };

/* A body that is being written. What does not fit makes it full, and the call of it fails. */
struct dbus_body {
    uint8_t bytes[DBUS_MESSAGE_MAX];
    size_t used;
    bool full;
};

void dbus_put_u32(struct dbus_body *body, uint32_t value); /* also a boolean */
void dbus_put_string(struct dbus_body *body, const char *text);
void dbus_put_signature(struct dbus_body *body, const char *signature);
void dbus_align(struct dbus_body *body, size_t alignment); /* 8 in front of a structure */
/* An array: from the returned place to the matching dbus_end_array. alignment is that of an element. */
size_t dbus_begin_array(struct dbus_body *body, size_t alignment);
void dbus_end_array(struct dbus_body *body, size_t place, size_t alignment);

/* A connected, authenticated socket, or -errno. */
int dbus_open(const char *path);
/* Waits for the answer, seconds at most. -EREMOTEIO with the answerer's words if it refuses. */
struct dbus_call {
    const char *destination, *path, *interface, *member, *signature;
};
int dbus_call(int socket, const struct dbus_call *call, const struct dbus_body *body, struct error *error);

#endif
