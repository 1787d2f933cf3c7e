#include "db/pgbin.h"

#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

extern char **environ;

/* What `postgres -V` says: "postgres (PostgreSQL) 15.20 (...)". 0: it is no such program. */
static int ask_major(const char *program)
{
    static const char head[] = "postgres (PostgreSQL) ";
    char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "-V", NULL};
    char answer[128];
    posix_spawn_file_actions_t actions;
    int ends[2];
    int status;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 0;
    must(posix_spawn_file_actions_init(&actions) == 0);
    must(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0);
    int failed = posix_spawn(&pid, program, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    ssize_t len = failed != 0 ? 0 : read(ends[0], answer, sizeof answer - 1);
    (void)close(ends[0]);
    if (failed != 0 || waitpid(pid, &status, 0) != pid || len <= (ssize_t)sizeof head)
        return 0;
    answer[len] = '\0';
    if (strncmp(answer, head, sizeof head - 1) != 0)
        return 0;
    struct span digits = span_str(answer + sizeof head - 1);
    uint64_t major;
    digits.len = strspn((const char *)digits.at, "0123456789");
    return text_uint(digits, &major) && major < 1000 ? (int)major : 0;
}

/* Looks at one folder; keeps it when it is better than what was found so far. A link in $PATH is followed,
 * since the programs look for their siblings beside themselves. */
static void consider(const char *dir, int want, struct pgbin *best)
{
    char initdb[4096];
    char postgres[4096];
    char *real;
    if (snprintf(initdb, sizeof initdb, "%s/initdb", dir) >= (int)sizeof initdb)
        return;
    real = realpath(initdb, NULL);
    char *slash = real != NULL ? strrchr(real, '/') : NULL;
    if (slash == NULL || access(real, X_OK) != 0) {
        free(real);
        return;
    }
    *slash = '\0';
    int len = snprintf(postgres, sizeof postgres, "%s/postgres", real);
    int major = len < (int)sizeof postgres && access(postgres, X_OK) == 0 ? ask_major(postgres) : 0;
    if (major > best->major && (want == 0 || major == want)) {
        best->major = major;
        (void)snprintf(best->dir, sizeof best->dir, "%s", real);
    }
    free(real);
}

static void consider_path(int want, struct pgbin *best)
{
    const char *path = getenv("PATH");
    char dir[4096];
    while (path != NULL && *path != '\0') {
        size_t len = strcspn(path, ":");
        if (path[0] == '/' && len < sizeof dir) {
            memcpy(dir, path, len);
            dir[len] = '\0';
            consider(dir, want, best);
        }
        path += path[len] == ':' ? len + 1 : len;
    }
}

enum err_code pgbin_find(int major, struct pgbin *bin, struct err *why)
{
    static const char *const places[] = {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
                                         "/usr/local/pgsql/bin"};
    *bin = (struct pgbin){0};
    consider_path(major, bin);
    for (size_t i = 0; i < countof(places); i++) {
        glob_t found;
        if (glob(places[i], 0, NULL, &found) != 0)
            continue;
        for (size_t j = 0; j < found.gl_pathc; j++)
            consider(found.gl_pathv[j], major, bin);
        globfree(&found);
    }
    if (bin->major == 0 && major != 0)
        return err_set(why, ERR_CLUSTER,
                       "private database: it was made by PostgreSQL %d, whose programs are not here: install "
                       "postgresql-%d",
                       major, major);
    if (bin->major == 0)
        return err_set(why, ERR_CLUSTER,
                       "private database: no initdb in $PATH or /usr/lib/postgresql: install the package "
                       "postgresql, or name a server with --db");
    if (bin->major < PGBIN_MAJOR_MIN)
        return err_set(why, ERR_CLUSTER, "private database: %s is PostgreSQL %d; %d or newer is needed",
                       bin->dir, bin->major, PGBIN_MAJOR_MIN);
    return ERR_OK;
}
