/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/cred.c sentry/kernel/context.c sentry/kernel/process.c sentry/kernel/scan.c sentry/kernel/stamp.c sentry/kernel/commit.c sentry/kernel/limits.c sentry/kernel/id_map.c sentry/kernel/snapshot.c sentry/kernel/status.c sentry/kernel/slack.c sentry/kernel/tags.c sentry/kernel/thread_fs.c sentry/kernel/ids.c sentry/platform/worker.c sentry/kernel/aio_account.c sentry/platform/exec_plan.c */
/*
 * Contexts and the process table on real processes: a pid namespace of the test's own plays the guest. Needs root; without
 * it the tests of the table are skipped. The commands a guest takes are letters on a pipe.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sentry/kernel/table.h"
#include "sentry/platform/platform.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"

/* A table lives as long as the sentry: nothing frees it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* --- what the table stands on --- */

static unsigned int watches;
static int dentry_references;

int platform_watch(struct platform *platform, int fd, void (*ready)(void *data), void *data)
{
    (void)platform, (void)fd, (void)ready, (void)data;
    watches++;
    return 0;
}

void platform_unwatch(struct platform *platform, int fd)
{
    (void)platform, (void)fd;
    watches--;
}

struct dentry *dentry_get(struct dentry *dentry)
{
    dentry_references += dentry != NULL;
    return dentry;
}

struct dentry *dentry_put(struct dentry *dentry)
{
    dentry_references -= dentry != NULL;
    return NULL;
}

/* --- a guest --- */

static int thread_commands[2], guest_answers;

static void answer(pid_t pid)
{
    if (write(guest_answers, &pid, sizeof(pid)) != sizeof(pid))
        _exit(1);
}

static pid_t start_child(bool with_child)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    if (with_child)
        answer(start_child(false));
    for (;;)
        (void)pause();
}

/* Answers its id, then forks on request: f, or g for a child that forks one itself and answers that. */
static void *thread_main(void *data)
{
    char letter;
    (void)data;
    answer((pid_t)syscall(SYS_gettid));
    while (read(thread_commands[0], &letter, 1) == 1) {
        pid_t child = start_child(letter == 'g');
        if (letter == 'f')
            answer(child);
    }
    return NULL;
}

static void nest(void)
{
    if (fork() == 0)
        answer(getpid());
    else
        while (wait(NULL) >= 0)
            ;
}

/* f: fork a child that idles; t: start a thread; F, G: it shall fork (see there); w: wait for a child; n: fork a child that takes
 * the commands from here on. Answers are ids. */
static void run_guest(int commands, int answers)
{
    char letter;
    pthread_t thread;
    guest_answers = answers;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(commands, &letter, 1) == 1) {
        if (letter == 'f')
            answer(start_child(false));
        else if (letter == 'w')
            answer(waitpid(-1, NULL, 0));
        else if (letter == 'n')
            nest();
        else if (letter == 't' && (pipe(thread_commands) < 0 || pthread_create(&thread, NULL, thread_main, NULL) != 0))
            _exit(1);
        else if ((letter == 'F' || letter == 'G') && write(thread_commands[1], letter == 'F' ? "f" : "g", 1) != 1)
            _exit(1);
    }
    _exit(7);
}

struct world {
    struct sentry sentry;
    struct process_table *table;
    struct process *init;
    pid_t pid;
    int commands, answers;
};

static pid_t command(struct world *world, char letter)
{
    pid_t answer = -1;
    assert_int_equal(write(world->commands, &letter, 1), 1);
    assert_int_equal(read(world->answers, &answer, sizeof(answer)), sizeof(answer));
    return answer;
}

static pid_t clone_init(int commands[2], int answers[2])
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        (void)mount("proc", "/proc", "proc", 0, NULL);
        run_guest(commands[0], answers[1]);
    }
    return pid;
}

static struct context *first_context(void)
{
    struct context *context = context_new();
    assert_non_null(context);
    context->cred = cred_new(0);
    context->umask = 022;
    context->dumpable = true;
    return context;
}

static bool old_host; /* play a kernel that does not translate ids */

static bool start(struct world *world)
{
    int commands[2], answers[2];
    *world = (struct world){.sentry = {.proc_inner = -1}};
    assert_int_equal(pipe2(commands, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    world->pid = clone_init(commands, answers);
    if (world->pid < 0)
        return false;
    (void)close(commands[0]);
    (void)close(answers[1]);
    world->commands = commands[1];
    world->answers = answers[0];
    world->sentry.proc_outer = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world->table = process_table_new(&world->sentry);
    assert_int_equal(process_add_first(world->table, world->pid, first_context(), &world->init), 0);
    assert_int_equal(world->init->vpid, 1);
    if (old_host)
        world->table->pid_namespace = -1;
    return true;
}

static void stop(struct world *world)
{
    if (world->pid <= 0)
        return;
    (void)kill(world->pid, SIGKILL);
    (void)waitpid(world->pid, NULL, 0);
    (void)close(world->commands);
    (void)close(world->answers);
    (void)close(world->sentry.proc_outer);
    world->pid = 0;
}

static struct world world;

static int leave(void **state)
{
    (void)state;
    stop(&world);
    return 0;
}

#define NEED_WORLD()     \
    do {                 \
        (void)state;     \
        if (!start(&world)) \
            skip();      \
    } while (0)

/* --- the tests --- */

static void test_references(void **state)
{
    (void)state;
    struct context *context = context_new();
    context->cred = cred_new(2);
    context->root = dentry_get((struct dentry *)&watches);
    context->cwd = dentry_get((struct dentry *)&watches);
    context->umask = 027;
    context->limits.of[RLIMIT_NICE] = (struct rlimit){5, 6};
    struct context *copy = context_copy(context);
    assert_int_equal(dentry_references, 4);
    assert_int_equal(copy->umask, 027);
    assert_int_equal(copy->limits.of[RLIMIT_NICE].rlim_max, 6);
    assert_int_equal(copy->id, 0);
    assert_ptr_equal(copy->cred, context->cred);
    assert_int_equal(atomic_load(&copy->cred->references), 2);
    (void)context_get(copy);
    assert_null(context_put(copy));
    assert_int_equal(dentry_references, 4);
    assert_null(context_put(copy));
    assert_int_equal(dentry_references, 2);
    assert_null(context_put(context));
    assert_int_equal(dentry_references, 0);
    assert_null(context_put(NULL));
}

static void test_inheritance(void **state)
{
    NEED_WORLD();
    pid_t early = command(&world, 'f');
    struct context *changed = process_edit(world.init);
    changed->umask = 077;
    assert_int_equal(process_commit(world.table, world.init, changed), 0);
    pid_t late = command(&world, 'f');
    /* each has what its parent had when it was forked, though neither was seen before */
    struct process *before = process_find_vpid(world.table, early), *after = process_find_vpid(world.table, late);
    assert_non_null(before);
    assert_non_null(after);
    assert_int_equal(before->context->umask, 022);
    assert_int_equal(after->context->umask, 077);
    assert_int_equal(before->vpid, early);
    assert_ptr_not_equal(before, world.init);
    assert_ptr_equal(task_find(world.table, before->pid)->process, before);
    assert_ptr_equal(process_find_vpid(world.table, 1), world.init);
    assert_null(process_find_vpid(world.table, 1000000));
    assert_null(task_find(world.table, 0));
    assert_null(task_find(world.table, -1));
    /* a process outside the guest's namespace is none of it */
    assert_null(task_find(world.table, getpid()));
}

static struct cred *as_user(const struct task *task, uid_t uid)
{
    struct cred *cred = cred_copy(task_cred(task));
    cred->ruid = cred->euid = cred->suid = cred->fsuid = uid;
    return cred;
}

static void test_threads(void **state)
{
    NEED_WORLD();
    pid_t vtid = command(&world, 't');
    struct task *task = task_find_vtid(world.table, vtid);
    assert_non_null(task);
    assert_ptr_equal(task->process, world.init);
    assert_int_equal(task->vtid, vtid);
    assert_int_not_equal(task->tid, world.pid);
    assert_null(process_find_vpid(world.table, vtid)); /* not a leader */
    assert_ptr_equal(task_find(world.table, task->tid), task);

    /* one thread changes: only it; the other does the same: the process */
    struct cred *mine = cred_copy(task_cred(task));
    mine->ruid = mine->euid = mine->suid = mine->fsuid = 33;
    assert_int_equal(task_commit_cred(world.table, task, mine), 0);
    struct task *leader = task_find(world.table, world.pid);
    assert_int_equal(task_cred(task)->euid, 33);
    assert_int_equal(task_cred(leader)->euid, 0);
    assert_int_equal(world.init->context->cred->euid, 0);
    assert_false(world.init->context->dumpable);
    assert_int_equal(task_commit_cred(world.table, leader, cred_copy(task_cred(task))), 0);
    assert_null(task->cred);
    assert_null(leader->cred);
    assert_int_equal(world.init->context->cred->euid, 33);

    /* an exec leaves one thread, with the leader's id */
    (void)task_get(leader); /* as a call of it that is being served would */
    process_collapse_to(world.table, world.init, task);
    assert_ptr_equal(task_find(world.table, world.pid), task);
    assert_ptr_equal(world.init->tasks, task);
    assert_null(task->next);

    /* and what a call of the other comes to is not the new program's */
    assert_null(task_edit(leader));
    assert_int_equal(task_commit_cred(world.table, leader, as_user(leader, 44)), -ESRCH);
    assert_true(task_unshare_fs(world.table, leader) < 0);
    assert_int_equal(thread_set_slack(world.table, leader, 7), -ESRCH);
    assert_int_equal(world.init->context->cred->euid, 33);
    (void)task_put(leader);
}

static uid_t uid_of(pid_t vpid)
{
    const struct process *process = process_find_vpid(world.table, vpid);
    if (process == NULL)
        fail_msg("no process %d", vpid);
    return process_cred(process)->euid;
}

static void test_children_of_differing_threads(void **state)
{
    NEED_WORLD();
    struct task *thread = task_find_vtid(world.table, command(&world, 't'));
    pid_t before = command(&world, 'F');
    assert_int_equal(task_commit_cred(world.table, thread, as_user(thread, 33)), 0);
    pid_t of_thread = command(&world, 'F'), of_leader = command(&world, 'f'), grandchild = command(&world, 'G');
    assert_int_equal(task_commit_cred(world.table, thread, as_user(thread, 44)), 0);
    pid_t later = command(&world, 'F');
    assert_int_equal(task_commit_cred(world.table, thread, as_user(thread, 0)), 0);
    pid_t together = command(&world, 'F');
    /* looked at only now: each has what its forker had then */
    assert_int_equal(uid_of(before), 0);
    assert_int_equal(uid_of(grandchild), 33);
    assert_int_equal(uid_of(of_thread), 33);
    assert_int_equal(uid_of(of_leader), 0);
    assert_int_equal(uid_of(later), 44);
    assert_int_equal(uid_of(together), 0);
    assert_false(world.init->context->threads_differ);
    assert_int_equal(process_find_vpid(world.table, later)->context->cred->euid, 0);
}

static void test_orphans_of_differing_threads(void **state)
{
    NEED_WORLD();
    assert_non_null(process_find_vpid(world.table, command(&world, 'n')));
    struct task *thread = task_find_vtid(world.table, command(&world, 't'));
    assert_int_equal(task_commit_cred(world.table, thread, as_user(thread, 33)), 0);
    pid_t grandchild = command(&world, 'G'), parent = grandchild - 1;
    assert_int_equal(kill(process_find_vpid(world.table, parent)->pid, SIGKILL), 0);
    assert_int_equal(command(&world, 'w'), parent);
    assert_int_equal(uid_of(grandchild), 33);
}

static void set_slack(pid_t pid, unsigned long slack)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/timerslack_ns", pid);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "%lu", slack) > 0);
    assert_int_equal(fclose(file), 0);
}

static pid_t outer_pid(pid_t vpid)
{
    const struct process *process = process_find_vpid(world.table, vpid);
    assert_non_null(process);
    return process->pid;
}

/* Forgets a process: it is found out about anew. */
static void forget(pid_t vpid)
{
    process_exited(world.table, process_find_vpid(world.table, vpid));
}

static void test_a_tag_of_nobody(void **state)
{
    NEED_WORLD();
    struct task *thread = task_find_vtid(world.table, command(&world, 't'));
    assert_int_equal(task_commit_cred(world.table, thread, as_user(thread, 33)), 0);
    pid_t child = command(&world, 'F');
    assert_int_equal(uid_of(child), 33);
    pid_t outer = outer_pid(child);
    struct thread_state carried = {0};
    uint64_t slack;
    assert_int_equal(thread_state_read(world.table, outer, &carried, &slack), 0);
    assert_int_equal(carried.cred->euid, 33);
    assert_int_equal(slack, 50000);
    thread_state_release(&carried);
    for (unsigned int tag = 0; tag < TAG_COUNT; tag += 7) {
        if (tags_state(&world.table->tags, tag) != NULL || tag == 0 || tag == TAG_NONE)
            continue;
        set_slack(outer, 5 * TAG_COUNT + tag);
        forget(child);
        assert_int_equal(uid_of(child), 65534);
        assert_true(process_cred(process_find_vpid(world.table, child))->no_new_privs);
    }
    set_slack(outer, 50000); /* as if it had never had one */
    forget(child);
    assert_int_equal(uid_of(child), 0);
}

static void test_tags_are_used_again(void **state)
{
    NEED_WORLD();
    enum { CHANGES = 3 * TAG_COUNT };
    struct task *thread = task_find_vtid(world.table, command(&world, 't'));
    pid_t early = 0, late = 0;
    for (uid_t i = 1; i < CHANGES; i++) {
        assert_int_equal(task_commit_cred(world.table, thread, as_user(thread, i)), 0);
        if (i == 10)
            early = command(&world, 'G') - 1; /* and its child */
        if (i == CHANGES / 2)
            late = command(&world, 'F');
        assert_true(world.table->tags.count < TAG_COUNT - 1);
    }
    assert_int_equal(uid_of(early), 10);
    assert_int_equal(uid_of(early + 1), 10);
    assert_int_equal(uid_of(late), CHANGES / 2);
    assert_int_equal(uid_of(1), 0);
}

static void test_slack(void **state)
{
    NEED_WORLD();
    static const uint64_t values[] = {1, 50000, 49999, 848, 4096, UINT64_C(1) << 40};
    uint64_t slack;
    assert_int_equal(thread_get_slack(world.table, world.pid, &slack), 0);
    assert_int_equal(slack, 50000);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int_equal(thread_set_slack(world.table, world.init->tasks, values[i]), 0);
        assert_int_equal(thread_get_slack(world.table, world.pid, &slack), 0);
        assert_int_equal(slack, values[i]);
        pid_t child = command(&world, 'f');
        assert_int_equal(thread_get_slack(world.table, outer_pid(child), &slack), 0);
        assert_int_equal(slack, values[i]);
        assert_int_equal(uid_of(child), 0);
    }
    assert_int_equal(thread_set_slack(world.table, world.init->tasks, 0), 0);
    assert_int_equal(thread_get_slack(world.table, world.pid, &slack), 0);
    assert_int_equal(slack, 50000);
    assert_int_equal(process_snapshot_slack(world.table, 1, world.pid, &slack), 0);
    assert_int_equal(slack, 50000);
    assert_int_equal(process_snapshot_slack(world.table, 1, 4000000, &slack), -EPERM);
}

static void test_fs_of_a_thread(void **state)
{
    NEED_WORLD();
    assert_int_equal(task_unshare_fs(world.table, world.init->tasks), 0); /* alone: nothing to part from */
    assert_int_equal(world.init->context->own_fs_count, 0);
    struct task *thread = task_find_vtid(world.table, command(&world, 't'));
    assert_int_equal(task_unshare_fs(world.table, thread), 0);
    struct fs fs = task_fs(thread);
    fs.umask = 011;
    struct context *context = process_edit(world.init);
    context_set_fs(context, thread, &fs);
    assert_int_equal(process_commit(world.table, world.init, context), 0);
    pid_t of_thread = command(&world, 'F'), of_leader = command(&world, 'f');
    fs.umask = 066;
    context = process_edit(world.init);
    context_set_fs(context, thread, &fs);
    assert_int_equal(process_commit(world.table, world.init, context), 0);

    assert_int_equal(task_fs(thread).umask, 066);
    assert_int_equal(task_fs(task_find(world.table, world.pid)).umask, 022);
    struct process_snapshot snapshot;
    assert_int_equal(process_snapshot(world.table, of_thread, &snapshot), 0); /* not found out about yet */
    assert_int_equal(snapshot.umask, 011);
    assert_int_equal(task_fs(process_find_vpid(world.table, of_thread)->tasks).umask, 011);
    assert_int_equal(task_fs(process_find_vpid(world.table, of_leader)->tasks).umask, 022);

    for (int i = 0; i < 2000; i++) { /* what no thread has any more goes, now and then */
        assert_int_equal(task_unshare_fs(world.table, thread), 0);
        (void)usleep(100);
    }
    assert_true(world.init->context->own_fs_count <= 512);
    assert_int_equal(task_fs(thread).umask, 066);

    /* an exec by the thread: what it had is the process's */
    process_collapse_to(world.table, world.init, thread);
    context = process_edit(world.init);
    assert_int_equal(process_forget_threads(world.table, world.init->tasks, context), 0);
    assert_int_equal(process_commit(world.table, world.init, context), 0);
    assert_int_equal(world.init->context->umask, 066);
    assert_int_equal(world.init->context->own_fs_count, 0);
    assert_false(world.init->context->tagged);
}

static void test_exit_and_reuse(void **state)
{
    NEED_WORLD();
    pid_t child = command(&world, 'f');
    struct process *process = process_find_vpid(world.table, child);
    assert_non_null(process);
    pid_t outer = process->pid;
    assert_int_equal(kill(outer, SIGKILL), 0);
    assert_int_equal(command(&world, 'w'), child);
    assert_null(task_find(world.table, outer));
    assert_null(process_find_vpid(world.table, child));
    assert_true(process->gone); /* not freed: its pidfd has not spoken yet */
    unsigned int before = watches;
    process_exited(world.table, process);
    assert_int_equal(watches, before - 1);
    /* the same id for another: an entry of one that is gone must not be believed */
    pid_t next = command(&world, 'f');
    struct process *other = process_find_vpid(world.table, next);
    assert_non_null(other);
    stop(&world);
    assert_null(task_find(world.table, other->pid));
    assert_null(task_find(world.table, world.pid));
}

/* Who has as many processes as he may have is not served in more of them, until one has ended. */
static void test_known_processes_are_shared(void **state)
{
    NEED_WORLD();
    struct share *known = &world.table->known;
    const size_t all = known->all;
    assert_int_equal(known->taken, 1);
    pid_t first = command(&world, 'f'), second = command(&world, 'f');
    known->all = 2;
    struct process *process = process_find_vpid(world.table, first);
    assert_non_null(process);
    assert_null(process_find_vpid(world.table, second));
    assert_int_equal(known->taken, 2);
    assert_int_equal(kill(process->pid, SIGKILL), 0);
    assert_int_equal(command(&world, 'w'), first);
    assert_null(process_find_vpid(world.table, first));
    process_exited(world.table, process);
    assert_int_equal(known->taken, 1);
    assert_non_null(process_find_vpid(world.table, second));
    known->all = all;
}

static void test_unstamped(void **state)
{
    NEED_WORLD();
    pid_t child = command(&world, 'f');
    struct process *process = process_find_vpid(world.table, child);
    pid_t outer = process->pid;
    process_exited(world.table, process); /* forget it */
    const struct rlimit unknown = {.rlim_cur = 123456789, .rlim_max = RLIM_INFINITY};
    assert_int_equal(prlimit(outer, RLIMIT_LOCKS, &unknown, NULL), 0);
    assert_null(task_find(world.table, outer)); /* and it is killed */
    assert_int_equal(command(&world, 'w'), child);
    child = command(&world, 'f');
    process = process_find_vpid(world.table, child);
    outer = process->pid;
    process_exited(world.table, process);
    const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    assert_int_equal(prlimit(outer, RLIMIT_LOCKS, &none, NULL), 0);
    assert_null(task_find(world.table, outer));
    assert_int_equal(kill(outer, 0), 0); /* still being started: left alone */
}

static void test_contexts_are_freed(void **state)
{
    NEED_WORLD();
    pid_t child = command(&world, 'f'); /* stays with the first context, unseen */
    uint64_t first = world.init->context->id;
    for (int i = 0; i < 5000; i++) {
        struct context *context = process_edit(world.init);
        context->umask = (mode_t)i & 0777;
        assert_int_equal(process_commit(world.table, world.init, context), 0);
        assert_true(world.table->contexts.count < 1200);
    }
    assert_int_equal(world.table->last_context, 5001);
    assert_non_null(id_map_get(&world.table->contexts, first));
    struct process *process = process_find_vpid(world.table, child);
    assert_int_equal(process->context->id, first);
}

static int count_visits(struct process *process, void *data)
{
    (void)process;
    return ++*(int *)data == 5 ? 99 : 0;
}

static void test_for_each(void **state)
{
    NEED_WORLD();
    int visits = 0;
    (void)command(&world, 'f');
    (void)command(&world, 'f');
    assert_int_equal(process_for_each(world.table, count_visits, &visits), 0);
    assert_int_equal(visits, 3);
    for (int i = 0; i < 3; i++)
        (void)command(&world, 'f');
    visits = 0;
    assert_int_equal(process_for_each(world.table, count_visits, &visits), 99);
}

static void test_snapshot(void **state)
{
    NEED_WORLD();
    pid_t child = command(&world, 'f'), vtid = command(&world, 't');
    struct process_snapshot snapshot;
    /* known, never seen, a thread, nobody */
    assert_int_equal(process_snapshot(world.table, 1, &snapshot), 0);
    assert_int_equal(snapshot.pid, world.pid);
    assert_int_equal(snapshot.umask, 022);
    size_t known = world.table->by_tid.count;
    assert_int_equal(process_snapshot(world.table, child, &snapshot), 0);
    assert_int_equal(snapshot.vpid, child);
    assert_int_not_equal(snapshot.pid, world.pid);
    assert_int_equal(process_snapshot(world.table, vtid, &snapshot), 0);
    assert_int_equal(world.table->by_tid.count, known); /* looking changes nothing */
    assert_int_equal(process_snapshot(world.table, 4000000, &snapshot), -ESRCH);
    assert_int_equal(process_snapshot(world.table, 0, &snapshot), -ESRCH);
    assert_int_equal(process_snapshot(world.table, -1, &snapshot), -ESRCH);

    gid_t groups[100];
    for (unsigned int i = 0; i < 100; i++)
        groups[i] = 100 - i;
    struct context *context = process_edit(world.init);
    struct cred *with_groups = cred_copy_with_groups(context->cred, groups, 100);
    (void)cred_put(context->cred);
    context->cred = with_groups;
    assert_int_equal(process_commit(world.table, world.init, context), 0);
    assert_int_equal(process_snapshot(world.table, 1, &snapshot), 0);
    assert_int_equal(snapshot.group_count, 100);
    assert_int_equal(snapshot.groups[0], 1);
    assert_int_equal(snapshot.groups[SNAPSHOT_GROUPS - 1], SNAPSHOT_GROUPS);
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_references, leave),
        cmocka_unit_test_teardown(test_inheritance, leave),
        cmocka_unit_test_teardown(test_threads, leave),
        cmocka_unit_test_teardown(test_children_of_differing_threads, leave),
        cmocka_unit_test_teardown(test_orphans_of_differing_threads, leave),
        cmocka_unit_test_teardown(test_a_tag_of_nobody, leave),
        cmocka_unit_test_teardown(test_tags_are_used_again, leave),
        cmocka_unit_test_teardown(test_slack, leave),
        cmocka_unit_test_teardown(test_fs_of_a_thread, leave),
        cmocka_unit_test_teardown(test_exit_and_reuse, leave),
        cmocka_unit_test_teardown(test_known_processes_are_shared, leave),
        cmocka_unit_test_teardown(test_unstamped, leave),
        cmocka_unit_test_teardown(test_contexts_are_freed, leave),
        cmocka_unit_test_teardown(test_for_each, leave),
        cmocka_unit_test_teardown(test_snapshot, leave),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    old_host = true;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}

/* As the sentry sees it: a procfs that shows the sandbox alone. Without the right to that, the machine's. */
int main(void)
{
    int status = 0;
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
    if (pid < 0)
        return all_tests();
    if (pid == 0) {
        (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        (void)mount("proc", "/proc", "proc", 0, NULL);
        return all_tests();
    }
    if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}
