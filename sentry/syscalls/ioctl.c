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
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

CONFINE_ALLOW(fstat, "is it a socket?");
CONFINE_ALLOW(newfstatat, "is it a socket?"); /* libc's fstat */

struct command {
    unsigned int first, last;
    int64_t result;
};

/* Sorted by nothing but subject; the first match counts. */
static const struct command commands[] = {
    /* Terminals. The kernel itself asks whether the caller leads a session and holds the other end. */
    {TIOCSCTTY, TIOCSCTTY, CALL_CONTINUE},
    {TIOCGPTPEER, TIOCGPTPEER, CALL_CONTINUE},
    {TIOCMSET, TIOCMSET, CALL_CONTINUE},
    {TIOCMBIS, TIOCMBIC, CALL_CONTINUE},
    {TIOCGDEV, TIOCGDEV, CALL_CONTINUE},
    {TIOCSIG, TIOCSIG, CALL_CONTINUE},
    {TIOCSBRK, TIOCCBRK, CALL_CONTINUE},
    {TIOCGSOFTCAR, TIOCSSOFTCAR, CALL_CONTINUE},
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

static bool is_socket(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

int64_t sys_ioctl(struct call *call)
{
    auto_close int fd = call_get_fd(call, arg_int(call, 0));
    if (fd < 0)
        return fd;
    int error = refuse_path_descriptor(fd);
    if (error < 0)
        return error;

    unsigned int command = arg_uint(call, 1);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (command >= commands[i].first && command <= commands[i].last)
            return commands[i].result;
    }
    return is_socket(fd) ? socket_ioctl(call, &fd) : -ENOTTY;
}
