/* Registered domains as they are stored: all of them, or some. */
#include <stdlib.h>

#include "base/buf.h"
#include "db/db_domain.h"
#include "db/pgexec.h"
#include "db/watchjson.h"

#define WATCHES                                                                                              \
    "SELECT d.id, d.name, d.kind, d.exact, d.wildcard_allowed, d.owner,"                                     \
    " CASE WHEN d.kind = 'ip' THEN inet_send(d.name::cidr) END,"                                             \
    " array_to_string(d.channels, E'\n'), d.policy::text, d.rules_version FROM domain AS d"
#define ALLOWED                                                                                              \
    "SELECT a.domain, a.spki_sha256, a.label FROM domain_allow AS a JOIN domain AS d ON d.id = a.domain"
#define SOME         " WHERE d.id = ANY ($1::int8[])"
#define BY_NAME      " ORDER BY d.name, d.id"
#define BY_NAME_EACH BY_NAME ", a.label, a.spki_sha256"

static const char *const watches_sql[] = {WATCHES BY_NAME, WATCHES SOME BY_NAME};
static const char *const allowed_sql[] = {ALLOWED BY_NAME_EACH, ALLOWED SOME BY_NAME_EACH};

static char *copy_text(const PGresult *res, int row, int col)
{
    return pgexec_is_null(res, row, col) ? NULL : strdup(pgexec_get_text(res, row, col));
}

static bool get_ip(const PGresult *res, int row, struct watch *watch)
{
    struct span net = pgexec_get_bytes(res, row, 6);
    /* inet_send: family, prefix length, is-cidr, octets, address. */
    if (net.len != 8 && net.len != 20)
        return false;
    watch->ip_prefix = net.at[1];
    watch->ip_len = net.at[3];
    if (watch->ip_len != net.len - 4 || watch->ip_prefix > 8 * watch->ip_len)
        return false;
    memcpy(watch->ip, net.at + 4, watch->ip_len);
    return true;
}

/* Names parted by line feeds, which no name has. */
static bool get_channels(const char *lines, struct watch *watch)
{
    char name[256];
    bool ok = true;
    while (ok && *lines != '\0') {
        size_t len = strcspn(lines, "\n");
        (void)snprintf(name, sizeof name, "%.*s", (int)(len < 255 ? len : 255), lines);
        ok = watch_words_add(&watch->channels, name);
        lines += len + (lines[len] == '\n');
    }
    return ok;
}

static bool get_watch(const PGresult *res, int row, struct watch *watch)
{
    char path[WATCHJSON_PATH_MAX];
    if (watchjson_read(pgexec_get_text(res, row, 8), watch, path, NULL) != ERR_OK)
        return false;
    watch->id = pgexec_get_int(res, row, 0);
    watch->rules = pgexec_get_int(res, row, 9);
    watch->name = copy_text(res, row, 1);
    watch->exact = pgexec_get_bool(res, row, 3);
    watch->wildcard_allowed = pgexec_get_bool(res, row, 4);
    watch->owner = copy_text(res, row, 5);
    if (watch->name == NULL || (watch->owner == NULL && !pgexec_is_null(res, row, 5)) ||
        !watch_kind_parse(pgexec_get_text(res, row, 2), &watch->kind) ||
        !get_channels(pgexec_get_text(res, row, 7), watch))
        return false;
    return watch->kind != WATCH_IP || get_ip(res, row, watch);
}

/* Rows of the allow list come by domain in the same order as the watches. */
static bool get_allow(const PGresult *res, int *row, struct watch *watch)
{
    int begin = *row;
    while (*row < PQntuples(res) && pgexec_get_int(res, *row, 0) == watch->id)
        ++*row;
    if (*row == begin)
        return true;
    watch->allow = calloc((size_t)(*row - begin), sizeof *watch->allow);
    for (int at = begin; watch->allow != NULL && at < *row; at++) {
        struct watch_allow *allow = &watch->allow[watch->allow_count++];
        struct span spki = pgexec_get_bytes(res, at, 1);
        allow->label = copy_text(res, at, 2);
        if (spki.len != 32 || allow->label == NULL)
            return false;
        memcpy(allow->spki_sha256, spki.at, 32);
    }
    return watch->allow != NULL;
}

static enum err_code make(const PGresult *res, const PGresult *allow, struct watch **watches, size_t *count,
                          struct err *why)
{
    struct watch *made = calloc((size_t)PQntuples(res) + 1, sizeof *made);
    size_t made_count = 0;
    int allow_row = 0;
    if (made == NULL)
        return err_set(why, ERR_MEMORY, "domains: no memory");
    for (int row = 0; row < PQntuples(res); row++) {
        struct watch *watch = &made[made_count++];
        if (get_watch(res, row, watch) && get_allow(allow, &allow_row, watch))
            continue;
        watch_free(made, made_count);
        return err_set(why, ERR_DB, "domain %s: its row can not be read", pgexec_get_text(res, row, 1));
    }
    *watches = made;
    *count = made_count;
    return ERR_OK;
}

static enum err_code load(struct pgconn *conn, bool some, const struct pgexec_args *args,
                          struct watch **watches, size_t *count, struct err *why)
{
    PGresult *res = NULL;
    PGresult *allow = NULL;
    enum err_code code = pgexec_run(conn, watches_sql[some], args, &res, why);
    if (code == ERR_OK)
        code = pgexec_run(conn, allowed_sql[some], args, &allow, why);
    if (code == ERR_OK)
        code = make(res, allow, watches, count, why);
    PQclear(res);
    PQclear(allow);
    return code;
}

enum err_code db_domain_load_within(struct pgconn *conn, struct watch **watches, size_t *count,
                                    struct err *why)
{
    *watches = NULL;
    *count = 0;
    return load(conn, false, &PGEXEC_NO_ARGS, watches, count, why);
}

/* One snapshot, so that all belongs together. */
static enum err_code begin(struct pgconn *conn, struct err *why)
{
    return pgexec_begin_as(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" PGEXEC_IDLE_LONG, why);
}

enum err_code db_domain_load(struct pgconn *conn, struct watch **watches, size_t *count, uint64_t *generation,
                             struct err *why)
{
    *watches = NULL;
    *count = 0;
    enum err_code code = begin(conn, why);
    if (code == ERR_OK)
        code = db_domain_generation(conn, generation, why);
    if (code == ERR_OK)
        code = db_domain_load_within(conn, watches, count, why);
    pgexec_rollback(conn);
    return code;
}

enum err_code db_domain_load_some(struct pgconn *conn, const int64_t *ids, size_t id_count,
                                  struct watch **watches, size_t *count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf array;
    *watches = NULL;
    *count = 0;
    pgexec_int_array(&args, ids, id_count, &array);
    enum err_code code = buf_ok(&array) ? begin(conn, why) : err_set(why, ERR_MEMORY, "domains: no memory");
    if (code == ERR_OK)
        code = load(conn, true, &args, watches, count, why);
    pgexec_rollback(conn);
    buf_fini(&array);
    return code;
}
