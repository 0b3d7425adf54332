/* SPDX-License-Identifier: Apache-2.0 */
/* /proc: the shape of what programs read there, and that it tells the truth about the process. */
#include "case.h"
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

static char text[1 << 16];

static ssize_t slurp(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : 0, more;
    while (fd >= 0 && (more = read(fd, text + length, sizeof(text) - 1 - (size_t)length)) > 0)
        length += more;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    return length;
}

/* The value of a "Name: value" line. */
static const char *field(const char *name)
{
    static char values[8][256];
    static unsigned next;
    char *value = values[next++ % 8];
    size_t length = strlen(name);
    for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            while (*line == ' ' || *line == '\t')
                line++;
            snprintf(value, sizeof(values[0]), "%.*s", (int)strcspn(line, "\n"), line);
            return value;
        }
    return "(none)";
}

static void say_target(const char *path)
{
    char target[256];
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    if (length < 0)
        say("%s: %s", path, error_name(errno));
    else
        say("%s -> %.*s", path, (int)length, target);
}

CASE(self_links)
{
    char target[64], number[16];
    snprintf(number, sizeof(number), "%d", getpid());
    ssize_t length = readlink("/proc/self", target, sizeof(target));
    say("self %d", length == (ssize_t)strlen(number) && memcmp(target, number, (size_t)length) == 0);
    length = readlink("/proc/thread-self", target, sizeof(target) - 1);
    target[length > 0 ? length : 0] = '\0';
    say("thread-self %d", strstr(target, "/task/") != NULL);
    say_target("/proc/self/cwd");
    say_target("/proc/self/root");
    (void)!chdir("/");
    say_target("/proc/self/cwd");
    say_target("/proc/mounts");
    IN_CHILD("of a parent")
    {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/cwd", getppid());
        say_target("/proc/self/cwd");
        ssize_t got = readlink(path, target, sizeof(target));
        say("%.*s", (int)got, target);
    }
}

CASE(status)
{
    prctl(PR_SET_NAME, "odd) name\n");
    slurp("/proc/self/status");
    say("Name [%s]", field("Name"));
    say("Umask [%s] State [%s]", field("Umask"), field("State"));
    say("Pid %d Tgid %d PPid %d", atoi(field("Pid")) == getpid(), atoi(field("Tgid")) == getpid(),
        atoi(field("PPid")) == getppid());
    say("Uid [%s]", field("Uid"));
    say("Gid [%s] Groups [%s]", field("Gid"), field("Groups"));
    say("TracerPid [%s] Threads [%s]", field("TracerPid"), field("Threads"));
    say("memory %d %d", atoi(field("VmRSS")) > 0, atoi(field("VmSize")) > 0);
    say("SigIgn %s", field("SigIgn"));
    say("CapInh %s", field("CapInh"));
    say("CapPrm %s", field("CapPrm"));
    say("CapEff %s", field("CapEff"));
    say("CapBnd %s", field("CapBnd"));
    say("CapAmb %s", field("CapAmb"));
    say("NoNewPrivs %s", field("NoNewPrivs"));
    say("switches %d", strcmp(field("voluntary_ctxt_switches"), "(none)") != 0);
}

CASE(status_of_a_user)
{
    IN_CHILD("user")
    {
        gid_t groups[] = {10, 20};
        (void)!syscall(SYS_setgroups, 2, groups);
        (void)!setresgid(1, 2, 3);
        umask(027);
        (void)!setresuid(1000, 1001, 1002);
        slurp("/proc/self/status");
        say("Uid [%s]", field("Uid"));
        say("Gid [%s] Groups [%s]", field("Gid"), field("Groups"));
        say("Umask [%s] CapEff %s CapPrm %s", field("Umask"), field("CapEff"), field("CapPrm"));
    }
}

CASE(status_signals)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGTERM, (void (*)(int))(void *)sleep_ms);
    raise(SIGUSR1);
    slurp("/proc/self/status");
    say("SigBlk %s", field("SigBlk"));
    say("SigIgn %s", field("SigIgn"));
    say("SigCgt %s", field("SigCgt"));
    raise(SIGUSR1);
    say("pending %d", strtoull(field("ShdPnd"), NULL, 16) != 0 || strtoull(field("SigPnd"), NULL, 16) != 0);
}

CASE(stat_line)
{
    prctl(PR_SET_NAME, "a (b) c");
    slurp("/proc/self/stat");
    char *after = strrchr(text, ')');
    say("name %d", strstr(text, "(a (b) c)") != NULL);
    int ppid, pgrp, session, tty;
    char state;
    int got = after ? sscanf(after + 1, " %c %d %d %d %d", &state, &ppid, &pgrp, &session, &tty) : 0;
    say("fields %d state %c ppid %d group %d session %d tty %d", got, state, ppid == getppid(), pgrp == getpgrp(),
        session == getsid(0), tty);
    int fields = 2;
    for (char *at = after ? after + 1 : text; *at; at++)
        fields += *at == ' ';
    say("pid %d, fields %d", atoi(text) == getpid(), fields - 1);
    unsigned long long start = 0;
    for (int i = 3; after && i <= 22; i++)
        start = strtoull(after = strchr(after + 1, ' ') + 1, NULL, 10), after--;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    long long age = (long long)now.tv_sec * 100 - (long long)start;
    say("started just now %d", age > -200 && age < 1000);
    slurp("/proc/self/statm");
    long size, resident;
    say("statm %d", sscanf(text, "%ld %ld", &size, &resident) == 2 && size >= resident && resident > 0);
}

static const int address_fields[] = {26, 27, 28, 29, 30, 45, 46, 47, 48, 49, 50, 51};

/* Which fields of a process hold an address (others have 0, or 1 where there is one). */
static void say_addresses(const char *what, int fd, off_t from)
{
    char stat[2048] = "", shown[256] = "";
    size_t length = 0;
    ssize_t got = pread(fd, stat, sizeof(stat) - 1, from);
    char *at = got > 0 ? strrchr(stat, ')') : NULL, *save = NULL;
    int number = 3;
    for (char *word = at ? strtok_r(at + 1, " \n", &save) : NULL; word; word = strtok_r(NULL, " \n", &save), number++)
        for (size_t i = 0; i < sizeof(address_fields) / sizeof(*address_fields); i++)
            if (address_fields[i] == number)
                length += (size_t)snprintf(shown + length, sizeof(shown) - length, " %s", strlen(word) > 1 ? "address" : word);
    say("%s: %s%s", what, got < 0 ? error_name(errno) : "", shown);
}

static void say_addresses_of(const char *what, const char *file)
{
    int fd = open(file, O_RDONLY);
    say_addresses(what, fd, 0);
    close(fd);
}

static void say_robust_list_of(const char *whose, pid_t pid)
{
    char *list = NULL;
    size_t size = 0;
    long result = syscall(SYS_get_robust_list, pid, &list, &size);
    say("%s: %s, size %zu, list %d", whose, result < 0 ? strerror(errno) : "told", size, list != NULL);
}

/* The lists of others too are for who may trace them. */
CASE(robust_lists)
{
    say_robust_list_of("own", 0);
    say_robust_list_of("own, by number", getpid());
    say_robust_list_of("nobody's", 99999);
    IN_CHILD("root's child") say_robust_list_of("its parent's", getppid());
    TRY(syscall(SYS_get_robust_list, getpid(), NULL, NULL));
    IN_CHILD("user")
    {
        become(1000, 1000);
        say_robust_list_of("root's", getppid());
        prctl(PR_SET_DUMPABLE, 1);
        IN_CHILD("his child") say_robust_list_of("its parent's", getppid());
    }
}

/* Addresses are for who may trace the process, at the time he reads. */
CASE(addresses_in_stat)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", getpid());
    int held = open(path, O_RDONLY);
    say_addresses_of("own", "/proc/self/stat");
    IN_CHILD("root's child") say_addresses_of("its parent", path);
    say_addresses("own, by the held one", held, 0);
    IN_CHILD("user")
    {
        become(1000, 1000);
        say_addresses_of("root's", path);
        say_addresses("root's, as root has begun to read it", held, 1);
        say_addresses("root's, opened by root", held, 0);
        say_addresses_of("own", "/proc/self/stat");
        say_addresses_of("own thread", "/proc/thread-self/stat");
        void *list;
        size_t size;
        TRY(syscall(SYS_get_robust_list, getppid(), &list, &size));
        TRY(syscall(SYS_get_robust_list, 0, &list, &size) < 0);
    }
    IN_CHILD("root who becomes a user")
    {
        int begun = open(path, O_RDONLY);
        say_addresses("as root", begun, 0);
        become(1000, 1000);
        say_addresses("and as a user", begun, 1);
    }
    pid_t user = fork_or_die();
    if (user == 0) {
        become(1000, 1000);
        prctl(PR_SET_DUMPABLE, 1);
        pause();
    }
    sleep_ms(50);
    snprintf(path, sizeof(path), "/proc/%d/stat", user);
    say_addresses_of("root at a user's", path);
    IN_CHILD("another user")
    {
        become(1001, 1001);
        say_addresses_of("at a user's", path);
    }
    kill(user, SIGKILL);
    say_wait("user", user);
}

/* The counters of a program tell how long what it read was: who has opened the file before the program became another must not see. */
CASE(io_of_others)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/%d/io", getpid());
    int held = open(path, O_RDONLY);
    say("own: %d", pread(held, text, sizeof(text), 0) > 0);
    snprintf(path, sizeof(path), "/proc/%d/personality", getpid());
    int persona = open(path, O_RDONLY);
    say("own: %ld", (long)pread(persona, text, sizeof(text), 0));
    snprintf(path, sizeof(path), "/proc/%d/io", getpid());
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(open(path, O_RDONLY));
        say("held: %s", pread(held, text, sizeof(text), 0) < 0 ? error_name(errno) : "readable");
        say("held: %s", pread(persona, text, sizeof(text), 0) < 0 ? error_name(errno) : "readable");
    }
}

CASE(command_line)
{
    ssize_t length = slurp("/proc/self/cmdline");
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == '\0')
            text[i] = '|';
    say("[%s]", text[0] == '/' ? "program" : text);
    IN_CHILD("shell")
    {
        execl("/bin/sh", "sh", "-c", "tr '\\0' '|' </proc/$$/cmdline; echo; tr '\\0' '|' </proc/$$/environ | tail -c 20; "
            "echo; cat /proc/$$/comm; :", "extra argument", NULL);
    }
}

CASE(environment)
{
    IN_CHILD("shell")
    {
        execle("/bin/busybox", "sh", "-c", "tr '\\0' '|' </proc/self/environ; echo; :", NULL,
            (char *[]){"ONE=1", "TWO=2 2", NULL});
    }
}

CASE(name)
{
    say_file("/proc/self/comm");
    int fd = open("/proc/self/comm", O_WRONLY);
    TRY(write(fd, "renamed-by-writing-it", 21) > 0);
    char name[16];
    prctl(PR_GET_NAME, name);
    say("[%s]", name);
    say_file("/proc/self/comm");
}

CASE(descriptors)
{
    put_file("file", "", 0644);
    int fd = open("file", O_RDWR | O_APPEND), pipe_fd[2];
    (void)!pipe(pipe_fd);
    (void)!lseek(fd, 7, SEEK_SET);
    char path[64], target[128];
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    while (dir && readdir(dir))
        count++;
    say("entries %d", count);
    closedir(dir);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    say_target(path);
    struct stat st;
    lstat(path, &st);
    say("mode %o link %d", st.st_mode & 0777, S_ISLNK(st.st_mode));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe_fd[0]);
    ssize_t length = readlink(path, target, sizeof(target));
    say("pipe %d", length > 6 && memcmp(target, "pipe:[", 6) == 0);
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    slurp(path);
    say("pos [%s] flags [%s]", field("pos"), field("flags"));
    say_target("/proc/self/fd/0");
    say_target("/proc/self/fd/999");
    say_target("/proc/self/fd/x");
    unlink("file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    say_target(path);
    int again = open(path, O_RDONLY);
    say("reopened %s", again < 0 ? error_name(errno) : "ok");
    int memory = memfd_create("named", 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
    say_target(path);
    int dirfd = open("/tmp", O_RDONLY);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
    say_target(path);
    snprintf(path, sizeof(path), "/proc/self/fd/%d/case.descriptors", dirfd);
    say_stat(path);
}

CASE(descriptors_of_others)
{
    int ready[2];
    (void)!pipe(ready);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        become(1000, 1000);
        (void)!write(ready[1], "x", 1);
        sleep_ms(10000);
        _exit(0);
    }
    char byte, path[64];
    (void)!read(ready[0], &byte, 1);
    snprintf(path, sizeof(path), "/proc/%d/fd/0", pid);
    int fd = open(path, O_RDONLY);
    say("root looks %s", fd >= 0 ? "ok" : error_name(errno));
    IN_CHILD("another user")
    {
        become(2000, 2000);
        snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        OPEN("/proc/1/fd", O_RDONLY, 0);
        OPEN("/proc/1/environ", O_RDONLY, 0);
        OPEN("/proc/1/status", O_RDONLY, 0);
        OPEN("/proc/1/cmdline", O_RDONLY, 0);
        char target[64];
        TRY(readlink("/proc/1/exe", target, sizeof(target)));
        TRY(readlink("/proc/1/cwd", target, sizeof(target)));
        TRY(readlink("/proc/1/root", target, sizeof(target)));
    }
    kill(pid, SIGKILL);
    say_wait("child", pid);
}

/* Who has given up the ids he was started with is shown as root's, and has his own descriptors all the same. */
CASE(descriptors_after_giving_up_ids)
{
    put_file("file", "content", 0644);
    int fd = open("file", O_RDONLY);
    char path[64], text[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    IN_CHILD("a user now")
    {
        become(1000, 1000);
        say_stat("/proc/self/fdinfo/1");
        OPEN(path, O_RDONLY, 0);
        OPEN(path, O_WRONLY, 0);
        OPEN("/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
        OPEN("/proc/thread-self/fd", O_RDONLY | O_DIRECTORY, 0);
        OPEN("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY, 0);
        OPEN("/proc/self/fdinfo/1", O_RDONLY, 0);
        TRY(readlink(path, text, sizeof(text)) > 0);
        TRY(access(path, R_OK));
        TRY(access("/proc/self/fd", R_OK | X_OK));
        TRY(access("/proc/self/fd", W_OK));
        snprintf(path, sizeof(path), "/proc/%d/fd", getppid());
        TRY(open(path, O_RDONLY | O_DIRECTORY));
        OPEN("/proc/self/environ", O_RDONLY, 0);
        OPEN("/proc/self/maps", O_RDONLY, 0);
        OPEN("/proc/self/comm", O_WRONLY, 0);
    }
}

CASE(maps)
{
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    (void)!ftruncate(fd, 8192);
    char *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    slurp("/proc/self/maps");
    char start[32];
    snprintf(start, sizeof(start), "%lx-", (unsigned long)map);
    char *line = strstr(text, start);
    char perms[8] = "", name[128] = "";
    if (line)
        sscanf(line, "%*s %7s %*s %*s %*s %127s", perms, name);
    say("found %d [%s] [%s]", line != NULL, perms, name);
    say("stack %d vdso %d", strstr(text, "[stack]") != NULL, strstr(text, "[vdso]") != NULL);
    char exe[256], *own;
    ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    exe[length > 0 ? length : 0] = '\0';
    own = strstr(text, exe);
    say("the program itself %d", length > 0 && own != NULL);
    int lines = 0;
    for (char *at = text; *at; at++)
        lines += *at == '\n';
    say("lines %d", lines > 5);
    slurp("/proc/self/smaps");
    say("smaps %d", strstr(text, "Rss:") != NULL);
}

CASE(limits)
{
    struct rlimit limit = {123, 456};
    setrlimit(RLIMIT_NOFILE, &limit);
    slurp("/proc/self/limits");
    char *line = strstr(text, "Max open files");
    int soft = 0, hard = 0;
    if (line)
        sscanf(line, "Max open files %d %d", &soft, &hard);
    say("open files %d %d", soft, hard);
    int lines = 0;
    for (char *at = text; *at; at++)
        lines += *at == '\n';
    say("lines %d", lines);
    line = strstr(text, "Max file locks");
    say("locks %d", line && strstr(line, "unlimited") != NULL);
}

static void *task_thread(void *ready)
{
    (void)!write(((int *)ready)[1], "x", 1);
    sleep_ms(500);
    return NULL;
}

CASE(tasks)
{
    int ready[2];
    char byte;
    (void)!pipe(ready);
    pthread_t thread;
    pthread_create(&thread, NULL, task_thread, ready);
    (void)!read(ready[0], &byte, 1);
    DIR *dir = opendir("/proc/self/task");
    int count = 0, stats = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[300];
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        count++;
        snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
        stats += slurp(path) > 0;
    }
    say("threads %d stats %d", count, stats);
    slurp("/proc/self/status");
    say("Threads %s", field("Threads"));
    struct stat status = {0};
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    say("links %d", stat("/proc/self/task", &status) < 0 ? -1 : (int)status.st_nlink);
    pthread_join(thread, NULL);
    for (int i = 0; i < 500 && fstatat(proc, "self/task/", &status, 0) == 0 && status.st_nlink > 3; i++)
        sleep_ms(2); /* whoever joins a thread may see it still */
    say("links %d", (int)status.st_nlink);
    close(proc);
}

CASE(process_list)
{
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(10000);
        _exit(0);
    }
    DIR *dir = opendir("/proc");
    int numbers = 0, mine = 0, childs = 0, init = 0, others = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        int number = atoi(entry->d_name);
        numbers += number > 0;
        mine += number == getpid();
        childs += number == pid;
        init += number == 1;
        others += number == 0;
    }
    say("some %d mine %d child %d init %d files %d", numbers >= 3, mine, childs, init, others > 20);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    TRY(access(path, R_OK));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    TRY(access(path, R_OK));
    OPEN("/proc/999999", O_RDONLY, 0);
    OPEN("/proc/0", O_RDONLY, 0);
    OPEN("/proc/01", O_RDONLY, 0);
}

CASE(owner_of_process_files)
{
    struct stat st;
    TRY(stat("/proc/self", &st));
    say("%u:%u %o", st.st_uid, st.st_gid, st.st_mode & 07777);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        become(1000, 1001);
        execl("/bin/sh", "sh", "-c", "stat -c '%u:%g %a' /proc/$$ /proc/$$/fd /proc/$$/status; :", NULL);
        _exit(1);
    }
    say_wait("user", pid);
    stat("/proc/1", &st);
    say("%u:%u", st.st_uid, st.st_gid);
}

CASE(mount_tables)
{
    say("mounts %d", slurp("/proc/self/mounts") > 0);
    static const char *const wanted[] = {" / ", " /proc proc ", " /dev tmpfs ", " /dev/pts devpts ", " /dev/shm tmpfs ",
        " /sys sysfs ", " /dev/mqueue mqueue "};
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        say("%s %d", wanted[i], strstr(text, wanted[i]) != NULL);
    say("mountinfo %d", slurp("/proc/self/mountinfo") > 0);
    int lines = 0, good = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int id, parent, major_number, minor_number;
        char root[256], point[256];
        lines++;
        good += sscanf(line, "%d %d %d:%d %255s %255s", &id, &parent, &major_number, &minor_number, root, point) == 6 &&
            strstr(line, " - ");
    }
    say("well formed %d", lines > 5 && lines == good);
}

CASE(system_files)
{
    static const struct {
        const char *path, *contains;
    } files[] = {{"/proc/cpuinfo", "processor"}, {"/proc/meminfo", "MemTotal:"}, {"/proc/meminfo", "MemAvailable:"},
        {"/proc/stat", "cpu "}, {"/proc/stat", "btime "}, {"/proc/loadavg", "."}, {"/proc/uptime", "."},
        {"/proc/version", "Linux version"}, {"/proc/filesystems", "proc"}, {"/proc/sys/kernel/ostype", "Linux"},
        {"/proc/sys/kernel/hostname", "cell"}, {"/proc/sys/kernel/pid_max", ""}, {"/proc/sys/kernel/random/boot_id", "-"},
        {"/proc/sys/kernel/random/uuid", "-"}, {"/proc/sys/vm/overcommit_memory", ""}, {"/proc/sys/fs/file-max", ""},
        {"/proc/sys/net/core/somaxconn", ""}, {"/proc/self/cgroup", "/"}, {"/proc/self/oom_score_adj", ""},
        {"/proc/self/auxv", ""}, {"/proc/self/io", "rchar"}, {"/proc/net/dev", "lo"}, {"/proc/swaps", "Filename"},
        {"/proc/sys/kernel/cap_last_cap", ""}, {"/proc/self/loginuid", ""}, {"/proc/self/wchan", ""},
        {"/proc/self/uid_map", "0"}, {"/proc/diskstats", ""}, {"/proc/cmdline", ""}, {"/proc/devices", "Character"}};
    for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        ssize_t length = slurp(files[i].path);
        say("%s: %s", files[i].path, length < 0 ? error_name(errno) : strstr(text, files[i].contains) ? "ok" : "lacks it");
    }
}

CASE(numbers_agree)
{
    struct sysinfo info;
    sysinfo(&info);
    slurp("/proc/meminfo");
    unsigned long total = strtoul(field("MemTotal"), NULL, 10);
    say("memory %d", total == info.totalram * info.mem_unit / 1024);
    slurp("/proc/cpuinfo");
    int processors = 0;
    for (char *at = text; (at = strstr(at, "processor\t")); at++)
        processors++;
    say("processors %d", processors == get_nprocs());
    slurp("/proc/uptime");
    long seconds = atol(text);
    say("uptime %d", labs(seconds - info.uptime) <= 2);
}

CASE(read_again)
{
    /* What is kept open and read again from the start is current. */
    int fd = open("/proc/self/comm", O_RDONLY);
    char first[32] = "", second[32] = "";
    (void)!pread(fd, first, sizeof(first) - 1, 0);
    prctl(PR_SET_NAME, "changed");
    (void)!lseek(fd, 0, SEEK_SET);
    (void)!read(fd, second, sizeof(second) - 1);
    say("changed %d [%s]", strcmp(first, second) != 0, second);
    fd = open("/proc/self/status", O_RDONLY);
    (void)!pread(fd, text, sizeof(text) - 1, 0);
    umask(0);
    memset(text, 0, sizeof(text));
    (void)!pread(fd, text, sizeof(text) - 1, 0);
    say("Umask [%s]", field("Umask"));
    fd = open("/proc/uptime", O_RDONLY);
    char small[4];
    TRY(read(fd, small, 2));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(read(fd, small, 2));
}

CASE(oom_score)
{
    int fd = OK(open("/proc/self/oom_score_adj", O_RDWR));
    TRY(write(fd, "500", 3));
    say_file("/proc/self/oom_score_adj");
    TRY(write(fd, "5000", 4));
    TRY(write(fd, "abc", 3));
    IN_CHILD("inherited")
    {
        say_file("/proc/self/oom_score_adj");
    }
}

CASE(written_and_refused)
{
    OPEN("/proc/version", O_WRONLY, 0);
    OPEN("/proc/self/status", O_WRONLY, 0);
    OPEN("/proc/new", O_CREAT | O_WRONLY, 0644);
    TRY(unlink("/proc/version"));
    TRY(rmdir("/proc/1"));
    TRY(rename("/proc/version", "/proc/x"));
    TRY(symlink("x", "/proc/x"));
    
    IN_CHILD("user")
    {
        become(1000, 1000);
        OPEN("/proc/1/mem", O_RDONLY, 0);
        OPEN("/proc/1/maps", O_RDONLY, 0);
    }
}

/* A namespace can be looked at and compared, by its number and by a descriptor. */
static void say_namespace(const char *name)
{
    char path[64], target[64] = "", of_descriptor[64] = "", link[64], wanted[64];
    struct stat by_path = {0}, by_descriptor = {0};
    struct statfs filesystem = {0};
    (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    say("%s", name);
    TRY(stat(path, &by_path));
    OK(readlink(path, target, sizeof(target) - 1));
    const int fd = OK(open(path, O_RDONLY | O_CLOEXEC));
    TRY(fstat(fd, &by_descriptor));
    (void)snprintf(wanted, sizeof(wanted), "%.*s:[%llu]", (int)strcspn(name, "_"), name, (unsigned long long)by_path.st_ino);
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    OK(readlink(link, of_descriptor, sizeof(of_descriptor) - 1));
    say("named by its number: %d, by the descriptor: %d", strcmp(target, wanted) == 0, strcmp(of_descriptor, wanted) == 0);
    say("the same: %d, owner %u:%u, mode %o, size %lld, links %lu", by_path.st_dev == by_descriptor.st_dev && by_path.st_ino == by_descriptor.st_ino,
        by_descriptor.st_uid, by_descriptor.st_gid, by_descriptor.st_mode, (long long)by_descriptor.st_size, (unsigned long)by_descriptor.st_nlink);
    TRY(fstatfs(fd, &filesystem));
    say("nsfs: %d", filesystem.f_type == 0x6e736673);
    TRY(read(fd, target, sizeof(target)));
    TRY(lseek(fd, 0, SEEK_END));
    TRY(fchmod(fd, 0600));
    TRY(ftruncate(fd, 0));
    uid_t owner = 77;
    TRY(ioctl(fd, NS_GET_NSTYPE));
    TRY(ioctl(fd, NS_GET_PARENT));
    TRY(ioctl(fd, NS_GET_OWNER_UID, &owner));
    say("owner %u", owner);
    TRY(ioctl(fd, FIONREAD, &owner));
    const int users = OK(ioctl(fd, NS_GET_USERNS));
    struct stat of_users = {0}, own_users = {0};
    if (users >= 0) {
        TRY(fstat(users, &of_users));
        TRY(stat("/proc/self/ns/user", &own_users));
        say("ours: %d, closed by an exec: %d", of_users.st_ino == own_users.st_ino, fcntl(users, F_GETFD) == FD_CLOEXEC);
        (void)close(users);
    }
    (void)close(fd);
    TRY(open(path, O_WRONLY));
    TRY(open(path, O_RDONLY | O_DIRECTORY));
    TRY(open(path, O_RDONLY | O_NOFOLLOW));
    const int place = OK(open(path, O_PATH));
    TRY(fstat(place, &by_descriptor));
    say("the same: %d", by_path.st_ino == by_descriptor.st_ino);
    (void)close(place);
}

static const char *const namespaces[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"};

CASE(namespaces)
{
    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
        say_namespace(namespaces[i]);
}

/* All processes are in the same ones; whoever may not trace one of them may not ask. */
CASE(namespaces_of_others)
{
    const pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
        char path[64];
        struct stat own = {0}, others = {0};
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
        TRY(stat(path, &own));
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)child, namespaces[i]);
        TRY(stat(path, &others));
        say("%s is the same: %d", namespaces[i], own.st_ino == others.st_ino && own.st_dev == others.st_dev);
    }
    if (setresuid(1000, 1000, 1000) == 0) {
        struct stat status;
        char path[64], target[64];
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)child);
        TRY(stat(path, &status));
        TRY(readlink(path, target, sizeof(target)));
        TRY(open(path, O_RDONLY));
        TRY(lstat(path, &status));
    }
    (void)kill(child, SIGKILL);
}

CASE(magic_links)
{
    int fd = open("/proc/self/root/etc/marker", O_RDONLY);
    say("through root %s", fd < 0 ? error_name(errno) : "ok");
    put_file("file", "in the folder", 0644);
    say_file("/proc/self/cwd/file");
    TRY(chdir("/proc/self/cwd"));
    TRY(chdir("/proc/self/fd"));
    TRY(chdir("/proc/self/root"));
    char path[128];
    say("%s", getcwd(path, sizeof(path)));
    OPEN("/proc/self/exe", O_RDONLY, 0);
    OPEN("/proc/self/exe", O_RDONLY | O_NOFOLLOW, 0);
    struct stat st;
    TRY(lstat("/proc/self/exe", &st));
    say("link %d", S_ISLNK(st.st_mode));
}

CASE(memory_file)
{
    int fd = OK(open("/proc/self/mem", O_RDWR));
    static char word[] = "before";
    char got[8] = "";
    TRY(pread(fd, got, 6, (off_t)(uintptr_t)word));
    say("[%s]", got);
    TRY(pwrite(fd, "after!", 6, (off_t)(uintptr_t)word));
    say("[%s]", word);
    TRY(pread(fd, got, 6, 8));
}

CASE(written_behind_the_beginning)
{
    int fd = open("/proc/cpuinfo", O_WRONLY);
    say("refused %d", fd < 0 || (pwrite(fd, "x", 1, 123) < 0 && write(fd, "x", 1) < 0 && lseek(fd, 5, SEEK_SET) <= 5 && write(fd, "x", 1) < 0));
    fd = open("/proc/self/comm", O_RDWR);
    TRY(write(fd, "first", 5));
    say_file("/proc/self/comm");
}

CASE(numbers_of_roots)
{
    struct stat st;
    stat("/proc", &st);
    say("proc %lu", (unsigned long)st.st_ino);
    stat("/sys", &st);
    say("sys %lu", (unsigned long)st.st_ino);
    stat("/proc/self/ns", &st);
    say("ns %lu", (unsigned long)st.st_nlink);
    stat("/proc/self/fd", &st);
    say("fd %lu", (unsigned long)st.st_nlink);
}

/* Programs that walk a tree tell by device and inode that they are going in circles. */
CASE(no_folder_is_its_own_ancestor)
{
    static const char *const folders[] = {"/sys/class/net", "/sys/devices/system/cpu", "/sys/devices/system/node", "/proc/self/task", "/proc/sys"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        struct stat above[3], st;
        stat(strncmp(folders[i], "/sys", 4) == 0 ? "/sys" : "/proc", &above[0]);
        stat(folders[i], &above[1]);
        int circles = 0, seen = 0;
        DIR *folder = opendir(folders[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            if (entry->d_name[0] == '.' || fstatat(dirfd(folder), entry->d_name, &st, 0) || !S_ISDIR(st.st_mode))
                continue;
            seen++;
            for (int j = 0; j < 2; j++)
                circles += above[j].st_ino == st.st_ino && above[j].st_dev == st.st_dev;
        }
        say("%s: %s, %d circles", folders[i], seen ? "folders" : "none", circles);
        if (folder)
            closedir(folder);
    }
    struct stat st;
    TRY(stat("/sys/devices/system/cpu/cpu0", &st));
    say("of its own %d", st.st_ino > 1);
}

CASE(pages)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 1;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry = 0;
    say("read %ld", (long)pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / 4096 * 8)));
    say("present %d, number %d", (int)(entry >> 63), (int)(entry & ((1UL << 55) - 1)) != 0);
    OPEN("/proc/self/clear_refs", O_RDONLY, 0);
    fd = open("/proc/self/clear_refs", O_WRONLY);
    TRY(write(fd, "1", 1));
    OPEN("/proc/self/timers", O_RDONLY, 0);
    IN_CHILD("user")
    {
        char path[64];
        become(1000, 1000);
        snprintf(path, sizeof(path), "/proc/%d/pagemap", getppid());
        TRY(open(path, O_RDONLY));
        snprintf(path, sizeof(path), "/proc/%d/clear_refs", getppid());
        TRY(open(path, O_WRONLY));
    }
}
