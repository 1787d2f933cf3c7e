#include "db/pguser.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static enum err_code take(const struct passwd *entry, uid_t uid, struct pguser *user, struct err *why)
{
    if (entry == NULL)
        return err_set(why, ERR_CLUSTER,
                       "private database: user id %u has no name on this machine: add it to /etc/passwd, or "
                       "name a server with --db",
                       (unsigned)uid);
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    if (snprintf(user->name, sizeof user->name, "%s", entry->pw_name) >= (int)sizeof user->name)
        return err_set(why, ERR_CLUSTER, "private database: the name of user id %u is too long",
                       (unsigned)uid);
    return ERR_OK;
}

static enum err_code choose_for_root(const char *state_dir, const char *home, struct pguser *user,
                                     struct err *why)
{
    static const char *const names[] = {"ctvigil", "postgres", "nobody"};
    struct stat info;
    if (stat(home, &info) == 0 && info.st_uid != 0)
        return take(getpwuid(info.st_uid), info.st_uid, user, why);
    if (stat(state_dir, &info) == 0 && info.st_uid != 0)
        return take(getpwuid(info.st_uid), info.st_uid, user, why);
    for (size_t i = 0; i < countof(names); i++) {
        const struct passwd *entry = getpwnam(names[i]);
        if (entry != NULL && entry->pw_uid != 0)
            return take(entry, entry->pw_uid, user, why);
    }
    return err_set(
        why, ERR_CLUSTER,
        "private database: PostgreSQL does not run as root, and there is no user ctvigil, postgres or "
        "nobody: make one (adduser --system ctvigil), or name a server with --db");
}

enum err_code pguser_choose(const char *state_dir, const char *home, struct pguser *user, struct err *why)
{
    struct stat info;
    if (geteuid() == 0)
        return choose_for_root(state_dir, home, user, why);
    if (stat(home, &info) == 0 && info.st_uid != geteuid())
        return err_set(why, ERR_CLUSTER,
                       "%s belongs to another user (id %u): run as that user or root, or choose another "
                       "--state-dir",
                       home, (unsigned)info.st_uid);
    return take(getpwuid(geteuid()), geteuid(), user, why);
}

bool pguser_become(const struct pguser *user)
{
    if (geteuid() == user->uid && getuid() == user->uid)
        return true;
    return initgroups(user->name, user->gid) == 0 && setgid(user->gid) == 0 && setuid(user->uid) == 0;
}

/* The last line that says something; PostgreSQL's hints come after its error, so an "error:" line wins. */
static void last_line(char *text, char *out, size_t out_cap)
{
    char *save = NULL;
    out[0] = '\0';
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        bool error = strstr(line, "rror:") != NULL || strstr(line, "FATAL:") != NULL;
        if (error || (strstr(out, "rror:") == NULL && strstr(out, "FATAL:") == NULL))
            (void)snprintf(out, out_cap, "%s", line);
    }
}

static _Noreturn void child(const struct pguser *user, int (*work)(void *arg), void *arg, int error_fd)
{
    (void)dup2(error_fd, STDERR_FILENO);
    if (!pguser_become(user)) {
        dprintf(STDERR_FILENO, "cannot become user %s: %s\n", user->name, strerror(errno));
        _exit(1);
    }
    _exit(work(arg));
}

enum err_code pguser_run(const struct pguser *user, int (*work)(void *arg), void *arg, struct err *why)
{
    char text[8192];
    char line[ERR_TEXT_MAX];
    char rest[1024];
    size_t len = 0;
    ssize_t got;
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0)
        return err_set(why, ERR_SYSTEM, "private database: pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(user, work, arg, ends[1]);
    }
    (void)close(ends[1]);
    while (pid > 0 && len < sizeof text - 1 && (got = read(ends[0], text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)got;
    /* What does not fit is read all the same, or the child would wait for ever. */
    while (pid > 0 && read(ends[0], rest, sizeof rest) > 0)
        continue;
    (void)close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return err_set(why, ERR_SYSTEM, "private database: fork: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    text[len] = '\0';
    last_line(text, line, sizeof line);
    return err_set(why, ERR_CLUSTER, "private database: %s",
                   line[0] != '\0' ? line : "a helper process died");
}
