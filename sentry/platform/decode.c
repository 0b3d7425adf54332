/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/platform/decode.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "postern/routes.h"

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->data + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t room = text->size - text->used - 1;
    text->used += (size_t)length < room ? (size_t)length : room;
}

void text_quote(struct text *text, const char *bytes, size_t length, bool more)
{
    text_add(text, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '"' || byte == '\\')
            text_add(text, "\\%c", byte);
        else if (byte == '\n')
            text_add(text, "\\n");
        else if (byte >= 0x20 && byte < 0x7f)
            text_add(text, "%c", byte);
        else
            text_add(text, "\\x%02x", byte);
    }
    text_add(text, more ? "\"..." : "\"");
}

static void decode_int(struct text *text, struct call *call, int index)
{
    text_add(text, "%d", arg_int(call, index));
}

static void decode_uint(struct text *text, struct call *call, int index)
{
    text_add(text, "%u", arg_uint(call, index));
}

static void decode_hex(struct text *text, struct call *call, int index)
{
    text_add(text, "%#" PRIx64, call->args[index]);
}

static void decode_pointer(struct text *text, struct call *call, int index)
{
    if (call->args[index] == 0)
        text_add(text, "NULL");
    else
        decode_hex(text, call, index);
}

static void decode_size(struct text *text, struct call *call, int index)
{
    text_add(text, "%" PRIu64, call->args[index]);
}

static void decode_offset(struct text *text, struct call *call, int index)
{
    text_add(text, "%" PRId64, (int64_t)call->args[index]);
}

static void decode_dirfd(struct text *text, struct call *call, int index)
{
    if (arg_int(call, index) == AT_FDCWD)
        text_add(text, "AT_FDCWD");
    else
        decode_int(text, call, index);
}

static void decode_mode(struct text *text, struct call *call, int index)
{
    text_add(text, "%#o", arg_uint(call, index));
}

/* An open's mode is garbage unless the flags before it make a file. */
static bool open_has_mode(const struct call *call, int index)
{
    const int makes = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);
    return index > 0 && (arg_int(call, index - 1) & makes) != 0;
}

static void decode_open_mode(struct text *text, struct call *call, int index)
{
    decode_mode(text, call, index);
}

static const struct {
    const char *name;
    decoder decode;
} types[] = {
    {"fd", decode_int},
    {"dirfd", decode_dirfd},
    {"path", decode_path},
    {"str", decode_path},
    {"buffer", decode_buffer},
    {"argv", decode_argv},
    {"sockaddr", decode_sockaddr},
    {"openhow", decode_openhow},
    {"oflags", decode_oflags},
    {"openmode", decode_open_mode},
    {"mode", decode_mode},
    {"filemode", decode_filemode},
    {"int", decode_int},
    {"uint", decode_uint},
    {"id", decode_int},
    {"pid", decode_int},
    {"hex", decode_hex},
    {"ptr", decode_pointer},
    {"size", decode_size},
    {"off", decode_offset},
    {"signal", decode_signal},
    {"atflags", decode_atflags},
    {"unlinkflags", decode_unlinkflags},
    {"access", decode_access},
    {"xattrflags", decode_xattrflags},
    {"renameflags", decode_renameflags},
    {"statxmask", decode_statxmask},
    {"cloneflags", decode_cloneflags},
    {"mountflags", decode_mountflags},
    {"umountflags", decode_umountflags},
    {"msgflags", decode_msgflags},
    {"domain", decode_domain},
    {"socktype", decode_socktype},
    {"sockopt", decode_sockopt},
    {"ioctl", decode_ioctl},
    {"fcntl", decode_fcntl},
    {"prctl", decode_prctl},
    {"resource", decode_resource},
    {"clock", decode_clock},
    {"prio", decode_prio},
    {"sched", decode_sched},
};

static decoder find_type(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strlen(types[i].name) == length && memcmp(types[i].name, name, length) == 0)
            return types[i].decode;
    }
    return decode_hex;
}

void decode_arguments(struct text *text, struct call *call)
{
    const char *format = call->route->arguments;
    for (int index = 0; *format != '\0' && index < 6; index++) {
        size_t length = strcspn(format, ",");
        decoder decode = find_type(format, length);
        format += length + (format[length] == ',');
        if (decode == decode_open_mode && !open_has_mode(call, index))
            continue;
        if (index > 0)
            text_add(text, ", ");
        decode(text, call, index);
    }
}
