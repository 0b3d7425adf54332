/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous I/O of the kernel's (io_setup(2) and its like), as libaio uses it. */
#include "case.h"

#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

static long setup(unsigned events, aio_context_t *context)
{
    return syscall(SYS_io_setup, events, context);
}
static long destroy(aio_context_t context)
{
    return syscall(SYS_io_destroy, context);
}
static long submit(aio_context_t context, struct iocb *request)
{
    return syscall(SYS_io_submit, context, 1, &request);
}
static long events_of(aio_context_t context, struct io_event *event)
{
    return syscall(SYS_io_getevents, context, 1, 1, event, &(struct timespec){5, 0});
}

CASE(reading_and_writing)
{
    aio_context_t context = 0;
    struct io_event event;
    char text[16] = "";
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    TRY(setup(8, &context));
    struct iocb request = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (unsigned)fd, .aio_buf = (uintptr_t) "written", .aio_nbytes = 7};
    TRY(submit(context, &request));
    TRY(events_of(context, &event));
    say("%lld", (long long)event.res);
    request.aio_lio_opcode = IOCB_CMD_PREAD, request.aio_buf = (uintptr_t)text;
    TRY(submit(context, &request));
    TRY(events_of(context, &event));
    say("%lld [%s]", (long long)event.res, text);
    TRY(destroy(context));
    TRY(destroy(context));
    TRY(submit(context, &request));
}

CASE(errors)
{
    aio_context_t context = 0, other = 1;
    TRY(setup(0, &context));
    TRY(setup(1, NULL));
    TRY(setup(1, (aio_context_t *)8));
    TRY(setup(1, &other));
    TRY(setup(1000000000, &context));
    TRY(setup(100000, &context));
    TRY(destroy(0));
    TRY(destroy(1));
    TRY(destroy((aio_context_t)-1));
    TRY(setup(1, &context));
    TRY(setup(1, &context));
    TRY(destroy(context));
}

/* Those that come and go count no more: in one process, and in many. */
CASE(over_and_over)
{
    int done = 0, failed = 0;
    for (; done < 60; done++) {
        aio_context_t context = 0;
        if (setup(500, &context) != 0 || destroy(context) != 0)
            break;
    }
    say("done %d", done);
    for (int i = 0; i < 20; i++) {
        aio_context_t context = 0;
        failed += setup(1, (aio_context_t *)8) == 0;
        failed += setup(500, &context) == 0 && destroy(1) == 0;
        failed += context == 0 || destroy(context) != 0;
    }
    say("failed %d", failed);
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork_or_die();
        if (pid == 0) {
            aio_context_t context = 0;
            _exit(setup(500, &context) != 0);
        }
        int status;
        waitpid(pid, &status, 0);
        failed += status != 0;
    }
    say("failed %d", failed);
}

static void *in_thread(void *result)
{
    *(long *)result = setup(4, &(aio_context_t){0});
    return NULL;
}

CASE(threads_and_children)
{
    aio_context_t context = 0;
    pthread_t threads[4];
    long results[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, in_thread, &results[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    say("%ld %ld %ld %ld", results[0], results[1], results[2], results[3]);
    TRY(setup(4, &context));
    IN_CHILD("a child has memory of its own")
    {
        TRY(destroy(context));
        aio_context_t own = 0;
        TRY(setup(4, &own));
        TRY(destroy(own));
    }
    pid_t pid = vfork();
    if (pid == 0)
        _exit(destroy(context) != 0);
    say_wait("who shares it", pid);
    TRY(destroy(context));
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* A signal that arrives meanwhile is neither lost nor makes the call fail. */
CASE(under_signals)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerspec often = {{0, 300000}, {0, 300000}};
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, NULL, &timer);
    timer_settime(timer, 0, &often, NULL);
    int failed = 0;
    for (int i = 0; i < 60; i++) {
        aio_context_t context = 0;
        if (setup(500, &context) != 0 || destroy(context) != 0)
            failed++;
    }
    timer_delete(timer);
    say("failed %d", failed);
}
