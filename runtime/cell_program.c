/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell_program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "runtime/cell_init.h"

/* The value of PATH in the container's environment, or what execvp(3) would assume. */
static const char *search_path(const struct oci_strings *env)
{
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], "PATH=", 5) == 0)
            return env->items[i] + 5;
    return "/bin:/usr/bin";
}

static int check(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EACCES;
    /* access(2) asks for the real user, who has no capabilities unless he is root. */
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int cell_program_find(const struct cell_plan *plan, struct cell_program *ret_program)
{
    const char *name = cell_plan_program(plan);
    if (strchr(name, '/') != NULL) {
        int status = check(name); /* one of more than PATH_MAX bytes is refused by it */
        if (status == 0)
            (void)snprintf(ret_program->path, sizeof(ret_program->path), "%s", name);
        return status;
    }

    struct cell_program program;
    int best = -ENOENT;
    const char *end;
    for (const char *part = search_path(&plan->process->env); part != NULL; part = *end == '\0' ? NULL : end + 1) {
        end = strchrnul(part, ':');
        int size = snprintf(program.path, sizeof(program.path), "%.*s%s%s", (int)(end - part), part,
                            end == part ? "./" : "/", name);
        if (size < 0 || (size_t)size >= sizeof(program.path))
            continue;
        int status = check(program.path);
        if (status == 0) {
            *ret_program = program;
            return 0;
        }
        if (status == -EACCES)
            best = status;
    }
    return best;
}

const char *cell_program_words(int code, char *words, size_t size)
{
    (void)snprintf(words, size, "%s", strerror(code));
    words[0] = (char)tolower((unsigned char)words[0]);
    return words;
}

void cell_program_execute(const struct cell_plan *plan, const struct cell_program *program)
{
    static char *no_environment[] = {NULL};
    char words[64];
    char **environment = plan->process->env.items;
    (void)execve(program->path, plan->process->args.items, environment != NULL ? environment : no_environment);
    (void)dprintf(STDERR_FILENO, "exec %s: %s\n", program->path, cell_program_words(errno, words, sizeof(words)));
    _exit(1);
}
