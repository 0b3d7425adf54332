/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/dbus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

enum {
    ANSWER_SECONDS = 25,
    FIXED_HEADER = 12,
    KIND_CALL = 1,
    KIND_RETURN = 2,
    KIND_ERROR = 3,
    FIELD_PATH = 1,
    FIELD_INTERFACE = 2,
    FIELD_MEMBER = 3,
    FIELD_REPLY_SERIAL = 5,
    FIELD_DESTINATION = 6,
    FIELD_SIGNATURE = 8,
    SERIAL = 1, /* one call at a time: answers to calls before have all been read */
    ANSWER_MAX = 1024 * 1024,
};

/* -- writing ---------------------------------------------------------------------------------------------------- */

static void put_bytes(struct dbus_body *body, const void *bytes, size_t size)
{
    if (body->full || size > sizeof(body->bytes) - body->used) {
        body->full = true;
        return;
    }
    memcpy(body->bytes + body->used, bytes, size);
    body->used += size;
}

void dbus_align(struct dbus_body *body, size_t alignment)
{
    static const uint8_t zeros[8];
    put_bytes(body, zeros, (alignment - body->used % alignment) % alignment);
}

void dbus_put_u32(struct dbus_body *body, uint32_t value)
{
    dbus_align(body, sizeof(value));
    put_bytes(body, &value, sizeof(value)); /* we say "little endian" in the header: x86-64 */
}

void dbus_put_string(struct dbus_body *body, const char *text)
{
    size_t length = strlen(text);
    dbus_put_u32(body, (uint32_t)length);
    put_bytes(body, text, length + 1);
}

void dbus_put_signature(struct dbus_body *body, const char *signature)
{
    uint8_t length = (uint8_t)strlen(signature);
    put_bytes(body, &length, 1);
    put_bytes(body, signature, (size_t)length + 1);
}

size_t dbus_begin_array(struct dbus_body *body, size_t alignment)
{
    dbus_put_u32(body, 0);
    size_t place = body->used - sizeof(uint32_t);
    dbus_align(body, alignment);
    return place;
}

void dbus_end_array(struct dbus_body *body, size_t place, size_t alignment)
{
    if (body->full)
        return;
    size_t begin = (place + sizeof(uint32_t) + alignment - 1) / alignment * alignment; /* padding does not count */
    uint32_t size = (uint32_t)(body->used - begin);
    memcpy(body->bytes + place, &size, sizeof(size));
}

static void put_field(struct dbus_body *header, uint8_t field, const char *signature, const char *text)
{
    if (text == NULL)
        return;
    dbus_align(header, 8);
    put_bytes(header, &field, 1);
    dbus_put_signature(header, signature);
    if (signature[0] == 'g')
        dbus_put_signature(header, text);
    else
        dbus_put_string(header, text);
}

static void put_header(struct dbus_body *header, const struct dbus_call *call, size_t body_size)
{
    const uint8_t start[] = {'l', KIND_CALL, 0, 1};
    put_bytes(header, start, sizeof(start));
    dbus_put_u32(header, (uint32_t)body_size);
    dbus_put_u32(header, SERIAL);
    size_t fields = dbus_begin_array(header, 8);
    put_field(header, FIELD_PATH, "o", call->path);
    put_field(header, FIELD_INTERFACE, "s", call->interface);
    put_field(header, FIELD_MEMBER, "s", call->member);
    put_field(header, FIELD_DESTINATION, "s", call->destination);
    put_field(header, FIELD_SIGNATURE, "g", call->signature);
    dbus_end_array(header, fields, 8);
    dbus_align(header, 8);
}

/* -- the socket ------------------------------------------------------------------------------------------------- */

static int send_all(int socket_fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(socket_fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        done += (size_t)sent;
    }
    return 0;
}

static int receive_all(int socket_fd, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = recv(socket_fd, (char *)bytes + done, size - done, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (got == 0)
            return -ECONNRESET;
        done += (size_t)got;
    }
    return 0;
}

static int receive_line(int socket_fd, char *line, size_t size)
{
    size_t used = 0;
    do {
        int result = used + 1 < size ? receive_all(socket_fd, line + used, 1) : -EPROTO;
        if (result < 0)
            return result;
    } while (line[used++] != '\n');
    line[used] = '\0';
    return 0;
}

/* Who we are is what the kernel says of the socket. We do not repeat it: a user namespace has numbers of its own. */
static int authenticate(int socket_fd)
{
    static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\n", begin[] = "BEGIN\r\n";
    static const char *const answers[] = {"DATA", "OK"};
    int result = send_all(socket_fd, hello, sizeof(hello) - 1);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]) && result == 0; i++) {
        char line[128];
        result = receive_line(socket_fd, line, sizeof(line));
        if (result == 0 && strncmp(line, answers[i], strlen(answers[i])) != 0)
            result = -EACCES;
    }
    return result == 0 ? send_all(socket_fd, begin, sizeof(begin) - 1) : result;
}

int dbus_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    (void)strcpy(address.sun_path, path);
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    int result = authenticate(fd);
    return result < 0 ? result : take_fd(&fd);
}

/* -- answers ---------------------------------------------------------------------------------------------------- */

struct answer {
    uint8_t kind;
    uint32_t reply_to;
    char text[512]; /* the first string of the body, if it begins with one */
};

static size_t aligned(size_t at, size_t alignment)
{
    return (at + alignment - 1) / alignment * alignment;
}

static uint32_t u32_at(const uint8_t *bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes + at, sizeof(value));
    return value;
}

/* The header's fields: (number, signature of one letter, value). Only the serial answered to matters. */
static int read_fields(const uint8_t *bytes, size_t size, struct answer *answer, bool *ret_text)
{
    for (size_t at = 0; (at = aligned(at, 8)) + 5 <= size;) {
        uint8_t field = bytes[at], letters = bytes[at + 1], letter = bytes[at + 2];
        at += 4; /* field, length, letter, NUL */
        if (letters != 1)
            return -EPROTO;
        if (letter == 'g') {
            if (field == FIELD_SIGNATURE)
                *ret_text = at + 1 < size && bytes[at + 1] == 's';
            at += (size_t)bytes[at] + 2;
            continue;
        }
        at = aligned(at, 4);
        if (at + 4 > size)
            return -EPROTO;
        uint32_t value = u32_at(bytes, at);
        at += 4;
        if (letter == 'u' && field == FIELD_REPLY_SERIAL)
            answer->reply_to = value;
        else if (letter == 's' || letter == 'o')
            at += value < size ? (size_t)value + 1 : size;
        else if (letter != 'u')
            return -EPROTO;
    }
    return 0;
}

static int receive_answer(int socket_fd, struct answer *answer)
{
    uint8_t fixed[FIXED_HEADER + 4];
    bool has_text = false;
    int result = receive_all(socket_fd, fixed, sizeof(fixed));
    if (result < 0)
        return result;
    size_t body = u32_at(fixed, 4), fields = u32_at(fixed, FIXED_HEADER);
    if (fixed[0] != 'l' || body > ANSWER_MAX || fields > ANSWER_MAX)
        return -EPROTO;
    size_t size = aligned(fields, 8) + body;
    auto_free uint8_t *bytes = calloc(1, size + 8);
    if (bytes == NULL)
        return -ENOMEM;
    result = receive_all(socket_fd, bytes, size);
    *answer = (struct answer){.kind = fixed[1]};
    if (result == 0)
        result = read_fields(bytes, fields, answer, &has_text);
    if (result == 0 && has_text && body >= 4)
        (void)snprintf(answer->text, sizeof(answer->text), "%.*s", (int)(body - 4),
                       (char *)bytes + aligned(fields, 8) + 4);
    return result;
}

int dbus_call(int socket_fd, const struct dbus_call *call, const struct dbus_body *body, struct error *error)
{
    struct dbus_body header = {0};
    struct answer answer = {0};
    put_header(&header, call, body->used);
    if (header.full || body->full)
        return error_set(error, E2BIG, "%s", call->member);
    int result = send_all(socket_fd, header.bytes, header.used);
    if (result == 0)
        result = send_all(socket_fd, body->bytes, body->used);
    while (result == 0 && (answer.reply_to != SERIAL || (answer.kind != KIND_RETURN && answer.kind != KIND_ERROR)))
        result = receive_answer(socket_fd, &answer);
    if (result < 0)
        return error_set(error, result, "%s", call->member);
    if (answer.kind == KIND_RETURN)
        return 0;
    (void)error_refuse(error, "%s: %s", call->member, answer.text);
    return -EREMOTEIO;
}
