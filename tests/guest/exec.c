/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: every way to start one, and every way it can fail. */
#include "case.h"

#include <elf.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

extern char **environ;

/* ---- what the started programs do ---- */

HELPER(exit)
{
    return argc > 1 ? atoi(argv[1]) : 0;
}

HELPER(args)
{
    say("argc %d", argc);
    for (int i = 0; i < argc; i++)
        say("argv[%d] = [%s]", i, argv[i]);
    return 0;
}

HELPER(environ)
{
    (void)argc, (void)argv;
    for (char **each = environ; *each; each++)
        say("env [%s]", *each);
    return 0;
}

HELPER(fds)
{
    (void)argc, (void)argv;
    for (int fd = 3; fd < 32; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            say("fd %d is open", fd);
    return 0;
}

HELPER(signals)
{
    (void)argc, (void)argv;
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action))
            continue;
        if (action.sa_handler != SIG_DFL)
            say("%s %s", signal_name(number), action.sa_handler == SIG_IGN ? "ignored" : "handled");
        if (sigismember(&mask, number))
            say("%s blocked", signal_name(number));
    }
    return 0;
}

HELPER(name)
{
    (void)argc, (void)argv;
    char name[16] = "", exe[256] = "";
    prctl(PR_GET_NAME, name);
    say("name [%s]", name);
    ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    say("exe %s [%s]", length < 0 ? error_name(errno) : "ok", length < 0 ? "" : exe);
    return 0;
}

HELPER(count)
{
    size_t bytes = 0;
    for (int i = 0; i < argc; i++)
        bytes += strlen(argv[i]);
    say("argc %d bytes %zu", argc, bytes);
    return 0;
}

HELPER(threads)
{
    (void)argc, (void)argv;
    char text[4096] = "", *line;
    int fd = open("/proc/self/status", O_RDONLY);
    if (read(fd, text, sizeof(text) - 1) > 0 && (line = strstr(text, "Threads:")))
        say("threads %d", atoi(line + 8));
    say("leader %d", getpid() == (pid_t)syscall(SYS_gettid));
    return 0;
}

HELPER(auxv)
{
    (void)argc;
    say("pagesz %lu clktck %lu", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK));
    say("uid %lu euid %lu gid %lu egid %lu secure %lu", getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID),
        getauxval(AT_EGID), getauxval(AT_SECURE));
    say("phdr %d phent %lu entry %d", getauxval(AT_PHDR) != 0, getauxval(AT_PHENT), getauxval(AT_ENTRY) != 0);
    const Elf64_Phdr *phdr = (const void *)getauxval(AT_PHDR);
    unsigned loads = 0;
    for (unsigned long i = 0; phdr && i < getauxval(AT_PHNUM); i++)
        loads += phdr[i].p_type == PT_LOAD;
    say("segments %d", loads > 0);
    say("random %d", getauxval(AT_RANDOM) != 0);
    say("platform [%s]", getauxval(AT_PLATFORM) ? (const char *)getauxval(AT_PLATFORM) : "(none)");
    say("execfn [%s]", getauxval(AT_EXECFN) ? (const char *)getauxval(AT_EXECFN) : "(none)");
    say("vdso %d", getauxval(AT_SYSINFO_EHDR) != 0);
    say("argv [%s]", argv[0]);
    return 0;
}

/* ---- static, by every call ---- */

static void exec_wait(const char *text, const char *path, char *const argv[])
{
    pid_t pid = fork_or_die();
    if (pid == 0) {
        execv(path, argv);
        say("%s: %s", text, error_name(errno));
        _exit(90);
    }
    say_wait(text, pid);
}

#define EXEC(path, ...) exec_wait(path, path, (char *[]){__VA_ARGS__, NULL})

CASE(exec_static)
{
    copy_self("prog");
    EXEC("./prog", "prog", "helper", "exit", "42");
    EXEC("prog", "prog", "helper", "exit", "1");
}

CASE(exec_arguments)
{
    copy_self("prog");
    EXEC("./prog", "any name", "helper", "args", "", "two words", "-x", "\xff\xfe", "last");
}

CASE(exec_no_arguments)
{
    copy_self("prog");
    IN_CHILD("null argv")
    {
        syscall(SYS_execve, "./prog", NULL, environ);
        say("execve: %s", error_name(errno));
    }
}

CASE(exec_environment)
{
    copy_self("prog");
    IN_CHILD("environment")
    {
        execve("./prog", (char *[]){"prog", "helper", "environ", NULL}, (char *[]){"A=1", "B=two words", "EMPTY=", "C", NULL});
        say("%s", error_name(errno));
    }
    IN_CHILD("none")
    {
        execve("./prog", (char *[]){"prog", "helper", "environ", NULL}, (char *[]){NULL});
        say("%s", error_name(errno));
    }
}

CASE(exec_path_search)
{
    mkdir("bin1", 0755), mkdir("bin2", 0755);
    put_file("bin1/prog", "no program\n", 0644);
    copy_self("bin2/prog");
    setenv("PATH", "missing:bin1:bin2", 1);
    IN_CHILD("execvp")
    {
        execvp("prog", (char *[]){"prog", "helper", "exit", "5", NULL});
        say("%s", error_name(errno));
    }
    IN_CHILD("execvp of nothing")
    {
        TRY(execvp("nothing", (char *[]){"nothing", NULL}));
    }
}

CASE(exec_errors)
{
    put_file("text", "hello\n", 0755);
    put_file("plain", "hello\n", 0644);
    put_file("empty", "", 0755);
    mkdir("folder", 0755);
    (void)!symlink("loop", "loop");
    TRY(execl("nothing", "x", NULL));
    TRY(execl("", "x", NULL));
    TRY(execl("text", "x", NULL));
    TRY(execl("plain", "x", NULL));
    TRY(execl("empty", "x", NULL));
    TRY(execl("folder", "x", NULL));
    TRY(execl("folder/", "x", NULL));
    TRY(execl("text/", "x", NULL));
    TRY(execl("text/below", "x", NULL));
    TRY(execl("loop", "x", NULL));
    TRY(execl("/dev/null", "x", NULL));
    TRY(execl("/proc/self/status", "x", NULL));
    char longer[5000];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    TRY(execl(longer, "x", NULL));
    longer[300] = '\0';
    TRY(execl(longer, "x", NULL));
    TRY(syscall(SYS_execve, (char *)8, NULL, NULL));
    TRY(syscall(SYS_execve, "/bin/sh", (char **)8, NULL));
    TRY(syscall(SYS_execve, "/bin/sh", ((char *[]){(char *)8, NULL}), NULL));
}

/* ---- files that are nearly ELF ---- */

static void put_elf(const char *path, const Elf64_Ehdr *head, const Elf64_Phdr *phdr, int count)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (write(fd, head, sizeof(*head)) < 0 || write(fd, phdr, sizeof(*phdr) * (size_t)count) < 0 || ftruncate(fd, 8192))
        say("put_elf: %s", error_name(errno));
    close(fd);
}

static Elf64_Ehdr elf_head(int count)
{
    Elf64_Ehdr head = {.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = 0x400000 + 0x1000,
        .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (Elf64_Half)count};
    memcpy(head.e_ident, "\177ELF\2\1\1", 7);
    return head;
}

CASE(exec_broken_elf)
{
    Elf64_Phdr load = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = 4096, .p_memsz = 4096,
        .p_align = 4096};
    Elf64_Ehdr head = elf_head(1);
    head.e_machine = EM_AARCH64;
    put_elf("other-machine", &head, &load, 1);
    EXEC("./other-machine", "x");
    head = elf_head(1);
    head.e_type = ET_REL;
    put_elf("object", &head, &load, 1);
    EXEC("./object", "x");
    head = elf_head(1);
    head.e_type = ET_CORE;
    put_elf("core", &head, &load, 1);
    EXEC("./core", "x");
    head = elf_head(0);
    put_elf("no-headers", &head, &load, 1);
    EXEC("./no-headers", "x");
    head = elf_head(1);
    head.e_phentsize = 8;
    put_elf("small-headers", &head, &load, 1);
    EXEC("./small-headers", "x");
    head = elf_head(1);
    head.e_phoff = 1 << 20;
    put_elf("headers-outside", &head, &load, 1);
    EXEC("./headers-outside", "x");
    put_file("magic-only", "\177ELF", 0755);
    EXEC("./magic-only", "x");
}

CASE(exec_missing_interpreter)
{
    struct {
        Elf64_Ehdr head;
        Elf64_Phdr phdr[2];
        char name[32];
    } image = {.head = elf_head(2), .name = "/lib/no-such-loader.so"};
    image.phdr[0] = (Elf64_Phdr){.p_type = PT_INTERP, .p_flags = PF_R, .p_offset = offsetof(typeof(image), name),
        .p_filesz = sizeof("/lib/no-such-loader.so"), .p_memsz = sizeof("/lib/no-such-loader.so"), .p_align = 1};
    image.phdr[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = 4096,
        .p_memsz = 4096, .p_align = 4096};
    int fd = open("prog", O_WRONLY | O_CREAT, 0755);
    (void)!write(fd, &image, sizeof(image));
    (void)!ftruncate(fd, 8192);
    close(fd);
    EXEC("./prog", "x");
    mkdir("folder", 0755);
    strcpy(image.name, "folder");
    image.phdr[0].p_filesz = sizeof("folder");
    fd = open("prog2", O_WRONLY | O_CREAT, 0755);
    (void)!write(fd, &image, sizeof(image));
    (void)!ftruncate(fd, 8192);
    close(fd);
    EXEC("./prog2", "x");
}

/* The smallest program: exit(7) by hand, fixed or position independent. */
static void put_tiny(const char *path, Elf64_Half type, uint64_t base)
{
    static const unsigned char code[] = {0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05};
    struct {
        Elf64_Ehdr head;
        Elf64_Phdr phdr;
        unsigned char code[sizeof(code)];
    } image = {.head = elf_head(1)};
    image.head.e_type = type;
    image.head.e_entry = base + offsetof(typeof(image), code);
    image.phdr = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = base, .p_filesz = sizeof(image),
        .p_memsz = sizeof(image), .p_align = 4096};
    memcpy(image.code, code, sizeof(code));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (write(fd, &image, sizeof(image)) < 0)
        say("put_tiny: %s", error_name(errno));
    close(fd);
}

CASE(exec_tiny)
{
    put_tiny("fixed", ET_EXEC, 0x400000);
    EXEC("./fixed", "x");
    put_tiny("high", ET_EXEC, 0x10000000000);
    EXEC("./high", "x");
    put_tiny("pie", ET_DYN, 0);
    EXEC("./pie", "x");
}

/* ---- scripts ---- */

CASE(exec_script)
{
    copy_self("prog");
    put_file("script", "#!./prog helper\nargs\n", 0755);
    EXEC("./script", "name", "one", "two");
    put_file("arg", "#!/bin/sh -e\necho \"script $0 $# $1\"; exit 9\n", 0755);
    EXEC("./arg", "whatever", "first");
    put_file("spaces", "#!   /bin/sh   -e  \t \necho \"$-\" | grep -q e && echo has e\n", 0755);
    EXEC("./spaces", "x");
}

CASE(exec_script_argument)
{
    copy_self("/tmp/prog");
    /* All that follows the interpreter is one argument, spaces and all. */
    put_file("script", "#!/tmp/prog some argument \n", 0755);
    EXEC("./script", "x", "y");
    put_file("script2", "#!/bin/echo one two  three\n", 0755);
    EXEC("./script2", "x", "y");
    unlink("/tmp/prog");
}

CASE(exec_script_nested)
{
    put_file("one", "#!/bin/echo one\n", 0755);
    put_file("two", "#!./one two\n", 0755);
    put_file("three", "#!./two three\n", 0755);
    put_file("four", "#!./three four\n", 0755);
    put_file("five", "#!./four five\n", 0755);
    put_file("six", "#!./five six\n", 0755);
    EXEC("./two", "x", "a");
    EXEC("./three", "x", "a");
    EXEC("./four", "x", "a");
    EXEC("./five", "x", "a");
    EXEC("./six", "x", "a");
}

CASE(exec_script_errors)
{
    put_file("missing", "#!/no/such/interpreter\n", 0755);
    EXEC("./missing", "x");
    put_file("bare", "#!\n", 0755);
    EXEC("./bare", "x");
    put_file("blank", "#!   \n", 0755);
    EXEC("./blank", "x");
    put_file("folder", "#!/tmp\n", 0755);
    EXEC("./folder", "x");
    put_file("noexec", "#!./plain\n", 0755);
    put_file("plain", "text", 0644);
    EXEC("./noexec", "x");
    put_file("itself", "#!./itself\n", 0755);
    EXEC("./itself", "x");
    put_file("noline", "#!/bin/echo end", 0755);
    EXEC("./noline", "x");
    char longer[600] = "#!/bin/";
    memset(longer + 7, 'a', 500);
    strcpy(longer + 507, "\n");
    put_file("long", longer, 0755);
    EXEC("./long", "x");
}

/* ---- by descriptor ---- */

CASE(exec_fexecve)
{
    copy_self("prog");
    int fd = open("prog", O_RDONLY | O_CLOEXEC);
    IN_CHILD("fexecve")
    {
        fexecve(fd, (char *[]){"prog", "helper", "exit", "3", NULL}, environ);
        say("%s", error_name(errno));
    }
    int path = open("prog", O_PATH | O_CLOEXEC);
    IN_CHILD("execveat O_PATH")
    {
        syscall(SYS_execveat, path, "", (char *[]){"prog", "helper", "exit", "4", NULL}, environ, AT_EMPTY_PATH);
        say("%s", error_name(errno));
    }
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    IN_CHILD("/proc/self/fd/N")
    {
        execl(name, "prog", "helper", "exit", "6", NULL);
        say("%s", error_name(errno));
    }
    unlink("prog");
    IN_CHILD("fexecve of a removed file")
    {
        fexecve(fd, (char *[]){"prog", "helper", "exit", "8", NULL}, environ);
        say("%s", error_name(errno));
    }
}

CASE(exec_execveat)
{
    mkdir("folder", 0755);
    copy_self("folder/prog");
    (void)!symlink("prog", "folder/link");
    int dir = open("folder", O_RDONLY | O_DIRECTORY);
    char *const argv[] = {"prog", "helper", "exit", "11", NULL};
    IN_CHILD("relative")
    {
        TRY(syscall(SYS_execveat, dir, "prog", argv, environ, 0));
    }
    IN_CHILD("link")
    {
        TRY(syscall(SYS_execveat, dir, "link", argv, environ, 0));
    }
    IN_CHILD("link not followed")
    {
        TRY(syscall(SYS_execveat, dir, "link", argv, environ, AT_SYMLINK_NOFOLLOW));
    }
    TRY(syscall(SYS_execveat, 77, "prog", argv, environ, 0));
    TRY(syscall(SYS_execveat, dir, "", argv, environ, 0));
    TRY(syscall(SYS_execveat, dir, "", argv, environ, AT_EMPTY_PATH));
    TRY(syscall(SYS_execveat, dir, "prog", argv, environ, 0x40000000));
    int file = open("folder/prog", O_RDONLY);
    TRY(syscall(SYS_execveat, file, "prog", argv, environ, 0));
}

CASE(exec_script_by_descriptor)
{
    put_file("script", "#!/bin/sh\nexit 12\n", 0755);
    int fd = open("script", O_RDONLY);
    IN_CHILD("open")
    {
        TRY(fexecve(fd, (char *[]){"x", NULL}, environ));
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    IN_CHILD("close on exec")
    {
        TRY(fexecve(fd, (char *[]){"x", NULL}, environ));
    }
}

CASE(exec_memfd)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    int self = open("/proc/self/exe", O_RDONLY);
    char buffer[65536];
    ssize_t length;
    while ((length = read(self, buffer, sizeof(buffer))) > 0)
        (void)!write(fd, buffer, (size_t)length);
    close(self);
    /* A memory file is open for writing: sealed or read only it can be executed, as it is it cannot. */
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    int reader = open(name, O_RDONLY | O_CLOEXEC);
    IN_CHILD("while writable")
    {
        TRY(fexecve(fd, (char *[]){"prog", "helper", "exit", "13", NULL}, environ));
    }
    close(fd);
    IN_CHILD("read only")
    {
        TRY(fexecve(reader, (char *[]){"prog", "helper", "exit", "14", NULL}, environ));
    }
}

CASE(exec_text_busy)
{
    copy_self("prog");
    int writer = open("prog", O_WRONLY);
    EXEC("./prog", "prog", "helper", "exit", "1");
    close(writer);
    EXEC("./prog", "prog", "helper", "exit", "2");
}

/* ---- limits ---- */

CASE(exec_many_arguments)
{
    copy_self("prog");
    enum { COUNT = 20000 };
    char **argv = calloc(COUNT + 4, sizeof(*argv));
    argv[0] = "prog", argv[1] = "helper", argv[2] = "count";
    for (int i = 0; i < COUNT; i++)
        argv[3 + i] = "argument";
    exec_wait("many", "./prog", argv);
}

CASE(exec_long_argument)
{
    copy_self("prog");
    char *longest = malloc(131072 + 8);
    memset(longest, 'x', 131072 + 8);
    longest[131071] = '\0';
    exec_wait("131071 bytes", "./prog", (char *[]){"prog", "helper", "count", longest, NULL});
    longest[131071] = 'x', longest[131072] = '\0';
    exec_wait("131072 bytes", "./prog", (char *[]){"prog", "helper", "count", longest, NULL});
}

CASE(exec_too_big)
{
    copy_self("prog");
    enum { COUNT = 100 };
    static char chunk[100001];
    memset(chunk, 'y', 100000);
    char *argv[COUNT + 4] = {"prog", "helper", "count"};
    for (int i = 0; i < COUNT; i++)
        argv[3 + i] = chunk;
    exec_wait("10 MB", "./prog", argv);
    struct rlimit small = {1 << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_STACK, &small);
    argv[3 + 2] = NULL;
    exec_wait("200 kB under a 1 MB stack", "./prog", argv);
    argv[3 + 2] = chunk, argv[3 + 3] = NULL;
    exec_wait("300 kB under a 1 MB stack", "./prog", argv);
}

/* ---- what survives ---- */

CASE(exec_close_on_exec)
{
    copy_self("prog");
    int stays = open("prog", O_RDONLY), goes = open("prog", O_RDONLY | O_CLOEXEC);
    dup2(stays, 10), dup3(goes, 11, O_CLOEXEC), dup2(goes, 12);
    fcntl(10, F_DUPFD_CLOEXEC, 20), fcntl(11, F_DUPFD, 21);
    EXEC("./prog", "prog", "helper", "fds");
}

CASE(exec_signals)
{
    copy_self("prog");
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2), sigaddset(&mask, SIGALRM);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, (void (*)(int))(void *)say);
    EXEC("./prog", "prog", "helper", "signals");
}

CASE(exec_pending_signal)
{
    copy_self("prog");
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    IN_CHILD("pending over exec")
    {
        sigprocmask(SIG_BLOCK, &mask, NULL);
        raise(SIGUSR1);
        execl("./prog", "prog", "helper", "pending", NULL);
    }
}

HELPER(pending)
{
    (void)argc, (void)argv;
    sigset_t mask;
    sigpending(&mask);
    say("pending %d", sigismember(&mask, SIGUSR1));
    sigemptyset(&mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    say("survived");
    return 0;
}

CASE(exec_names)
{
    copy_self("prog");
    copy_self("a-rather-long-program-name");
    (void)!symlink("prog", "link");
    prctl(PR_SET_NAME, "before");
    EXEC("./prog", "zero", "helper", "name");
    EXEC("./a-rather-long-program-name", "zero", "helper", "name");
    EXEC("./link", "zero", "helper", "name");
    put_file("script", "#!./prog helper\n", 0755);
    rename("prog", "moved");
    EXEC("./moved", "zero", "helper", "name");
}

CASE(exec_same_process)
{
    copy_self("prog");
    char name[32];
    IN_CHILD("same pid, group and session")
    {
        snprintf(name, sizeof(name), "%d", getpid());
        execl("./prog", "prog", "helper", "same", name, NULL);
    }
}

HELPER(same)
{
    say("pid kept %d, arguments %d", argc > 1 && getpid() == atoi(argv[1]), argc);
    say("group is parent's %d, session is parent's %d", getpgrp() == getppid(), getsid(0) == getppid());
    return 0;
}

CASE(exec_auxv)
{
    copy_self("prog");
    EXEC("./prog", "prog", "helper", "auxv");
    IN_CHILD("as a user")
    {
        become(1000, 1001);
        execl("./prog", "prog", "helper", "auxv", NULL);
    }
}

CASE(exec_directory_and_umask)
{
    mkdir("below", 0755);
    copy_self("below/prog");
    IN_CHILD("kept over exec")
    {
        (void)!chdir("below");
        umask(027);
        execl("./prog", "prog", "helper", "cwd", NULL);
    }
}

HELPER(cwd)
{
    (void)argc, (void)argv;
    char path[256];
    say("cwd [%s] umask %03o", getcwd(path, sizeof(path)) ? path : error_name(errno), umask(0));
    return 0;
}

/* ---- threads and vfork ---- */

static void *exec_from_thread(void *unused)
{
    (void)unused;
    execl("./prog", "prog", "helper", "threads", NULL);
    say("%s", error_name(errno));
    return NULL;
}

static void *sleep_thread(void *unused)
{
    sleep_ms(20000);
    return unused;
}

CASE(exec_from_a_thread)
{
    copy_self("prog");
    IN_CHILD("thread")
    {
        pthread_t other, thread;
        pthread_create(&other, NULL, sleep_thread, NULL);
        pthread_create(&thread, NULL, exec_from_thread, NULL);
        pthread_join(other, NULL);
    }
}

CASE(exec_ends_threads)
{
    copy_self("prog");
    IN_CHILD("leader")
    {
        pthread_t other[4];
        for (int i = 0; i < 4; i++)
            pthread_create(&other[i], NULL, sleep_thread, NULL);
        execl("./prog", "prog", "helper", "threads", NULL);
    }
}

CASE(exec_vfork)
{
    copy_self("prog");
    for (int i = 0; i < 5; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            execl("./prog", "prog", "helper", "exit", "21", NULL);
            _exit(1);
        }
        say_wait("vfork", pid);
    }
    pid_t pid = vfork();
    if (pid == 0) {
        execl("./nothing", "x", NULL);
        _exit(errno == ENOENT ? 50 : 51);
    }
    say_wait("vfork and a failing exec", pid);
}

CASE(exec_chain)
{
    copy_self("prog");
    EXEC("./prog", "prog", "helper", "again", "40");
}

HELPER(again)
{
    int left = argc > 1 ? atoi(argv[1]) : 0;
    char next[16];
    snprintf(next, sizeof(next), "%d", left - 1);
    if (left > 0)
        execl("./prog", "prog", "helper", "again", next, NULL);
    say("left %d", left);
    return 17;
}

CASE(exec_at_once)
{
    copy_self("prog");
    pid_t pids[16];
    for (int i = 0; i < 16; i++) {
        pids[i] = fork_or_die();
        if (pids[i] == 0) {
            char code[8];
            snprintf(code, sizeof(code), "%d", i);
            execl("./prog", "prog", "helper", "exit", code, NULL);
            _exit(99);
        }
    }
    for (int i = 0; i < 16; i++)
        say_wait("one of many", pids[i]);
}

CASE(exec_permission)
{
    copy_self("root-only");
    chmod("root-only", 0700);
    copy_self("group");
    (void)!chown("group", 0, 1001);
    chmod("group", 0710);
    copy_self("exec-only");
    chmod("exec-only", 0711);
    mkdir("closed", 0700);
    copy_self("closed/prog");
    IN_CHILD("user")
    {
        become(1000, 1001);
        EXEC("./root-only", "x", "helper", "exit", "1");
        EXEC("./group", "x", "helper", "exit", "2");
        EXEC("./exec-only", "x", "helper", "exit", "3");
        EXEC("./closed/prog", "x", "helper", "exit", "4");
    }
    chmod("exec-only", 0600);
    EXEC("./exec-only", "x", "helper", "exit", "5");
}

CASE(exec_proc_self_exe)
{
    EXEC("/proc/self/exe", "prog", "helper", "exit", "33");
    copy_self("prog");
    pid_t pid = fork_or_die();
    if (pid == 0) {
        execl("./prog", "prog", "helper", "reexec", NULL);
        _exit(1);
    }
    say_wait("again by /proc/self/exe", pid);
}

HELPER(reexec)
{
    (void)argc, (void)argv;
    execl("/proc/self/exe", "prog", "helper", "exit", "34", NULL);
    say("%s", error_name(errno));
    return 1;
}

CASE(exec_dynamic_if_any)
{
    /* The suite's tree is static; the loader's absence must be reported in the same way everywhere. */
    EXEC("/bin/busybox", "true");
    EXEC("/bin/busybox", "false");
    EXEC("/bin/sh", "sh", "-c", "exit 77");
}

static void ignore_it(int signal)
{
    (void)signal;
}

/* A signal on the way into the new program ends nothing, and execve returns nothing because of it. */
CASE(exec_under_signals)
{
    enum { ROUNDS = 300 };
    int ended[3] = {0}; /* as it should, with an error of execve, otherwise */
    copy_self("prog");
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = fork_or_die();
        if (pid == 0) {
            signal(SIGURG, ignore_it);
            execl("./prog", "prog", "helper", "exit", "7", NULL);
            fprintf(stderr, "execve: %d\n", errno);
            _exit(8);
        }
        int status = 0;
        while (waitpid(pid, &status, WNOHANG) == 0)
            kill(pid, SIGURG);
        ended[WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : WIFEXITED(status) && WEXITSTATUS(status) == 8 ? 1 : 2]++;
    }
    say("%d as they should, %d with an error, %d otherwise", ended[0], ended[1], ended[2]);
}
