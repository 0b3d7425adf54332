/* SPDX-License-Identifier: Apache-2.0 */
/* A program starts with its three streams and nothing else: no folder, no listener, no socket of ours. */
#include "attack.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/un.h>

static void check_open(const char *when)
{
    for (int fd = 0; fd < 65536; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            if (fd < 3)
                complain("%s: stream %d is closed", when, fd);
            continue;
        }
        char target[256] = "?";
        char link[64];
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t got = readlink(link, target, sizeof(target) - 1);
        target[got > 0 ? got : 1] = '\0';
        if (fd > 2)
            complain("%s: descriptor %d (%s) is open", when, fd, target);
        struct stat status;
        struct sockaddr_un name;
        socklen_t size = sizeof(name);
        if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
            complain("%s: descriptor %d is a folder", when, fd);
        if (getsockname(fd, (struct sockaddr *)&name, &size) == 0)
            complain("%s: descriptor %d is a socket", when, fd);
    }
}

int main(int argc, char **argv)
{
    check_open(argc > 1 ? argv[1] : "at start");
    if (argc > 1)
        return complaints != 0;
    pid_t pid = fork();
    if (pid == 0) {
        check_open("after fork");
        execl(argv[0], argv[0], "after exec", (char *)NULL);
        _exit(2);
    }
    EXPECT(wait_within(pid, 20) == 0);
    pid = vfork();
    if (pid == 0) {
        execl(argv[0], argv[0], "after vfork and exec", (char *)NULL);
        _exit(2);
    }
    EXPECT(wait_within(pid, 20) == 0);
    return finish();
}
