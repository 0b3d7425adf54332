/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One user of the guest takes as much as he can get of each thing that all users share: an ordinary one beside another, and root beside an
 * ordinary one. He is refused at some point, with an error his call may give. Others find that everything works for them, and promptly;
 * and when he is gone, or has let go, it is all there again.
 */
#include "shares_things.h"

#include <grp.h>

enum { ROOT = 0, USER = 1000, OTHER = 1001, STALL_MS = 800, ROUNDS = 3, IDLE_EXECS = 100, HOGS = 4, OFTEN = 5000, AGAIN = 10 };

static void become(uid_t user)
{
    if (setgroups(0, NULL) != 0 || setgid(user) != 0 || setuid(user) != 0)
        _exit(99);
}

/* The greedy one takes, says that he has (or that there is no more), and holds it until he is killed. */
static pid_t let_take(uid_t greedy, void (*take)(void))
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    haul->count = haul->error = 0;
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        become(greedy);
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
    for (double until = seconds() + 20; seconds() < until && waitpid(-1, NULL, WNOHANG) >= 0;) /* his children, which are ours now */
        usleep(100);
}

static bool in_child(uid_t user, bool (*act)(void), double time)
{
    pid_t pid = fork();
    if (pid == 0) {
        become(user);
        _exit(!act());
    }
    return wait_within(pid, time) == 0;
}

/* --- how long others wait ---------------------------------------------------------------------------------------- */

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
    return fine && chdir("/etc") == 0 && chdir("/") == 0;
}

/* Two processes that wake each other, which needs nobody but the host's scheduler: the longest round of theirs is how long anybody has to
 * wait here. */
static void ping_pong(volatile double *worst)
{
    int there[2], back[2];
    char byte = 0;
    if (pipe(there) != 0 || pipe(back) != 0)
        _exit(1);
    if (fork() == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
            continue;
        _exit(0);
    }
    for (;;) {
        double before = seconds();
        for (int i = 0; i < 8; i++)
            if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
                _exit(1);
        double took = seconds() - before;
        *worst = took > *worst ? took : *worst;
        usleep(1000);
    }
}

/* The longest that took, in ms, beyond what the host is to blame for. */
static double worst_of(double time)
{
    volatile double *host = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double worst = 0;
    pid_t pid = fork();
    if (pid == 0)
        ping_pong(host);
    for (double until = seconds() + time; seconds() < until && complaints == 0;) {
        double before = seconds();
        if (!everyday_things())
            complain("everyday things do not work (%s)", strerrorname_np(errno));
        double took = seconds() - before;
        worst = took > worst ? took : worst;
        usleep(1000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return (worst - *host) * 1000;
}

/* Nobody is stopped for long, at least not in each of some rounds: the machine may have other work. */
static void others_work(uid_t other, const char *what, double time)
{
    pid_t pid = fork();
    if (pid == 0) {
        complaints = 0;
        become(other);
        double least = 1e9;
        for (int round = 0; round < ROUNDS && least > STALL_MS && complaints == 0; round++) {
            double worst = worst_of(time);
            least = worst < least ? worst : least;
        }
        if (least > STALL_MS)
            complain("%s: another user was stopped for %.0f ms", what, least);
        fflush(stdout);
        _exit(complaints > 0);
    }
    if (wait_within(pid, ROUNDS * time + 10) != 0)
        complain("%s: user %d could not work", what, (int)other);
}

/* --- threads of the sentry ---------------------------------------------------------------------------------------- */

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
    pid_t pid = let_take(USER, execute_idly);
    others_work(OTHER, "slow calls", 2);
    end(pid);
    check_alive("slow calls");
}

/* --- what is remembered of sockets and memory files --------------------------------------------------------------- */

static int bind_one(int number)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/s.%d.%d", (int)getuid(), number);
    unlink(name.sun_path);
    return bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, 1) == 0 ? fd : -1;
}

static void be_remembered_often(void)
{
    for (int i = 0; i < OFTEN; i++) {
        int fd = i % 2 == 0 ? bind_one(i % 100) : memfd_create("greedy", 0);
        if (i % 2 == 1)
            (void)!fchmod(fd, 0640);
        close(fd);
    }
}

/* What was there before the greedy one came is known still. */
static void remembered(void)
{
    haul->taken = false;
    pid_t other = fork();
    if (other == 0) {
        complaints = 0;
        become(OTHER);
        struct sockaddr_un name;
        struct ucred peer = {0};
        struct stat status = {0};
        socklen_t size = sizeof(name), peer_size = sizeof(peer);
        int listening = bind_one(0), file = memfd_create("other", 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
        EXPECT(listening >= 0 && fchmod(file, 0641) == 0);
        while (!haul->taken)
            usleep(10000);
        EXPECT(fstat(file, &status) == 0 && (status.st_mode & 07777) == 0641);
        EXPECT(getsockname(listening, (struct sockaddr *)&name, &size) == 0 && strcmp(name.sun_path, "/tmp/s.1001.0") == 0);
        EXPECT(connect(client, (struct sockaddr *)&name, size) == 0);
        EXPECT(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) == 0 && peer.uid == OTHER && peer.pid == getpid());
        _exit(complaints > 0);
    }
    usleep(100000);
    pid_t pid = let_take(USER, be_remembered_often);
    haul->taken = true;
    if (wait_within(other, 10) != 0)
        complain("what is remembered for a user was pushed out by another's");
    end(pid);
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

static const struct thing {
    const char *name;
    void (*take)(void);
    bool (*use)(void);
    void (*give)(void); /* what outlives who made it */
    int refusals[3];    /* what the call may say */
    int least;          /* so many anybody may have who is alone */
    bool not_root;      /* he never has one: he may read all programs */
} things[] = {
    {.name = "live files", .take = take_files, .use = use_files, .refusals = {ENFILE}, .least = 4000},
    {.name = "folders of /proc", .take = take_folders, .use = use_files, .refusals = {ENFILE}, .least = 4000},
    {.name = "calls that wait", .take = take_waits, .use = use_waits, .refusals = {ENFILE}, .least = 1000},
    {.name = "messages that wait", .take = take_messages, .use = use_messages, .refusals = {ETOOMANYREFS, ENOBUFS}, .least = 10},
    {.name = "states of threads", .take = take_states, .use = use_states, .refusals = {EAGAIN, ENOMEM}, .least = 1000},
    {.name = "programs not begun", .take = take_programs, .use = use_programs, .refusals = {EAGAIN}, .least = 400, .not_root = true},
    {.name = "asynchronous requests", .take = take_requests, .use = use_requests, .refusals = {EAGAIN}, .least = 64},
    {.name = "shared memory", .take = take_segments, .use = use_segments, .give = give_segments, .refusals = {ENOSPC}, .least = 2000},
    {.name = "semaphores", .take = take_semaphores, .use = use_semaphores, .give = give_semaphores, .refusals = {ENOSPC}, .least = 10000},
    {.name = "message queues", .take = take_message_queues, .use = use_message_queues, .give = give_message_queues, .refusals = {ENOSPC}, .least = 10000},
    {.name = "POSIX queues", .take = take_queues, .use = use_queues, .give = give_queues, .refusals = {ENOSPC}, .least = 100},
};

static void check_refusal(const struct thing *thing, uid_t greedy)
{
    bool known = false;
    for (size_t i = 0; i < 3; i++)
        known = known || (haul->error != 0 && haul->error == thing->refusals[i]);
    if (!known)
        complain("%s: user %d got %d, then %s (%d)", thing->name, (int)greedy, haul->count, strerrorname_np(haul->error), haul->error);
}

/* What outlives him is his to take away. */
static void give_back(const struct thing *thing, uid_t greedy, pid_t pid)
{
    end(pid);
    pid_t giver = thing->give != NULL ? fork() : -1;
    if (giver == 0) {
        become(greedy);
        thing->give();
        _exit(0);
    }
    if (giver > 0)
        wait_within(giver, 20);
}

static void beside(const struct thing *thing, uid_t greedy, uid_t other)
{
    others_work(other, thing->name, 0.3);
    if (!in_child(other, thing->use, 10))
        complain("%s: user %d has none when user %d took what he could", thing->name, (int)other, (int)greedy);
}

/* Once more, as much. It may take a moment until what the dead had is free. */
static int take_again(const struct thing *thing, uid_t greedy, int before)
{
    int count = 0;
    for (int i = 0; i < AGAIN && count < before - before / 8; i++) {
        usleep(i == 0 ? 0 : 500000);
        pid_t pid = let_take(greedy, thing->take);
        check_refusal(thing, greedy);
        count = haul->count;
        give_back(thing, greedy, pid);
    }
    return count;
}

static void exhaust(const struct thing *thing, uid_t greedy, uid_t other)
{
    pid_t pid = let_take(greedy, thing->take);
    int count = haul->count;
    check_refusal(thing, greedy);
    if (count < thing->least)
        complain("%s: user %d got only %d", thing->name, (int)greedy, count);
    beside(thing, greedy, other);
    give_back(thing, greedy, pid);
    int again = take_again(thing, greedy, count);
    printf("%s: user %d got %d, then %d\n", thing->name, (int)greedy, count, again);
    if (again < count - count / 8)
        complain("%s: not all of it was given back", thing->name);
    check_alive(thing->name);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir("/tmp", 01777);
    chmod("/tmp", 01777);
    haul = mmap(NULL, sizeof(*haul), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *only = argc > 1 ? argv[1] : NULL;
    for (size_t i = 0; i < sizeof(things) / sizeof(things[0]); i++) {
        double before = seconds();
        if (only != NULL && strcmp(only, things[i].name) != 0)
            continue;
        exhaust(&things[i], USER, OTHER);
        if (!things[i].not_root)
            exhaust(&things[i], ROOT, USER);
        printf("%s: %.1f s\n", things[i].name, seconds() - before);
        fflush(stdout);
    }
    if (only == NULL || strcmp(only, "remembered") == 0)
        remembered();
    if (only == NULL || strcmp(only, "slow calls") == 0)
        slow_calls();
    return finish();
}
