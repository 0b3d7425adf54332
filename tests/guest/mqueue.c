/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues: names, owners, modes, limits, and /dev/mqueue, which shows the same ones. */
#include "case.h"

#include <dirent.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/resource.h>
#include <time.h>

enum { OWNER = 1000, MATE = 1001, STRANGER = 1002, TEAM = 500 };

static void become_in(uid_t uid, gid_t gid, gid_t group)
{
    if (setgroups(1, &group) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
        _exit(97);
}

/* The call itself: libc strips a slash and maps an error. */
static long raw_open(const char *name, int flags, mode_t mode, const struct mq_attr *attr)
{
    return syscall(SYS_mq_open, name, flags, mode, attr);
}

static long open_close(const char *name, int flags, mode_t mode)
{
    long queue = raw_open(name, flags, mode, NULL);
    if (queue >= 0)
        close((int)queue);
    return queue < 0 ? -1 : 0;
}

static void use(const char *name)
{
    TRY(open_close(name, O_RDONLY, 0));
    TRY(open_close(name, O_WRONLY, 0));
    TRY(open_close(name, O_RDWR, 0));
    TRY(open_close(name, O_RDWR | O_CREAT, 0666));
    TRY(open_close(name, O_RDWR | O_CREAT | O_EXCL, 0666));
    TRY(syscall(SYS_mq_unlink, name));
}

static const struct somebody {
    const char *name;
    uid_t uid;
    gid_t gid, group;
} people[] = {
    {"mate by group", MATE, TEAM, MATE}, {"mate by list", MATE, MATE, TEAM}, {"stranger", STRANGER, STRANGER, 77},
    {"owner", OWNER, OWNER, OWNER},
};

CASE(rights_by_mode)
{
    static const int modes[] = {0600, 0640, 0620, 0604, 0602, 0666, 0000, 0400, 0200};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        say("mode %o", modes[i]);
        for (size_t who = 0; who < sizeof(people) / sizeof(*people); who++) {
            IN_CHILD("made")
            {
                become_in(OWNER, TEAM, OWNER);
                umask(0);
                open_close("q", O_RDWR | O_CREAT, (mode_t)modes[i]);
                say_stat("/dev/mqueue/q");
            }
            IN_CHILD(people[who].name)
            {
                become_in(people[who].uid, people[who].gid, people[who].group);
                use("q");
            }
        }
        IN_CHILD("root")
        {
            use("q");
        }
    }
}

CASE(creation_mode)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    struct stat st;
    for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
        umask(masks[i]);
        long queue = raw_open("q", O_RDWR | O_CREAT | O_EXCL, 0666, NULL);
        TRY(fstat((int)queue, &st));
        say("mode %o uid %u gid %u links %lu size %ld", st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink, (long)st.st_size);
        TRY(fcntl((int)queue, F_GETFD));
        say("%o", fcntl((int)queue, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
        TRY(syscall(SYS_mq_unlink, "q"));
        close((int)queue);
    }
}

CASE(names)
{
    static char longest[256], longer[257], endless[5000];
    memset(longest, 'a', 255), memset(longer, 'b', 256), memset(endless, 'c', 4999);
    const char *names[] = {"", ".", "..", "/", "/q", "a/b", "q/", "../q", longest, longer, endless, "with space", "\xff\x01"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        say("name %zu (%.12s)", i, i == 12 ? "bytes" : names[i]);
        TRY(open_close(names[i], O_RDWR | O_CREAT, 0600));
        TRY(open_close(names[i], O_RDWR, 0600));
        TRY(syscall(SYS_mq_unlink, names[i]));
        TRY(syscall(SYS_mq_unlink, names[i]));
    }
    TRY(raw_open((const char *)8, O_RDWR, 0, NULL));
    TRY(raw_open("q", O_RDWR | O_CREAT, 0600, (const struct mq_attr *)8));
    TRY(raw_open("q", O_RDWR, 0600, (const struct mq_attr *)8));
    TRY(syscall(SYS_mq_unlink, (const char *)8));
    TRY(open_close("none", O_RDWR, 0));
    TRY(open_close("none", O_ACCMODE, 0));
    open_close("q", O_RDWR | O_CREAT, 0600);
    TRY(open_close("q", O_ACCMODE, 0));
    TRY(open_close("q", O_ACCMODE | O_CREAT, 0));
    TRY(syscall(SYS_mq_unlink, "q"));
}

static void limits_of(long messages, long size)
{
    struct mq_attr wanted = {.mq_maxmsg = messages, .mq_msgsize = size}, got;
    long queue = raw_open("q", O_RDWR | O_CREAT | O_EXCL, 0600, &wanted);
    say("%ld of %ld: %s", messages, size, queue < 0 ? error_name(errno) : "ok");
    if (queue < 0)
        return;
    mq_getattr((mqd_t)queue, &got);
    say("%ld %ld %ld %ld", got.mq_flags, got.mq_maxmsg, got.mq_msgsize, got.mq_curmsgs);
    close((int)queue);
    syscall(SYS_mq_unlink, "q");
}

CASE(limits)
{
    limits_of(1, 1), limits_of(10, 8192), limits_of(11, 8192), limits_of(10, 8193);
    limits_of(0, 1), limits_of(1, 0), limits_of(-1, 1), limits_of(1, -1);
    limits_of(70000, 1), limits_of(0x7fffffffffffffff, 0x7fffffffffffffff), limits_of(1, 17 << 20);
    IN_CHILD("a user")
    {
        become(STRANGER, STRANGER);
        limits_of(10, 8192), limits_of(11, 8192);
    }
}

/* How many fit below the limit; then one is removed, by either way, and there is room again. */
static void fill(const char *way)
{
    char name[16];
    int made = 0;
    for (; made < 100; made++) {
        snprintf(name, sizeof(name), "fill%d", made);
        if (open_close(name, O_RDWR | O_CREAT | O_EXCL, 0600) < 0)
            break;
    }
    say("%s: %d, then %s", way, made, error_name(errno));
    TRY(syscall(SYS_mq_unlink, "fill1"));
    TRY(open_close("fill1", O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(open_close("more", O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(unlink("/dev/mqueue/fill0"));
    TRY(open_close("more", O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(open_close("yet", O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(syscall(SYS_mq_unlink, "more"));
    for (int i = 0; i < made; i++) {
        snprintf(name, sizeof(name), "fill%d", i);
        syscall(SYS_mq_unlink, name);
    }
}

CASE(bytes_of_a_user)
{
    IN_CHILD("root")
    {
        fill("the usual");
        struct rlimit limit = {200000, 200000};
        TRY(setrlimit(RLIMIT_MSGQUEUE, &limit));
        fill("200000 bytes");
    }
    IN_CHILD("two users")
    {
        if (fork_or_die() == 0) {
            become(STRANGER, STRANGER);
            fill("one");
            _exit(0);
        }
        wait(NULL);
        become(MATE, MATE);
        fill("the other");
        struct rlimit limit = {100, 100};
        TRY(setrlimit(RLIMIT_MSGQUEUE, &limit));
        fill("100 bytes");
    }
}

CASE(in_dev)
{
    struct stat st;
    umask(022);
    TRY(stat("/dev/mqueue", &st));
    say("mode %o uid %u", st.st_mode, st.st_uid);
    open_close("q", O_RDWR | O_CREAT, 0640);
    say_stat("/dev/mqueue/q");
    say_file("/dev/mqueue/q");
    TRY(chmod("/dev/mqueue/q", 0604));
    TRY(chown("/dev/mqueue/q", OWNER, TEAM));
    say_stat("/dev/mqueue/q");
    IN_CHILD("a stranger")
    {
        become(STRANGER, STRANGER);
        OPEN("/dev/mqueue/q", O_RDONLY, 0);
        OPEN("/dev/mqueue/q", O_WRONLY, 0);
        OPEN("/dev/mqueue/mine", O_RDWR | O_CREAT, 0600);
        say_stat("/dev/mqueue/mine");
        use("q");
        TRY(unlink("/dev/mqueue/q"));
        TRY(rename("/dev/mqueue/mine", "/dev/mqueue/other"));
        TRY(link("/dev/mqueue/mine", "/dev/mqueue/other"));
        TRY(mkdir("/dev/mqueue/d", 0700));
        TRY(symlink("x", "/dev/mqueue/l"));
    }
    IN_CHILD("its new owner")
    {
        become(OWNER, OWNER);
        TRY(chmod("/dev/mqueue/q", 0600));
        long queue = raw_open("q", O_RDWR, 0, NULL);
        TRY(mq_send((mqd_t)queue, "sent", 4, 3));
        int file = open("/dev/mqueue/q", O_RDWR);
        struct mq_attr attr;
        TRY(mq_getattr((mqd_t)file, &attr));
        say("%ld messages", attr.mq_curmsgs);
        char text[8192] = "";
        TRY(mq_receive((mqd_t)file, text, sizeof(text), NULL));
        say("[%s]", text);
        TRY(unlink("/dev/mqueue/q"));
        TRY(open_close("q", O_RDWR, 0));
        TRY(mq_send((mqd_t)queue, "still", 5, 3));
        TRY(fchmod((int)queue, 0644));
        TRY(fstat((int)queue, &st));
        say("mode %o uid %u gid %u links %lu", st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink);
    }
    TRY(open_close("mine", O_RDWR, 0));
    TRY(syscall(SYS_mq_unlink, "mine"));
    DIR *folder = opendir("/dev/mqueue");
    int left = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        left += entry->d_name[0] != '.';
    say("left %d", left);
}

CASE(as_a_descriptor)
{
    char link[64];
    struct stat st;
    long queue = raw_open("q", O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%ld", queue);
    ssize_t length = readlink(path, link, sizeof(link) - 1);
    link[length > 0 ? length : 0] = '\0';
    say("[%s]", link);
    TRY(fchown((int)queue, OWNER, OWNER));
    TRY(fchmod((int)queue, 0660));
    TRY(fstat((int)queue, &st));
    say("mode %o uid %u gid %u", st.st_mode, st.st_uid, st.st_gid);
    say_stat("/dev/mqueue/q");
    OPEN(path, O_RDONLY, 0);
    TRY(syscall(SYS_mq_unlink, "q"));
    TRY(fstat((int)queue, &st));
    say("links %lu", (unsigned long)st.st_nlink);
    IN_CHILD("inherits it")
    {
        become(STRANGER, STRANGER);
        TRY(mq_send((mqd_t)queue, "from the child", 14, 0));
        OPEN(path, O_RDONLY, 0);
    }
    char text[8192] = "";
    TRY(mq_receive((mqd_t)queue, text, sizeof(text), NULL));
    say("[%s]", text);
    TRY(mq_receive((mqd_t)queue, text, sizeof(text), NULL));
}

/* What cannot be given is not left behind. */
CASE(no_descriptor_left)
{
    struct rlimit limit = {3, 4096};
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    TRY(raw_open("q", O_RDWR | O_CREAT, 0600, NULL));
    limit.rlim_cur = 100;
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    TRY(open_close("q", O_RDWR, 0));
}

/* A queue that was looked at and opened by its path is gone with its name and its last descriptor. */
CASE(removed_ones_do_not_count)
{
    char path[32];
    struct stat st;
    int made = 0;
    for (; made < 600; made++) {
        snprintf(path, sizeof(path), "/dev/mqueue/q%d", made);
        int fd = open(path, O_RDWR | O_CREAT, 0644);
        if (fd < 0 || stat(path, &st) != 0)
            break;
        close(fd);
        close(open(path, O_RDONLY));
        if (syscall(SYS_mq_unlink, path + strlen("/dev/mqueue/")) != 0)
            break;
    }
    say("made %d, then %s", made, made == 600 ? "ok" : error_name(errno));
    say("%s", stat(path, &st) == 0 ? "there" : error_name(errno));
}

static volatile sig_atomic_t notified;
static void on_message(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    notified = info->si_code == SI_MESGQ ? info->si_value.sival_int : -1;
}

CASE(notification)
{
    long queue = raw_open("q", O_RDWR | O_CREAT, 0600, NULL);
    struct sigaction action = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    TRY(mq_notify((mqd_t)queue, &event));
    TRY(mq_notify((mqd_t)queue, &event));
    IN_CHILD("sender")
    {
        mq_send((mqd_t)queue, "x", 1, 0);
    }
    say("notified %d", (int)notified);
    TRY(mq_notify((mqd_t)queue, NULL));
    TRY(poll(&(struct pollfd){(int)queue, POLLIN, 0}, 1, 0));
    TRY(syscall(SYS_mq_unlink, "q"));
}

CASE(waiting)
{
    struct mq_attr limits = {.mq_maxmsg = 1, .mq_msgsize = 8};
    long queue = raw_open("q", O_RDWR | O_CREAT, 0600, &limits);
    syscall(SYS_mq_unlink, "q");
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(50);
        mq_send((mqd_t)queue, "one", 3, 0);
        mq_send((mqd_t)queue, "two", 3, 0);
        _exit(0);
    }
    char text[8] = "";
    TRY(mq_receive((mqd_t)queue, text, 8, NULL));
    say("[%.3s]", text);
    TRY(mq_receive((mqd_t)queue, text, 8, NULL));
    say("[%.3s]", text);
    say_wait("sender", pid);
}
