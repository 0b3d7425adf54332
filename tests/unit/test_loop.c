/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/platform/loop.c sentry/platform/parked.c sentry/platform/worker.c lib/thread.c sentry/platform/listeners.c sentry/platform/events.c sentry/kernel/share.c sentry/kernel/fair.c sentry/kernel/id_map.c */
/* The loop, with pipes for listeners. A receiver that is slow is replaced; what it adds then, the new one has to wait for too. */
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/boot.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/kernel/status.h"
#include "sentry/platform/dispatch.h"
#include "sentry/platform/notify.h"
#include "sentry/platform/parked.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/trace.h"
#include "sentry/platform/transient.h"
#include "sentry/sentry.h"

enum { SLOW_US = 100000, ANSWER_S = 10, CALL_PLAIN = 1, CALL_SLOW_AND_PARKED = 2 };

static struct boot_config boot;
static struct sentry sentry = {.boot = &boot};
static struct process process;
static struct cred nobodys = {.ruid = 1000};
static struct task task = {.tid = 7, .process = &process};
static struct {
    int control[2], listener[2];
    sem_t answered;
    int64_t answer;
    unsigned int asked;
} loop;

/* -- what the loop calls ------------------------------------------------------------------------------------------ */

struct task *task_find(struct process_table *table, pid_t tid)
{
    (void)table;
    return tid == task.tid ? &task : NULL;
}

void sentry_end(const struct sentry *ended)
{
    (void)ended;
    _exit(0);
}

struct task *task_get(struct task *got)
{
    return got;
}

struct task *task_put(struct task *put)
{
    (void)put;
    return NULL;
}

struct cred *task_cred(const struct task *of)
{
    (void)of;
    return &nobodys;
}

struct context *context_get(struct context *context)
{
    return context;
}

struct context *context_put(struct context *context)
{
    (void)context;
    return NULL;
}

struct dentry *dentry_put(struct dentry *dentry);
struct dentry *dentry_put(struct dentry *dentry)
{
    (void)dentry;
    return NULL;
}

struct cred *cred_get(struct cred *cred)
{
    return cred;
}

struct cred *cred_put(struct cred *cred)
{
    (void)cred;
    return NULL;
}

int host_status_read(const struct sentry *of, pid_t pid, struct host_status *ret_status)
{
    (void)of, (void)pid;
    *ret_status = (struct host_status){0};
    return 0;
}

bool status_signal_deliverable(const struct host_status *status)
{
    (void)status;
    return false;
}

bool status_signal_for_any(const struct host_status *status)
{
    (void)status;
    return false;
}

int64_t transient_interrupt(struct call *call, int64_t result)
{
    (void)call, (void)result;
    return CALL_ANSWERED;
}

void trace_begin(struct call *call, struct trace_line *ret_line)
{
    (void)call, (void)ret_line;
}

void trace_call(struct trace *trace, struct trace_line *line, const struct call *call, int64_t result, uint64_t ns)
{
    (void)trace, (void)line, (void)call, (void)result, (void)ns;
}

void transient_tick(const struct sentry *of)
{
    (void)of;
}

void notify_prepare(int listener)
{
    (void)listener;
}

int notify_receive(int listener, struct seccomp_notif *ret_notification)
{
    return read(listener, ret_notification, sizeof(*ret_notification)) == sizeof(*ret_notification) ? 0 : -EAGAIN;
}

bool platform_is_asking(struct sentry *of, const struct listener *listener, uint64_t id)
{
    (void)of, (void)listener, (void)id;
    return true;
}

void platform_answer(struct call *call, int64_t result)
{
    (void)call;
    if (result == CALL_PENDING)
        return;
    loop.answer = result;
    (void)sem_post(&loop.answered);
}

static int64_t ask_thrice(struct call *call, void *state)
{
    (void)call, (void)state;
    return ++loop.asked < 3 ? CALL_PENDING : 42;
}

static void forget(void *state)
{
    (void)state;
}

int64_t dispatch(struct call *call, int64_t (*clock)(void))
{
    (void)clock;
    if (call->nr == CALL_PLAIN)
        return 41;
    (void)usleep(SLOW_US);
    const struct parked parked = {.poll = ask_thrice, .cancel = forget, .interrupted = -EINTR};
    return call_park(call, &parked);
}

/* -- the tests ---------------------------------------------------------------------------------------------------- */

static void slowly_add_listener(void *data)
{
    (void)data;
    char byte;
    if (read(loop.control[0], &byte, 1) != 1)
        return;
    (void)usleep(SLOW_US);
    (void)platform_add_listener(sentry.platform, loop.listener[0]);
}

static void *run(void *unused)
{
    (void)unused;
    platform_run(sentry.platform);
}

static int start(void **state)
{
    (void)state;
    pthread_t thread;
    sentry.platform = platform_new(&sentry);
    return sentry.platform == NULL || pipe(loop.control) < 0 || pipe(loop.listener) < 0 || sem_init(&loop.answered, 0, 0) < 0 ||
                   platform_watch(sentry.platform, loop.control[0], slowly_add_listener, NULL) < 0
               ? -1
               : -pthread_create(&thread, NULL, run, NULL);
}

static void expect_answer(int nr, int64_t answer)
{
    const struct seccomp_notif notification = {.pid = (uint32_t)task.tid, .data.nr = nr};
    assert_int_equal(write(loop.listener[1], &notification, sizeof(notification)), sizeof(notification));
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ANSWER_S;
    assert_int_equal(sem_timedwait(&loop.answered, &until), 0);
    assert_int_equal(loop.answer, answer);
}

static void test_listener_of_a_replaced_receiver(void **state)
{
    (void)state;
    assert_int_equal(write(loop.control[1], "", 1), 1);
    (void)usleep(2 * SLOW_US);
    expect_answer(CALL_PLAIN, 41);
}

static void test_call_parked_by_a_replaced_receiver(void **state)
{
    (void)state;
    expect_answer(CALL_SLOW_AND_PARKED, 42);
    assert_int_equal(loop.asked, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener_of_a_replaced_receiver),
        cmocka_unit_test(test_call_parked_by_a_replaced_receiver),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
