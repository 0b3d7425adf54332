/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/gate/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "sentry/stub/gate.h"

enum { PAGE = 4096 };

extern const char stub_image[], stub_image_end[], gate_image[], gate_image_end[];

struct window {
    int file;
    uint64_t inode;
    bool gate;
    uint8_t *memory; /* of the window */
    size_t used;     /* pages given away, from its start */
};

static int write_all(int fd, const char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(fd, bytes + done, size - done, (off_t)done);
        if (put < 0)
            return -1;
        done += (size_t)put;
    }
    return 0;
}

static int seal(int fd)
{
    return fchmod(fd, 0555) < 0 ? -1 : fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

static int fill(struct window *window)
{
    size_t stub_size = (size_t)(stub_image_end - stub_image), gate_size = (size_t)(gate_image_end - gate_image);
    if (stub_size > GATE_FILE_OFFSET || gate_size > GATE_CODE_SIZE) {
        errno = E2BIG;
        return -1;
    }
    window->file = memfd_create("postern", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (window->file < 0 || write_all(window->file, stub_image, stub_size) < 0 ||
        ftruncate(window->file, GATE_FILE_OFFSET + GATE_SIZE) < 0)
        return -1;
    void *memory = mmap(NULL, GATE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, window->file, GATE_FILE_OFFSET);
    if (memory == MAP_FAILED)
        return -1;
    window->memory = memory;
    window->used = GATE_PAGES_OFFSET;
    memcpy(window->memory, gate_image, gate_size);
    struct stat status;
    if (fstat(window->file, &status) < 0)
        return -1;
    window->inode = status.st_ino;
    return seal(window->file);
}

struct window *window_new(bool gate)
{
    struct window *window = calloc(1, sizeof(*window));
    if (window == NULL)
        return NULL;
    window->file = -1;
    window->gate = gate;
    if (fill(window) == 0)
        return window;
    int error = errno;
    if (window->file >= 0)
        (void)close(window->file);
    free(window);
    errno = error;
    return NULL;
}

int window_file(const struct window *window)
{
    return window->file;
}

uint64_t window_inode(const struct window *window)
{
    return window->inode;
}

bool window_has_gate(const struct window *window)
{
    return window->gate;
}

uint8_t *window_memory(const struct window *window)
{
    return window->memory;
}

uint64_t window_take(struct window *window, size_t size, uint8_t **ret_memory)
{
    size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
    if (size == 0 || size > GATE_SIZE - window->used)
        return 0;
    *ret_memory = window->memory + window->used;
    uint64_t offset = GATE_FILE_OFFSET + window->used;
    window->used += size;
    return offset;
}
