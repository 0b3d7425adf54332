/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases of one area: each in a child of its own, with a time limit, in a folder of its own. */
#include "case.h"

#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <time.h>

enum { CASE_SECONDS = 30 };

extern const struct test_case __start_test_cases[], __stop_test_cases[];
extern const struct helper __start_test_helpers[] __attribute__((weak)), __stop_test_helpers[] __attribute__((weak));

const char *self_path = "/proc/self/exe";

void say(const char *format, ...)
{
    char line[2048];
    va_list list;
    va_start(list, format);
    int saved = errno;
    int length = vsnprintf(line, sizeof(line) - 1, format, list);
    va_end(list);
    if (length < 0)
        return;
    size_t used = (size_t)length < sizeof(line) - 2 ? (size_t)length : sizeof(line) - 2;
    line[used++] = '\n';
    if (write(STDOUT_FILENO, line, used) < 0)
        _exit(99);
    errno = saved;
}

const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return error == 0 ? "ok" : name ? name : "E???";
}

const char *signal_name(int number)
{
    static char text[32];
    const char *name = sigabbrev_np(number);
    if (name)
        snprintf(text, sizeof(text), "SIG%s", name);
    else
        snprintf(text, sizeof(text), "signal %d", number);
    return text;
}

long say_result(const char *text, long result)
{
    if (result == -1)
        say("%s = %s", text, error_name(errno));
    else
        say("%s = %ld", text, result);
    return result;
}

long say_ok(const char *text, long result)
{
    say("%s = %s", text, result < 0 ? error_name(errno) : "ok");
    return result;
}

void say_status(const char *text, int status)
{
    if (WIFEXITED(status))
        say("%s: exit %d", text, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        say("%s: killed by %s%s", text, signal_name(WTERMSIG(status)), WCOREDUMP(status) ? " (core)" : "");
    else if (WIFSTOPPED(status))
        say("%s: stopped by %s", text, signal_name(WSTOPSIG(status)));
    else if (WIFCONTINUED(status))
        say("%s: continued", text);
    else
        say("%s: status %#x", text, (unsigned)status);
}

void say_wait(const char *text, pid_t pid)
{
    int status;
    pid_t got;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        continue;
    if (got < 0)
        say("%s: wait: %s", text, error_name(errno));
    else
        say_status(text, status);
}

pid_t fork_or_die(void)
{
    pid_t pid = fork();
    if (pid < 0) {
        say("fork: %s", error_name(errno));
        _exit(98);
    }
    return pid;
}

void become(uid_t uid, gid_t gid)
{
    if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) {
        say("become: %s", error_name(errno));
        _exit(97);
    }
}

void put_file(const char *path, const char *content, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        say("put_file %s: %s", path, error_name(errno));
        return;
    }
    if (write(fd, content, strlen(content)) < 0 || fchmod(fd, mode))
        say("put_file %s: %s", path, error_name(errno));
    close(fd);
}

void say_file(const char *path)
{
    char content[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, content, sizeof(content) - 1);
    if (length < 0) {
        say("%s: %s", path, error_name(errno));
    } else {
        content[length] = '\0';
        say("%s: [%s]", path, content);
    }
    if (fd >= 0)
        close(fd);
}

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "folder";
    case S_IFLNK: return "link";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFCHR: return "char";
    case S_IFBLK: return "block";
    default: return "?";
    }
}

void say_stat(const char *path)
{
    struct stat st;
    if (lstat(path, &st)) {
        say("%s: %s", path, error_name(errno));
        return;
    }
    /* The size and the link count of a folder are the file system's own affair. */
    if (S_ISDIR(st.st_mode))
        say("%s: folder %04o %u:%u", path, st.st_mode & 07777u, st.st_uid, st.st_gid);
    else
        say("%s: %s %04o %u:%u links %lu size %ld", path, type_name(st.st_mode), st.st_mode & 07777u, st.st_uid,
            st.st_gid, (unsigned long)st.st_nlink, (long)st.st_size);
}

void say_open(const char *path, const char *flag_names, int flags, mode_t mode)
{
    int fd = open(path, flags | O_CLOEXEC, mode);
    say("open %s %s: %s", path, flag_names, fd < 0 ? error_name(errno) : "ok");
    if (fd >= 0)
        close(fd);
}

void copy_self(const char *path)
{
    char buffer[65536];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    ssize_t length = -1;
    while (from >= 0 && to >= 0 && (length = read(from, buffer, sizeof(buffer))) > 0)
        if (write(to, buffer, (size_t)length) != length)
            break;
    if (length != 0 || fchmod(to, 0755))
        say("copy_self %s: %s", path, error_name(errno));
    close(from);
    close(to);
}

void sleep_ms(int ms)
{
    struct timespec left = {ms / 1000, (ms % 1000) * 1000000L};
    while (nanosleep(&left, &left) && errno == EINTR)
        continue;
}

bool wait_state(pid_t pid, char state)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    for (int i = 0; i < 400; i++, sleep_ms(5)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
            close(fd);
        if (length <= 0)
            continue;
        text[length] = '\0';
        const char *end = strrchr(text, ')');
        if (end && end[1] == ' ' && end[2] == state)
            return true;
    }
    return false;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    remove(path);
    return 0;
}

static void enter_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "/tmp/case.%s", name);
    umask(022);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (mkdir(path, 0755) || chmod(path, 0777) || chdir(path)) {
        say("folder: %s", error_name(errno));
        _exit(96);
    }
}

static void leave_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "/tmp/case.%s", name);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The case's child: nothing of the program's own state matters to a case but the standard descriptors. */
_Noreturn static void case_child(const struct test_case *test)
{
    setsid();
    int null = open("/dev/null", O_RDWR);
    if (null > 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    enter_folder(test->name);
    test->run();
    _exit(0);
}

/* Waits for the case with a limit; reaps whatever else ends meanwhile, since the program may be the container's init. */
static void wait_case(pid_t child)
{
    int status;
    for (int waited = 0; waited < CASE_SECONDS * 1000; waited += 2) {
        pid_t got = waitpid(child, &status, WNOHANG);
        if (got == child) {
            kill(-child, SIGKILL);
            say_status("case", status);
            return;
        }
        sleep_ms(2);
    }
    say("case: no end after %d seconds", CASE_SECONDS);
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
}

static void run_case(const struct test_case *test)
{
    say("=== %s", test->name);
    pid_t child = fork();
    if (child < 0)
        say("case: fork: %s", error_name(errno));
    else if (child == 0)
        case_child(test);
    else
        wait_case(child);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    leave_folder(test->name);
}

static int run_helper(int argc, char **argv)
{
    for (const struct helper *helper = __start_test_helpers; helper < __stop_test_helpers; helper++)
        if (strcmp(helper->name, argv[2]) == 0)
            return helper->run(argc - 2, argv + 2);
    say("no helper %s", argv[2]);
    return 95;
}

static bool wanted(const struct test_case *test, int argc, char **argv)
{
    bool found = argc < 2;
    for (int i = 1; i < argc; i++)
        found |= strcmp(test->name, argv[i]) == 0;
    return found;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "helper") == 0)
        return run_helper(argc, argv);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const struct test_case *test = __start_test_cases; test < __stop_test_cases; test++)
            puts(test->name);
        return 0;
    }
    if (argc == 0 || argv[0][0] != '/') { /* started by a case, and not as a helper: never the whole suite again */
        say("argc %d argv[0] [%s]", argc, argc > 0 ? argv[0] : "(none)");
        return 0;
    }
    self_path = argv[0];
    for (const struct test_case *test = __start_test_cases; test < __stop_test_cases; test++)
        if (wanted(test, argc, argv))
            run_case(test);
    return 0;
}
