#include "db/diskguard.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/say.h"
#include "db/pgexec.h"

#define LOOK_MS 2000

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

bool diskguard_short(struct diskguard *guard, struct pgconn *conn, int64_t now_ms)
{
    char place[DISKGUARD_PATH_MAX];
    bool was_short = guard->is_short;
    if (guard->percent == 0 || (guard->looked && now_ms - guard->looked_ms < LOOK_MS))
        return guard->is_short;
    guard->looked = true;
    guard->looked_ms = now_ms;
    if (guard->path[0] != '\0')
        (void)snprintf(place, sizeof place, "%s", guard->path);
    else
        ask_place(conn, place, sizeof place);
    double free_percent = place[0] == '\0' ? -1 : diskguard_free(place);
    guard->is_short = diskguard_decide(was_short, guard->percent, free_percent);
    if (guard->is_short && !was_short)
        say_error(
            "db",
            "%.1f %% of the file system of %s are free, less than %u %%: certificates are matched and no "
            "longer stored until there is room",
            free_percent, place, guard->percent);
    if (!guard->is_short && was_short)
        say_info("db", "there is room again at %s (%.1f %%): what was not stored is read again", place,
                 free_percent);
    return guard->is_short;
}
