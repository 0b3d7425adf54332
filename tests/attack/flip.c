/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread rewrites the path while another makes the call. Whatever is opened or executed must be something the caller may
 * open or execute, and never something of the host.
 */
#include "attack.h"

#include <pthread.h>

enum { ROUNDS = 4000, EXECS = 60, USER = 1000, ALLOWED_CODE = 207, FORBIDDEN_CODE = 210, REFUSED_CODE = 201, PATH_SIZE = 256 };

static char path[PATH_SIZE] __attribute__((aligned(64)));
static const char *faces[2];
static volatile bool stop;

static void *flip(void *data)
{
    (void)data;
    for (unsigned int i = 0; !stop; i++)
        memcpy(path, faces[i & 1], PATH_SIZE);
    return NULL;
}

static void set_faces(const char *one, const char *other)
{
    static char texts[2][PATH_SIZE];
    memset(texts, 0, sizeof(texts));
    snprintf(texts[0], PATH_SIZE, "%s", one);
    snprintf(texts[1], PATH_SIZE, "%s", other);
    faces[0] = texts[0];
    faces[1] = texts[1];
    memcpy(path, texts[0], PATH_SIZE);
}

static void put(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
        complain("cannot prepare %s: %s", name, strerror(errno));
    close(fd);
}

static void copy_program(const char *from, const char *to, mode_t mode)
{
    char buffer[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);
    for (ssize_t got; (got = read(in, buffer, sizeof(buffer))) > 0;)
        if (write(out, buffer, (size_t)got) != got)
            complain("cannot copy a program");
    fchmod(out, mode);
    close(in);
    close(out);
}

static void start_flipping(pthread_t *ret_thread)
{
    stop = false;
    pthread_create(ret_thread, NULL, flip, NULL);
}

static void open_rounds(const char *what, const char *bad_text)
{
    pthread_t thread;
    start_flipping(&thread);
    int opened = 0, refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char text[64] = "";
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            refused++;
            continue;
        }
        opened++;
        if (read(fd, text, sizeof(text) - 1) > 0 && strncmp(text, bad_text, strlen(bad_text)) == 0)
            complain("%s: read what it may not", what);
        close(fd);
    }
    stop = true;
    pthread_join(thread, NULL);
    printf("%s: %d opened, %d refused\n", what, opened, refused);
    if (opened == 0 || refused == 0)
        complain("%s: the race was not run", what);
}

/* As an ordinary user: between a file that may be read and one that may not, and between it and the host's. */
static void opens(void)
{
    set_faces("/tmp/allowed", "/tmp/forbidden");
    open_rounds("a forbidden file", "forbidden");
    char host[PATH_SIZE];
    snprintf(host, sizeof(host), "/../../../../../..%s", getenv("ATTACK_SECRET"));
    set_faces("/tmp/allowed", host);
    open_rounds("a file of the host", SECRET_TEXT);
}

static void execs(void)
{
    set_faces("/tmp/program", "/tmp/forbidden-program");
    int ran = 0, refused = 0;
    for (int i = 0; i < EXECS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t thread;
            start_flipping(&thread);
            char *arguments[] = {"program", "code", NULL};
            execv(path, arguments);
            /* ENOTDIR: the NUL that ends the path is used as an empty path, and was overwritten. */
            _exit(errno == EACCES || errno == ENOENT || errno == ENOTDIR ? REFUSED_CODE : errno);
        }
        int status = wait_within(pid, 10);
        if (WIFEXITED(status) && WEXITSTATUS(status) == ALLOWED_CODE)
            ran++;
        else if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_CODE)
            refused++;
        else
            complain("exec race: status %#x", (unsigned int)status);
    }
    printf("exec: %d ran, %d refused\n", ran, refused);
    if (ran == 0)
        complain("exec race was not run");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "code") == 0)
        return access("/proc/self/exe", R_OK) == 0 ? ALLOWED_CODE : FORBIDDEN_CODE;
    mkdir("/tmp", 01777);
    chmod("/tmp", 01777);
    put("/tmp/allowed", "allowed", 0644);
    put("/tmp/forbidden", "forbidden", 0600);
    copy_program(argv[0], "/tmp/program", 0755);
    copy_program(argv[0], "/tmp/forbidden-program", 0700);
    EXPECT(setgid(USER) == 0 && setuid(USER) == 0);
    EXPECT(open("/tmp/forbidden", O_RDONLY) == -1 && errno == EACCES);
    opens();
    execs();
    check_alive("flipped paths");
    return finish();
}
