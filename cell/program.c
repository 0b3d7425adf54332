/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/cell.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cell.h"
#include "postern/cleanup.h"

/* A list that ends in NULL of so many words of the text; *text is behind them afterwards. */
static char **take_list(const char **text, uint32_t count)
{
    char **list = calloc((size_t)count + 1, sizeof(*list));
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        list[i] = (char *)(uintptr_t)*text;
        *text += strlen(*text) + 1;
    }
    return list;
}

int program_take(const struct cell_boot *boot, struct program *ret_program)
{
    const char *text = cell_boot_text(boot);
    struct program program = {.name = text};
    text += strlen(text) + 1;
    program.arguments = take_list(&text, boot->arg_count);
    program.environment = take_list(&text, boot->env_count);
    if (program.arguments == NULL || program.environment == NULL)
        return -ENOMEM;
    *ret_program = program;
    return 0;
}

/* The value of PATH in the container's environment, or what execvp(3) would assume. */
static const char *search_path(const struct program *program)
{
    for (char **word = program->environment; *word != NULL; word++)
        if (strncmp(*word, "PATH=", 5) == 0)
            return *word + 5;
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

int program_find(struct program *program)
{
    const char *name = program->name;
    if (strchr(name, '/') != NULL) {
        int status = check(name); /* one of more than PATH_MAX bytes is refused by it */
        if (status == 0)
            (void)snprintf(program->path, sizeof(program->path), "%s", name);
        return status;
    }

    int best = -ENOENT;
    const char *end;
    for (const char *part = search_path(program); part != NULL; part = *end == '\0' ? NULL : end + 1) {
        end = strchrnul(part, ':');
        int size = snprintf(program->path, sizeof(program->path), "%.*s%s%s", (int)(end - part), part, end == part ? "./" : "/", name);
        if (size < 0 || (size_t)size >= sizeof(program->path))
            continue;
        int status = check(program->path);
        if (status == 0)
            return 0;
        if (status == -EACCES)
            best = status;
    }
    return best;
}

/* The kernel says of it what it says of a text file. */
static bool is_of_32_bits(const char *path)
{
    unsigned char head[EI_NIDENT];
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head) && memcmp(head, ELFMAG, SELFMAG) == 0 &&
           head[EI_CLASS] == ELFCLASS32;
}

void program_execute(const struct program *program)
{
    char words[64];
    (void)execve(program->path, program->arguments, program->environment);
    const int error = errno;
    const bool foreign = error == ENOEXEC && is_of_32_bits(program->path);
    (void)snprintf(words, sizeof(words), "%s", foreign ? "exec format error: 32-bit programs are not supported" : strerror(error));
    words[0] = (char)tolower((unsigned char)words[0]); /* as Go writes them, and engines know them */
    (void)dprintf(STDERR_FILENO, "exec %s: %s\n", program->path, words);
    _exit(1);
}
