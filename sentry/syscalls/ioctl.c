/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioctl(2): the commands the guard does not let through natively. What is not listed is answered as if the object did
 * not know the command, which is what programs are prepared for.
 */
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/net/ioctl.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/namespace_ioctl.h"

CONFINE_ALLOW_IF(ioctl, 1, UINT32_MAX, (uint32_t)FS_IOC_GETFLAGS, "attributes of a guest's file");

struct command {
    unsigned int first, last;
    int64_t result;
};

/* Sorted by nothing but subject; the first match counts. */
static const struct command commands[] = {
    /* Terminals. The kernel itself asks whether the caller leads a session and holds the other end. */
    {TIOCSCTTY, TIOCSCTTY, CALL_CONTINUE},
    {TIOCMSET, TIOCMSET, CALL_CONTINUE},
    {TIOCMBIS, TIOCMBIC, CALL_CONTINUE},
    {TIOCGDEV, TIOCGDEV, CALL_CONTINUE},
    {TIOCSIG, TIOCSIG, CALL_CONTINUE},
    {TIOCSBRK, TIOCCBRK, CALL_CONTINUE},
    {TIOCGSOFTCAR, TIOCSSOFTCAR, CALL_CONTINUE},
    {TIOCGLCKTRMIOS, TIOCSLCKTRMIOS, CALL_CONTINUE},
    {TIOCSTI, TIOCSTI, -EPERM}, /* types into a terminal somebody else may read */
    {TIOCCONS, TIOCCONS, -EPERM},
    {TIOCSETD, TIOCSETD, -EPERM}, /* loads line disciplines */
    {TIOCVHANGUP, TIOCVHANGUP, -EPERM},
    /* Files. */
    {FIGETBSZ, FIGETBSZ, CALL_CONTINUE},
    {FIOQSIZE, FIOQSIZE, CALL_CONTINUE},
    {FICLONE, FICLONE, -EOPNOTSUPP},
    {FICLONERANGE, FICLONERANGE, -EOPNOTSUPP},
    {FIDEDUPERANGE, FIDEDUPERANGE, -EOPNOTSUPP},
    {FS_IOC_FIEMAP, FS_IOC_FIEMAP, -EOPNOTSUPP},
    {FIBMAP, FIBMAP, -EPERM},
    {FIFREEZE, FITRIM, -EPERM},
    /* Sockets: questions about the container's own network; the rest is below. */
    {SIOCGPGRP, SIOCGPGRP, CALL_CONTINUE},
    {FIOGETOWN, FIOGETOWN, CALL_CONTINUE},
    {SIOCGSTAMP_OLD, SIOCGSTAMPNS_OLD, CALL_CONTINUE},
    {SIOCGIFDSTADDR, SIOCGIFDSTADDR, CALL_CONTINUE},
    {SIOCGIFMETRIC, SIOCGIFMETRIC, CALL_CONTINUE},
    {SIOCGIFTXQLEN, SIOCGIFTXQLEN, CALL_CONTINUE},
    {SIOCGIFMAP, SIOCGIFMAP, CALL_CONTINUE},
    {SIOCGIFPFLAGS, SIOCGIFPFLAGS, CALL_CONTINUE},
    /* The random devices. */
    {RNDGETENTCNT, RNDGETENTCNT, CALL_CONTINUE},
    {RNDADDTOENTCNT, RNDADDTOENTCNT, -EPERM},
    {RNDADDENTROPY, RNDADDENTROPY, -EPERM},
    {RNDZAPENTCNT, RNDZAPENTCNT, -EPERM},
    {RNDCLEARPOOL, RNDCLEARPOOL, -EPERM},
};

/* Attributes of files (lsattr): shown, and not changed. -ENOTTY where a file system has none. */
static int64_t file_flags(struct call *call, int fd, bool change)
{
    struct statx attributes;
    unsigned int flags = 0, wanted;
    int error = unlocked_statx(fd, STATX_TYPE, &attributes);
    if (error < 0 || (!S_ISREG(attributes.stx_mode) && !S_ISDIR(attributes.stx_mode)))
        return -ENOTTY;
    bool paused = state_pause();
    error = ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 ? -errno : 0;
    state_resume(paused);
    if (error < 0)
        return error;
    if (!change)
        return guest_write(call, call->args[2], &flags, sizeof(flags));
    error = guest_read(call, call->args[2], &wanted, sizeof(wanted));
    return error < 0 ? error : wanted == flags ? 0 : -EOPNOTSUPP;
}

static bool is_socket(int fd)
{
    struct statx attributes;
    return unlocked_statx(fd, STATX_TYPE, &attributes) == 0 && S_ISSOCK(attributes.stx_mode);
}

int64_t sys_ioctl(struct call *call)
{
    auto_close_unlocked int fd = call_get_fd(call, arg_int(call, 0));
    if (fd < 0)
        return fd;
    int error = refuse_path_descriptor(fd);
    if (error < 0)
        return error;

    unsigned int command = arg_uint(call, 1);
    if (command == TIOCGPTPEER)
        return terminal_other_end(call, fd);
    if (command == (unsigned int)FS_IOC_GETFLAGS || command == (unsigned int)FS_IOC_SETFLAGS)
        return file_flags(call, fd, command == (unsigned int)FS_IOC_SETFLAGS);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (command >= commands[i].first && command <= commands[i].last)
            return commands[i].result;
    }
    int64_t answer;
    if (namespace_ioctl(call, fd, command, &answer))
        return answer;
    return is_socket(fd) ? socket_ioctl(call, &fd) : -ENOTTY;
}
