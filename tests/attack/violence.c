/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that kills, stops and floods: others of its own kind suffer, the sandbox does not. */
#include "attack.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void in_child(const char *what, double time, void (*act)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        act();
        _exit(0);
    }
    int status = wait_within(pid, time);
    if (status == -1)
        complain("%s: cannot be killed", what);
    check_alive(what);
}

static void kill_everything(void)
{
    kill(-1, SIGSTOP);
    kill(-1, SIGKILL);
    kill(1, SIGKILL);
    kill(1, SIGSTOP);
    kill(0, SIGSTOP);
}

/* Numbers that on the host are other processes. */
static void kill_strangers(void)
{
    for (pid_t pid = 2; pid < 70000; pid++) {
        if (pid == getpid() || pid == getppid())
            continue;
        if (kill(pid, SIGKILL) == 0 && pid > 40000)
            complain("killed %d", pid);
    }
    static const pid_t odd[] = {INT32_MIN, INT32_MIN + 1, -INT32_MAX, INT32_MAX, -2, 4194304, 4194305};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        EXPECT(kill(odd[i], SIGKILL) == -1);
}

static void signals_of_every_number(void)
{
    static const int numbers[] = {-1, 0, 65, 64, 1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        syscall(SYS_kill, 1, numbers[i]);
        syscall(SYS_tgkill, 1, 1, numbers[i]);
        syscall(SYS_tkill, 1, numbers[i]);
        siginfo_t info = {.si_code = SI_USER, .si_signo = SIGUSR2};
        syscall(SYS_rt_sigqueueinfo, 1, numbers[i], &info);
    }
}

/* Processes killed in the middle of trapped calls, by the hundred. */
static void killed_while_asking(void)
{
    for (int round = 0; round < rounds_of(300); round++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                struct stat status;
                stat("/etc", &status);
                close(open("/etc/passwd", O_RDONLY));
                getuid();
            }
        }
        usleep((useconds_t)(round * 7 % 1000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void killed_while_executing(void)
{
    for (int round = 0; round < rounds_of(200); round++) {
        pid_t pid = fork();
        if (pid == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(9);
        }
        usleep((useconds_t)(round * 13 % 2500));
        kill(pid, round % 3 == 0 ? SIGSTOP : round % 3 == 1 ? SIGKILL : SIGTERM);
        usleep(100);
        kill(pid, SIGCONT);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static void *ask(void *data)
{
    (void)data;
    double end = seconds() + share_of(2);
    while (seconds() < end) {
        struct stat status;
        stat("/etc/nothing", &status);
        syscall(SYS_getuid);
        syscall(SYS_umask, 022);
    }
    return NULL;
}

static void flood_of_threads(void)
{
    pthread_t threads[64];
    int count = 0;
    while (count < 64 && pthread_create(&threads[count], NULL, ask, NULL) == 0)
        count++;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void *execute(void *data)
{
    (void)data;
    execl("/bin/true", "true", (char *)NULL);
    return NULL;
}

/* All threads execute at once: one wins, the rest are gone. */
static void exec_race(void)
{
    for (int round = 0; round < 20; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t thread;
            for (int i = 0; i < 16; i++)
                pthread_create(&thread, NULL, execute, NULL);
            pause();
        }
        if (wait_within(pid, 10) != 0)
            complain("exec race: not a clean end");
    }
}

static void flood_of_processes(void)
{
    struct rlimit limit = {400, 400};
    setrlimit(RLIMIT_NPROC, &limit);
    pid_t group = getpid();
    setpgid(0, 0);
    signal(SIGTERM, SIG_IGN);
    double end = seconds() + share_of(2);
    int depth = 0;
    while (seconds() < end) {
        pid_t pid = fork();
        if (pid == 0) {
            depth++;
            if (depth > 6)
                ask(NULL);
        }
        syscall(SYS_getuid);
    }
    if (getpid() == group)
        kill(0, SIGKILL);
    _exit(0);
}

static void descriptors_without_end(void)
{
    for (int i = 0; i < 20000; i++)
        if (open("/etc/passwd", O_RDONLY) < 0 && errno != EMFILE && errno != ENFILE) {
            complain("open without end: %s", strerror(errno));
            break;
        }
    for (int i = 0; i < 200; i++)
        stat("/etc/passwd", &(struct stat){0});
}

/* While one listens to the sandbox's pulse: a guest's flood may slow others, not stop them. */
static void *pulse(void *data)
{
    double *worst = data;
    for (;;) {
        double before = seconds();
        syscall(SYS_getuid);
        double took = seconds() - before;
        if (took > *worst)
            *worst = took;
        usleep(1000);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    static double worst;
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    in_child("killing everything", 10, kill_everything);
    in_child("killing strangers", 60, kill_strangers);
    in_child("signals of every number", 10, signals_of_every_number);
    in_child("being killed while asking", 30, killed_while_asking);
    in_child("being killed while executing", 60, killed_while_executing);
    in_child("threads racing to execute", 60, exec_race);
    in_child("descriptors without end", 30, descriptors_without_end);
    pthread_create(&thread, NULL, pulse, &worst);
    in_child("a flood of threads", 20, flood_of_threads);
    in_child("a flood of processes", 20, flood_of_processes);
    printf("worst pulse: %.0f ms\n", worst * 1000);
    if (worst > 8)
        complain("a flood stopped others for %.1f s", worst);
    return finish();
}
