/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci-spec/arena.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/numbers.h"
#include "runtime/throwaway/do.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* -- the user ---------------------------------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static void take_entry(struct do_user *user, const struct passwd *entry)
{
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    (void)snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
    (void)snprintf(user->home, sizeof(user->home), "%s", entry->pw_dir);
    (void)snprintf(user->shell, sizeof(user->shell), "%s", entry->pw_shell);
}

/* A number need not be in /etc/passwd. */
static int find_by_text(const char *text, struct do_user *user, struct error *error)
{
    const struct passwd *entry = NULL;
    if (is_number(text)) {
        unsigned int uid;
        int result = number_parse_id(text, "--user", &uid, error);
        if (result < 0)
            return result;
        *user = (struct do_user){.uid = uid, .gid = uid};
        entry = getpwuid(uid);
    } else {
        entry = getpwnam(text);
        if (entry == NULL)
            return error_refuse(error, "--user: there is no user \"%.80s\"", text);
    }
    if (entry != NULL)
        take_entry(user, entry);
    return 0;
}

static int find_group(const char *text, gid_t *ret_gid, struct error *error)
{
    if (is_number(text))
        return number_parse_id(text, "--user", ret_gid, error);
    const struct group *entry = getgrnam(text);
    if (entry == NULL)
        return error_refuse(error, "--user: there is no group \"%.80s\"", text);
    *ret_gid = entry->gr_gid;
    return 0;
}

/* Root has none: a supplementary group is a right, which root does not need. */
static void find_groups(struct do_user *user)
{
    user->group_count = DO_GROUPS_MAX;
    if (user->uid == 0 || user->name[0] == '\0' ||
        getgrouplist(user->name, user->gid, user->groups, &user->group_count) < 0)
        user->group_count = 0;
}

static int find_user(const char *text, struct do_user *ret_user, struct error *error)
{
    struct do_user user = {0};
    auto_free char *name = strdup(text);
    if (name == NULL)
        return error_set(error, ENOMEM, "cannot find the user");
    char *group = strchr(name, ':');
    if (group != NULL)
        *group++ = '\0';
    int result = find_by_text(name, &user, error);
    if (result < 0)
        return result;
    if (group != NULL)
        result = find_group(group, &user.gid, error);
    else
        find_groups(&user);
    if (result == 0)
        *ret_user = user;
    return result;
}

int do_user_find(const char *text, bool without_root, struct do_user *ret_user, struct error *error)
{
    char caller[32];
    struct do_user user;
    (void)snprintf(caller, sizeof(caller), "%u", getuid());
    int result = find_user(text != NULL ? text : caller, &user, error);
    if (result < 0)
        return result;
    if (text == NULL) /* who may have changed groups since */
        user.gid = getgid();
    if (without_root && (user.uid != getuid() || user.gid != getgid()))
        return error_refuse(error, "--user: without root the command can only be yourself");
    if (without_root) /* other groups are none of the sandbox's */
        user.group_count = 0;
    *ret_user = user;
    return 0;
}

/* -- the environment --------------------------------------------------------------------------------------------- */

struct environment {
    struct arena *arena;
    const char **items;
    size_t count;
    bool full; /* memory is short */
};

/* The last one of a name counts. */
static void put(struct environment *environment, const char *name, size_t length, const char *value)
{
    size_t at = 0;
    while (at < environment->count &&
           (strncmp(environment->items[at], name, length) != 0 || environment->items[at][length] != '='))
        at++;
    size_t size = length + strlen(value) + 2;
    char *item = arena_alloc(environment->arena, size);
    if (item == NULL) {
        environment->full = true;
        return;
    }
    (void)snprintf(item, size, "%.*s=%s", (int)length, name, value);
    environment->items[at] = item;
    environment->count += at == environment->count;
}

static void put_ours(struct environment *environment, const char *name)
{
    const char *value = getenv(name);
    if (value != NULL)
        put(environment, name, strlen(name), value);
}

int do_environment(struct arena *arena, const struct do_user *user, bool terminal, const struct do_texts *asked,
                   const char ***ret_items, struct error *error)
{
    /* How things are written and shown: nothing here opens a door, or says who we are. */
    static const char *const harmless[] = {"LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ", "NO_COLOR"};
    static const char *const of_terminal[] = {"TERM", "COLORTERM"};
    enum { OWN_MAX = 16 };
    struct environment environment = {.arena = arena,
                                      .items = arena_array(arena, asked->count + OWN_MAX, sizeof(char *))};
    if (environment.items == NULL)
        return error_set(error, ENOMEM, "cannot make the environment");
    put(&environment, "PATH", 4, DEFAULT_PATH);
    put(&environment, "HOME", 4, user->home[0] != '\0' ? user->home : "/");
    if (user->name[0] != '\0') {
        put(&environment, "USER", 4, user->name);
        put(&environment, "LOGNAME", 7, user->name);
    }
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        put_ours(&environment, harmless[i]);
    for (size_t i = 0; terminal && i < sizeof(of_terminal) / sizeof(of_terminal[0]); i++)
        put_ours(&environment, of_terminal[i]);
    for (size_t i = 0; i < asked->count; i++) {
        const char *value = strchr(asked->items[i], '=');
        if (asked->items[i][0] == '\0' || value == asked->items[i])
            return error_refuse(error, "--env: \"%.80s\" has no name", asked->items[i]);
        if (value != NULL)
            put(&environment, asked->items[i], (size_t)(value - asked->items[i]), value + 1);
        else if (getenv(asked->items[i]) != NULL)
            put_ours(&environment, asked->items[i]);
        else
            return error_refuse(error, "--env: there is no variable \"%.80s\" to pass on", asked->items[i]);
    }
    if (environment.full)
        return error_set(error, ENOMEM, "cannot make the environment");
    *ret_items = environment.items;
    return 0;
}
