#include "db/diskguard.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/say.h"
#include "db/pgexec.h"

#define LOOK_MS      2000
#define VERDICTS_MAX 8 /* a process has one database; tests have some */

/* Of the whole process: settlers with an opinion of their own each would store and not store by turns, where
 * the share of free space is between what storing stops at and what it begins again with. */
struct verdict {
    unsigned percent; /* 0: unused */
    char place[DISKGUARD_PATH_MAX];
    bool is_short;
    int64_t looked_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct verdict known[VERDICTS_MAX];

void diskguard_init(struct diskguard *guard, unsigned percent, const char *path)
{
    *guard = (struct diskguard){.percent = percent};
    if (path != NULL)
        (void)snprintf(guard->path, sizeof guard->path, "%s", path);
}

enum err_code diskguard_check(const char *path, struct err *why)
{
    if (path == NULL || path[0] == '\0' || diskguard_free(path) >= 0)
        return ERR_OK;
    return err_set(
        why, ERR_CONFIG,
        "db.disk_path: the free space of '%s' can not be seen: %s; give a folder on the file system"
        " that holds the database",
        path, strerror(errno));
}

bool diskguard_decide(bool was_short, unsigned percent, double free_percent)
{
    double enough = was_short ? percent * 1.2 : percent;
    return percent != 0 && free_percent >= 0 && free_percent < enough;
}

double diskguard_free(const char *path)
{
    char place[DISKGUARD_PATH_MAX];
    struct statvfs info;
    (void)snprintf(place, sizeof place, "%s", path);
    while (statvfs(place, &info) != 0) {
        char *slash = strrchr(place, '/');
        if (errno != EACCES || slash == NULL || slash == place)
            return -1;
        *slash = '\0';
    }
    /* What is kept for root is neither used nor free. */
    double all = (double)(info.f_blocks - info.f_bfree) + (double)info.f_bavail;
    return all > 0 ? 100 * (double)info.f_bavail / all : -1;
}

static bool is_here(const struct pgconn *conn)
{
    const char *host = PQhost(conn->pg);
    const char *address = PQhostaddr(conn->pg);
    if (host != NULL && host[0] == '/')
        return true;
    return address != NULL && (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
}

/* Of a server on this machine. Whoever may not see the setting has no row. */
static void ask_place(struct pgconn *conn, char *place, size_t cap)
{
    PGresult *res = NULL;
    place[0] = '\0';
    if (!is_here(conn) || pgexec_run(conn, "SELECT setting FROM pg_settings WHERE name = 'data_directory'",
                                     &PGEXEC_NO_ARGS, &res, NULL) != ERR_OK)
        return;
    if (PQntuples(res) == 1)
        (void)snprintf(place, cap, "%s", pgexec_get_text(res, 0, 0));
    PQclear(res);
}

static struct verdict *find(const struct diskguard *guard, int64_t now_ms, bool *due)
{
    struct verdict *oldest = &known[0];
    for (size_t i = 0; i < countof(known); i++) {
        struct verdict *one = &known[i];
        if (one->percent == guard->percent && strcmp(one->place, guard->place) == 0) {
            *due = now_ms - one->looked_ms >= LOOK_MS;
            return one;
        }
        if (one->looked_ms < oldest->looked_ms)
            oldest = one;
    }
    *oldest = (struct verdict){.percent = guard->percent};
    (void)snprintf(oldest->place, sizeof oldest->place, "%s", guard->place);
    *due = true;
    return oldest;
}

static void look(struct verdict *one, int64_t now_ms)
{
    bool was_short = one->is_short;
    double free_percent = one->place[0] == '\0' ? -1 : diskguard_free(one->place);
    one->looked_ms = now_ms;
    one->is_short = diskguard_decide(was_short, one->percent, free_percent);
    if (one->is_short && !was_short)
        say_error("db",
                  "%.1f %% of the file system of %s are free, less than %u %%: certificates are no "
                  "longer stored until there is room",
                  free_percent, one->place, one->percent);
    if (!one->is_short && was_short)
        say_info("db", "there is room again at %s (%.1f %%): what was not stored is read again", one->place,
                 free_percent);
}

bool diskguard_short(struct diskguard *guard, struct pgconn *conn, int64_t now_ms)
{
    bool due = false;
    if (guard->percent == 0)
        return false;
    /* Another server, perhaps, or one that did not say where it keeps its data. */
    bool unknown = guard->place[0] == '\0' && now_ms - guard->asked_ms >= LOOK_MS;
    if (guard->path[0] != '\0') {
        (void)snprintf(guard->place, sizeof guard->place, "%s", guard->path);
    } else if (!guard->asked || unknown || guard->connects != conn->connects) {
        guard->asked = true;
        guard->asked_ms = now_ms;
        guard->connects = conn->connects;
        ask_place(conn, guard->place, sizeof guard->place);
    }
    must(pthread_mutex_lock(&lock) == 0);
    struct verdict *one = find(guard, now_ms, &due);
    if (due)
        look(one, now_ms);
    guard->is_short = one->is_short;
    must(pthread_mutex_unlock(&lock) == 0);
    return guard->is_short;
}
