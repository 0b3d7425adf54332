/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE kernel protocol (linux/fuse.h), as much of it as a flat folder of live files needs: one table of requests.
 * The other side is the kernel, yet every size is checked: guests choose what the kernel passes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/fs/fuse_private.h"

/* Not served, on purpose: FLUSH. Told so once, the kernel no longer asks at each close. */

/* One request: header and arguments, bounded by the frame. `arguments` is followed by a writable byte. */
struct request {
    struct fuse_nodes *nodes;
    const struct fuse_in_header *header;
    char *arguments;
    size_t size;
};

typedef int (*request_handler)(const struct request *request, struct fuse_reply *reply);

/* A number names its node for ever, so the kernel need not ask twice; what the node is at the moment is settled when it
 * is opened. The attributes it remembers may be those of an earlier use: nobody sees them, as stat does not come by
 * here (fuse_describe), and the mount has no default_permissions. */
static const uint64_t VALID_SECONDS = 1 << 30;

/* The owner is whoever asks: an id the mount's user namespace is sure to have, or the file could not be written. */
static struct fuse_attr attributes_of(const struct request *request, uint64_t number, mode_t mode, uint32_t links)
{
    return (struct fuse_attr){
        .ino = number,
        .mode = mode,
        .nlink = links,
        .uid = request->header->uid,
        .gid = request->header->gid,
        .blksize = 4096,
    };
}

static struct fuse_attr node_attributes(const struct request *request, uint64_t number, const struct fuse_node_spec *spec)
{
    const bool folder = S_ISDIR(spec->mode);
    return attributes_of(request, number, (folder ? S_IFDIR : S_IFREG) | (spec->mode & 07777), folder ? 2 : 1);
}

static int on_init(const struct request *request, struct fuse_reply *reply)
{
    const struct fuse_init_in *in = (const void *)request->arguments;
    if (in->major < FUSE_KERNEL_VERSION)
        return -EPROTO;
    reply->body.init = (struct fuse_init_out){
        .major = FUSE_KERNEL_VERSION,
        /* A newer kernel speaks at most our version; an older one is told its own. */
        .minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor : FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = in->max_readahead,
        .flags = in->flags & FUSE_BIG_WRITES,
        .max_background = 16,
        .congestion_threshold = 12,
        .max_write = FUSE_WRITE_MAX,
        .time_gran = 1,
    };
    reply->size = sizeof(reply->body.init);
    return 0;
}

/* What is looked up: 0 for what is no name of ours. */
static uint64_t number_of(const char *name)
{
    long long number;
    return text_number(name, FUSE_FIRST_NODE, 2LL * FUSE_NODES_MAX + 1, &number) ? (uint64_t)number : 0;
}

static int on_lookup(const struct request *request, struct fuse_reply *reply)
{
    request->arguments[request->size] = '\0';
    struct fuse_node_spec spec;
    const uint64_t number = request->header->nodeid == FUSE_ROOT_NODE ? number_of(request->arguments) : 0;
    if (number == 0 || !fuse_node_find(request->nodes, number, &spec))
        return -ENOENT;
    reply->body.entry = (struct fuse_entry_out){
        .nodeid = number, .generation = 1, .entry_valid = VALID_SECONDS, .attr_valid = VALID_SECONDS};
    reply->body.entry.attr = node_attributes(request, number, &spec);
    reply->size = sizeof(reply->body.entry);
    return 0;
}

/* GETATTR and SETATTR (a truncation by O_TRUNC, which means nothing here) alike. */
static int on_attributes(const struct request *request, struct fuse_reply *reply)
{
    struct fuse_node_spec spec;
    reply->body.attr = (struct fuse_attr_out){.attr_valid = VALID_SECONDS};
    if (request->header->nodeid == FUSE_ROOT_NODE)
        reply->body.attr.attr = attributes_of(request, FUSE_ROOT_NODE, S_IFDIR | 0555, 2);
    else if (fuse_node_find(request->nodes, request->header->nodeid, &spec))
        reply->body.attr.attr = node_attributes(request, request->header->nodeid, &spec);
    else
        return -ESTALE;
    reply->size = sizeof(reply->body.attr);
    return 0;
}

static int on_setattr(const struct request *request, struct fuse_reply *reply)
{
    const struct fuse_setattr_in *in = (const void *)request->arguments;
    const uint32_t ignored = FATTR_SIZE | FATTR_FH | FATTR_LOCKOWNER | FATTR_ATIME | FATTR_MTIME | FATTR_CTIME |
                             FATTR_ATIME_NOW | FATTR_MTIME_NOW | FATTR_KILL_SUIDGID;
    return (in->valid & ~ignored) != 0 ? -EPERM : on_attributes(request, reply);
}

static int on_open(const struct request *request, struct fuse_reply *reply)
{
    const struct fuse_open_in *in = (const void *)request->arguments;
    int64_t handle = fuse_handle_open(request->nodes, request->header->nodeid, (int)(in->flags & O_ACCMODE));
    if (handle < 0)
        return (int)handle;
    const bool folder = request->header->opcode == FUSE_OPENDIR;
    reply->body.open = (struct fuse_open_out){.fh = (uint64_t)handle, .open_flags = folder ? 0 : FOPEN_DIRECT_IO};
    reply->size = sizeof(reply->body.open);
    return 0;
}

static int generate(const struct request *request, const struct fuse_node_spec *spec, struct fuse_handle *handle)
{
    fuse_handle_drop_text(request->nodes, handle);
    int result = spec->generate(spec->source, (pid_t)request->header->pid, &handle->text);
    handle->reader = request->header->pid;
    if (result == 0)
        return fuse_handle_keep_text(request->nodes, handle);
    text_release(&handle->text);
    return result;
}

/* The reader may have been allowed more when it was made: then it is made anew, with what he is allowed now. */
static bool may_serve_kept(const struct request *request, const struct fuse_node_spec *spec, const struct fuse_handle *handle)
{
    const uint32_t reader = request->header->pid;
    return handle->generated && handle->reader == reader && (spec->keeps == NULL || spec->keeps(spec->source, (pid_t)reader));
}

static int on_read(const struct request *request, struct fuse_reply *reply)
{
    const struct fuse_read_in *in = (const void *)request->arguments;
    struct fuse_handle *handle = fuse_handle_find(request->nodes, in->fh, request->header->nodeid);
    struct fuse_node_spec spec;
    if (handle == NULL || !fuse_node_find(request->nodes, handle->node, &spec))
        return -EBADF;
    if (handle->access == O_WRONLY || spec.generate == NULL)
        return -EBADF;
    if (in->offset == 0 || !may_serve_kept(request, &spec, handle)) {
        int result = generate(request, &spec, handle);
        if (result < 0)
            return result;
    }
    if (in->offset >= handle->text.length)
        return 0;
    size_t left = handle->text.length - (size_t)in->offset;
    reply->data = handle->text.data + in->offset;
    reply->size = in->size < left ? in->size : left;
    return 0;
}

static int on_write(const struct request *request, struct fuse_reply *reply)
{
    const struct fuse_write_in *in = (const void *)request->arguments;
    const struct fuse_handle *handle = fuse_handle_find(request->nodes, in->fh, request->header->nodeid);
    struct fuse_node_spec spec;
    if (handle == NULL || !fuse_node_find(request->nodes, handle->node, &spec) || handle->access == O_RDONLY)
        return -EBADF;
    if (in->size > request->size - sizeof(*in))
        return -EINVAL;
    if (spec.store == NULL)
        return -EACCES;
    /* Like the kernel's own /proc/sys: a write elsewhere than at the beginning is accepted and means nothing. */
    char *data = request->arguments + sizeof(*in);
    data[in->size] = '\0';
    int result = in->offset == 0 || spec.stores_anywhere ? spec.store(spec.source, data, in->size) : 0;
    if (result < 0)
        return result;
    reply->body.write = (struct fuse_write_out){.size = in->size};
    reply->size = sizeof(reply->body.write);
    return 0;
}

static int on_release(const struct request *request, struct fuse_reply *reply)
{
    (void)reply;
    const struct fuse_release_in *in = (const void *)request->arguments;
    fuse_handle_release(request->nodes, in->fh, request->header->nodeid);
    return 0;
}

static int on_statfs(const struct request *request, struct fuse_reply *reply)
{
    (void)request;
    reply->body.statfs = (struct fuse_statfs_out){.st = {.bsize = 4096, .namelen = 255, .frsize = 4096}};
    reply->size = sizeof(reply->body.statfs);
    return 0;
}

static int on_nothing(const struct request *request, struct fuse_reply *reply)
{
    (void)request;
    (void)reply;
    return 0;
}

/* Numbers are never given out twice at a time and nodes live by their handles: a forgotten lookup changes nothing. */
static int on_unanswered(const struct request *request, struct fuse_reply *reply)
{
    (void)request;
    reply->wanted = false;
    return 0;
}

static const struct {
    size_t least; /* bytes of arguments */
    request_handler handler;
} requests[] = {
    [FUSE_INIT] = {8, on_init}, /* old kernels send a shorter structure; only its first fields are read */
    [FUSE_DESTROY] = {0, on_nothing},
    [FUSE_LOOKUP] = {1, on_lookup},
    [FUSE_FORGET] = {0, on_unanswered},
    [FUSE_BATCH_FORGET] = {0, on_unanswered},
    [FUSE_INTERRUPT] = {0, on_unanswered},
    [FUSE_GETATTR] = {0, on_attributes},
    [FUSE_SETATTR] = {sizeof(struct fuse_setattr_in), on_setattr},
    [FUSE_OPEN] = {sizeof(struct fuse_open_in), on_open},
    [FUSE_READ] = {sizeof(struct fuse_read_in), on_read},
    [FUSE_WRITE] = {sizeof(struct fuse_write_in), on_write},
    [FUSE_RELEASE] = {sizeof(struct fuse_release_in), on_release},
    [FUSE_STATFS] = {0, on_statfs},
    [FUSE_OPENDIR] = {sizeof(struct fuse_open_in), on_open},
    [FUSE_READDIR] = {0, on_nothing}, /* what is in a folder the sentry says */
    [FUSE_RELEASEDIR] = {sizeof(struct fuse_release_in), on_release},
};

uid_t fuse_frame_user(struct fuse_nodes *nodes, const char *frame, size_t size)
{
    struct fuse_in_header header;
    char name[24] = "";
    if (size < sizeof(header))
        return 0;
    memcpy(&header, frame, sizeof(header));
    const size_t rest = size - sizeof(header);
    if (header.opcode == FUSE_LOOKUP && rest < sizeof(name))
        memcpy(name, frame + sizeof(header), rest);
    return fuse_node_user(nodes, header.opcode == FUSE_LOOKUP ? number_of(name) : header.nodeid);
}

bool fuse_handle_frame(struct fuse_nodes *nodes, char *frame, size_t size, struct fuse_reply *ret_reply)
{
    struct fuse_in_header header;
    if (size < sizeof(header))
        return false;
    memcpy(&header, frame, sizeof(header));
    if (header.len < sizeof(header) || header.len > size)
        return false;

    /* Newer kernels put extensions behind the arguments (total_extlen); handlers read from the front only. */
    struct request request = {
        .nodes = nodes,
        .header = &header,
        .arguments = frame + sizeof(header),
        .size = header.len - sizeof(header),
    };
    *ret_reply = (struct fuse_reply){.wanted = true};
    int result = -ENOSYS;
    if (header.opcode < sizeof(requests) / sizeof(*requests) && requests[header.opcode].handler != NULL)
        result = request.size < requests[header.opcode].least ? -EINVAL
                                                              : requests[header.opcode].handler(&request, ret_reply);
    if (result < 0)
        ret_reply->size = 0;
    ret_reply->header = (struct fuse_out_header){
        .len = (uint32_t)(sizeof(struct fuse_out_header) + ret_reply->size),
        .error = result < 0 ? result : 0,
        .unique = header.unique,
    };
    return true;
}
