# seconds: 240
# Calls that no signal interrupts on Linux: a handler without SA_RESTART runs a thousand times a second and more, and no call gives
# EINTR, of a static program, of a dynamic one, of shells; on a machine that has nothing else to do and on one that has too much.
mkdir /tmp/i && cd /tmp/i
cat >calls.c <<'C'
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static volatile long handled;
static long interrupted;

static void handle(int signal) { (void)signal; handled++; }

#define CALL(call) do { errno = 0; if ((long)(call) < 0 && errno == EINTR && interrupted++ < 5) printf("EINTR: %s\n", #call); } while (0)

int main(int argc, char **argv)
{
    long rounds = atol(argv[1]) / 26;
    const struct sigaction action = {.sa_handler = handle};
    const struct itimerval timer = {{0, 300}, {0, 300}}, none = {0};
    struct stat st;
    struct statx stx;
    struct statfs fs;
    struct utsname names;
    char b[4096], name[32];
    int fd = -1;
    (void)argc;
    snprintf(name, sizeof(name), "d%d", getpid());
    mkdir(name, 0700);
    if (chdir(name) < 0) return 3;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (long i = 0; i < rounds; i++) {
        CALL(fd = open("a", O_CREAT | O_RDWR, 0644)); CALL(fstat(fd, &st)); CALL(fchmod(fd, 0600)); CALL(close(fd));
        CALL(rename("a", "b")); CALL(link("b", "c")); CALL(unlink("c")); CALL(stat("b", &st)); CALL(chmod("b", 0644));
        CALL(truncate("b", 5)); CALL(unlink("b")); CALL(mkdir("d", 0755)); CALL(rmdir("d")); CALL(symlink("x", "l"));
        CALL(readlink("l", b, sizeof(b))); CALL(lstat("l", &st)); CALL(unlink("l")); CALL(chdir(".")); CALL(getcwd(b, sizeof(b)) == NULL ? -1 : 0);
        CALL(access("/etc/passwd", R_OK)); CALL(kill(getpid(), 0)); CALL(geteuid()); CALL(umask(022)); CALL(uname(&names));
        CALL(statfs("/", &fs)); CALL(statx(AT_FDCWD, "/etc", 0, STATX_ALL, &stx));
    }
    setitimer(ITIMER_REAL, &none, NULL);
    printf("%ld calls, %ld interrupted, %s\n", rounds * 26, interrupted, handled > rounds / 100 ? "signals came" : "few signals came");
    return interrupted != 0 || handled < rounds / 100;
}
C
gcc -O2 -o dynamic calls.c
gcc -O2 -static -o static calls.c
sleep 1
echo quiet
./static 300000
./dynamic 300000
echo busy
busy=
for i in 1 2 3; do (while :; do :; done) & busy="$busy $!"; done
./static 30000
./dynamic 30000
cat >shell.sh <<'S'
trap : ALRM
(while kill -ALRM $$ 2>/dev/null; do :; done) &
n=0; bad=0
while [ $n -lt 1500 ]; do
    n=$((n+1))
    [ -e /etc/passwd ] || bad=$((bad+1))
    cd /tmp || bad=$((bad+1))
done
kill $!
echo "$bad wrong branches"
[ $bad = 0 ]
S
dash shell.sh
bash shell.sh
kill $busy
