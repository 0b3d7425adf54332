/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One user of the guest takes as much as he can get of each thing that all users share. Another finds that everything works for him, and
 * promptly. When the first is gone, or has let go, it is all there again.
 */
#include "attack.h"

#include <grp.h>
#include <sched.h>
#include <sys/resource.h>

enum { GREEDY = 1000, OTHER = 1001, STALL_MS = 300, STARVED_MS = 1500, IDLE_EXECS = 100, HOGS = 4 };

static void become(uid_t user)
{
    if (setgroups(0, NULL) != 0 || setgid(user) != 0 || setuid(user) != 0)
        _exit(99);
}

/* The greedy one takes, says that he has (or that there is no more), and holds it until he is killed. */
static pid_t let_take(void (*take)(void))
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        become(GREEDY);
        take();
        (void)!write(ends[1], "x", 1);
        for (;;)
            pause();
    }
    setpgid(pid, pid);
    char byte;
    close(ends[1]);
    EXPECT(read(ends[0], &byte, 1) == 1);
    close(ends[0]);
    return pid;
}

static void end(pid_t pid)
{
    kill(-pid, SIGKILL);
    wait_within(pid, 20);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

/* What anybody does all the time. False: something did not work. */
static bool everyday_things(void)
{
    struct stat status;
    char text[4096];
    bool fine = stat("/etc/passwd", &status) == 0;
    int file = open("/etc/passwd", O_RDONLY), live = open("/proc/self/status", O_RDONLY), folder = open("/proc/self", O_RDONLY | O_DIRECTORY);
    fine = fine && file >= 0 && live >= 0 && folder >= 0 && read(live, text, sizeof(text)) > 0;
    close(file);
    close(live);
    close(folder);
    return fine && chdir("/etc") == 0 && chdir("/") == 0 && getuid() == OTHER;
}

/* The longest that took, in ms, compared with sleeping, which needs nobody but the host. */
static double worst_of(double time)
{
    double worst = 0, worst_sleep = 0;
    for (double until = seconds() + time; seconds() < until;) {
        double before = seconds();
        if (!everyday_things())
            complain("everyday things do not work (%s)", strerrorname_np(errno));
        double after = seconds();
        usleep(1000);
        double slept = seconds() - after - 0.001;
        worst = after - before > worst ? after - before : worst;
        worst_sleep = slept > worst_sleep ? slept : worst_sleep;
        if (complaints > 0)
            break;
    }
    return (worst - worst_sleep) * 1000;
}

/* The other one, for a while. */
static void others_work(const char *what, double time, void (*more)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        become(OTHER);
        double worst = worst_of(time);
        printf("%s: at worst %.0f ms longer than a sleep\n", what, worst);
        if (worst > STALL_MS)
            complain("%s stopped another user for %.0f ms", what, worst);
        if (more != NULL)
            more();
        fflush(stdout);
        _exit(complaints > 0);
    }
    if (wait_within(pid, time + 10) != 0)
        complain("%s: another user could not work", what);
}

/* --- threads of the sentry --- */

static void burn(void)
{
    for (volatile unsigned n = 0;; n++)
        ;
}

static void execute_for_ever(void)
{
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_IDLE, &none);
    for (;;) {
        pid_t pid = vfork();
        if (pid == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        waitpid(pid, NULL, 0);
    }
}

static void execute_idly(void)
{
    for (int i = 0; i < IDLE_EXECS; i++)
        if (fork() == 0)
            execute_for_ever();
    for (int i = 0; i < HOGS; i++)
        if (fork() == 0)
            burn();
    sleep(1);
}

static void slow_calls(void)
{
    pid_t pid = let_take(execute_idly);
    others_work("slow calls", 4, NULL);
    end(pid);
    check_alive("slow calls");
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"slow-calls", slow_calls},
};

int main(int argc, char **argv)
{
    mkdir("/tmp", 01777);
    chmod("/tmp", 01777);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double before = seconds();
        if (argc > 1 && strcmp(argv[1], cases[i].name) != 0)
            continue;
        cases[i].run();
        printf("%s: %.1f s\n", cases[i].name, seconds() - before);
        fflush(stdout);
    }
    return finish();
}
