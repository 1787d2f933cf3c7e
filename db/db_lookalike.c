#include "db/db_lookalike.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/pgexec.h"

/* Both come in the order of ids. */
static enum err_code take(struct watch *watch, const PGresult *res, int row, struct err *why)
{
    if (pgexec_is_null(res, row, 2)) {
        if (watch_lookalike_read(span_str(pgexec_get_text(res, row, 1)), &watch->lookalike))
            return ERR_OK;
        return err_set(why, ERR_DB, "domain %s: its look-alikes can not be read", watch->name);
    }
    char **grown =
        realloc(watch->lookalike_allow, (watch->lookalike_allow_count + 1) * sizeof *watch->lookalike_allow);
    if (grown == NULL)
        return err_set(why, ERR_MEMORY, "domains: no memory");
    watch->lookalike_allow = grown;
    grown[watch->lookalike_allow_count] = strdup(pgexec_get_text(res, row, 2));
    if (grown[watch->lookalike_allow_count] == NULL)
        return err_set(why, ERR_MEMORY, "domains: no memory");
    watch->lookalike_allow_count++;
    return ERR_OK;
}

enum err_code db_lookalike_load(struct pgconn *conn, struct watch *watches, size_t count, struct err *why)
{
    PGresult *res = NULL;
    size_t at = 0;
    enum err_code code =
        pgexec_run(conn,
                   "SELECT d.id, l.level, NULL::text AS allowed, d.name FROM domain_lookalike AS l"
                   " JOIN domain AS d ON d.id = l.domain"
                   " UNION ALL SELECT d.id, NULL, a.name, d.name FROM domain_lookalike_allow AS a"
                   " JOIN domain AS d ON d.id = a.domain ORDER BY 4, 1, 3 NULLS FIRST",
                   &PGEXEC_NO_ARGS, &res, why);
    for (int row = 0; code == ERR_OK && row < PQntuples(res); row++) {
        int64_t id = pgexec_get_int(res, row, 0);
        while (at < count && watches[at].id != id)
            at++;
        must(at < count);
        code = take(&watches[at], res, row, why);
    }
    PQclear(res);
    return code;
}

static enum err_code put_level(struct pgconn *conn, int64_t domain, enum watch_lookalike level,
                               struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, domain);
    if (level == WATCH_LOOKALIKE_OFF)
        return pgexec_do(conn, "DELETE FROM domain_lookalike WHERE domain = $1", &args, NULL, why);
    pgexec_text(&args, watch_lookalike_name(level));
    int64_t others = 0;
    enum err_code code = pgexec_do(conn,
                                   "INSERT INTO domain_lookalike (domain, level) VALUES ($1, $2)"
                                   " ON CONFLICT (domain) DO UPDATE SET level = excluded.level",
                                   &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_number(conn, "SELECT count(*) FROM domain_lookalike", &PGEXEC_NO_ARGS, &others, why);
    if (code == ERR_OK && others > LIMIT_LOOKALIKE_BRANDS)
        code = err_set(why, ERR_TOO_BIG, "look-alikes can be looked for of %d domains at most",
                       LIMIT_LOOKALIKE_BRANDS);
    return code;
}

static enum err_code put_name(struct pgconn *conn, int64_t domain, const char *name, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_int(&args, domain);
    pgexec_text(&args, name);
    return pgexec_do(
        conn, "INSERT INTO domain_lookalike_allow (domain, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &args, NULL, why);
}

enum err_code db_lookalike_put(struct pgconn *conn, int64_t domain, const struct watch *watch,
                               struct err *why)
{
    enum err_code code = ERR_OK;
    if (watch->lookalike != WATCH_LOOKALIKE_OFF)
        code = put_level(conn, domain, watch->lookalike, why);
    for (size_t i = 0; i < watch->lookalike_allow_count && code == ERR_OK; i++)
        code = put_name(conn, domain, watch->lookalike_allow[i], why);
    return code;
}

/* Raises the generation first: no ingest transaction is between its matching and its commit then. */
static enum err_code begin(struct pgconn *conn, const char *domain, int64_t *id, struct err *why)
{
    struct pgexec_args args = {0};
    PGresult *res = NULL;
    pgexec_text(&args, domain);
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "UPDATE domain_generation SET generation = generation + 1", &PGEXEC_NO_ARGS,
                         NULL, why);
    if (code == ERR_OK)
        code = pgexec_run(conn, "SELECT id FROM domain WHERE name = $1", &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1)
        *id = pgexec_get_int(res, 0, 0);
    else
        code = err_set(why, ERR_NOT_FOUND,
                       "domain %s: it is not registered; `ctvigil domain list` shows what is", domain);
    PQclear(res);
    return code;
}

static enum err_code end(struct pgconn *conn, enum err_code code, struct err *why)
{
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_lookalike_set(struct pgconn *conn, const char *domain, enum watch_lookalike level,
                               struct err *why)
{
    int64_t id = 0;
    enum err_code code = begin(conn, domain, &id, why);
    if (code == ERR_OK)
        code = put_level(conn, id, level, why);
    return end(conn, code, why);
}

static const char ack_sql[] =
    "WITH acked AS (UPDATE alert AS a SET state = 'acked', reason = 'allowed: ' || $2"
    "  WHERE a.domain = $1 AND a.kind = 'lookalike' AND a.state IN ('new', 'notified')"
    "  AND (a.name = $2 OR right(a.name, length($2) + 1) = '.' || $2) RETURNING a.id),"
    " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM acked"
    "  WHERE o.alert = acked.id AND o.state = 'pending')"
    " SELECT count(*) FROM acked";

enum err_code db_lookalike_allow(struct pgconn *conn, const char *domain, const char *name, uint64_t *acked,
                                 struct err *why)
{
    int64_t id = 0;
    int64_t count = 0;
    enum err_code code = begin(conn, domain, &id, why);
    if (code == ERR_OK)
        code = put_name(conn, id, name, why);
    if (code == ERR_OK) {
        struct pgexec_args args = {0};
        pgexec_int(&args, id);
        pgexec_text(&args, name);
        code = pgexec_number(conn, ack_sql, &args, &count, why);
    }
    *acked = (uint64_t)count;
    return end(conn, code, why);
}

enum err_code db_lookalike_forbid(struct pgconn *conn, const char *domain, const char *name, struct err *why)
{
    int64_t id = 0;
    uint64_t gone = 0;
    enum err_code code = begin(conn, domain, &id, why);
    if (code == ERR_OK) {
        struct pgexec_args args = {0};
        pgexec_int(&args, id);
        pgexec_text(&args, name);
        code = pgexec_do(conn, "DELETE FROM domain_lookalike_allow WHERE domain = $1 AND name = $2", &args,
                         &gone, why);
    }
    if (code == ERR_OK && gone == 0)
        code = err_set(why, ERR_NOT_FOUND, "domain %s: %s is not in its list of allowed look-alikes", domain,
                       name);
    return end(conn, code, why);
}
