#include "db/db_domainmany.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "db/pgexec.h"
#include "db/watchjson.h"

#define LISTED_MOST 20000 /* some megabytes of JSON */

static size_t listed_of(const struct watch *watch)
{
    return watch->more_count + watch->exclude.count + watch->wildcards.count + watch->allow_count +
           watch->deny.count + watch->key_spki.count + watch->key_tbs.count + watch->names.count +
           watch->expect_count + watch->lookalike_allow.count;
}

bool db_domainmany_take(struct db_domainmany *many, struct watch *watch)
{
    must(many->count < DB_DOMAINMANY_MAX);
    many->watch[many->count++] = watch;
    many->listed += listed_of(watch);
    return many->count == DB_DOMAINMANY_MAX || many->listed > LISTED_MOST;
}

/* One row of what the statement takes; NULL: no memory, or *code is set. */
static json_t *row_of(const struct watch *watch, size_t at, enum err_code *code, struct err *why)
{
    struct buf policy;
    buf_init(&policy, LIMIT_POLICY_BYTES);
    watchjson_write(watch, &policy);
    const char *text = buf_text(&policy);
    json_t *row = NULL;
    if (!buf_ok(&policy))
        *code = err_set(why, ERR_TOO_BIG, "domain %s: its policy is too long", watch->name);
    else
        row = json_pack("{s:I,s:s,s:s,s:b,s:b,s:s?,s:o}", "n", (json_int_t)at, "name", watch->name, "kind",
                        watch_kind_name(watch->kind), "exact", watch->exact, "wildcard",
                        watch->wildcard_allowed, "owner", watch->owner, "policy", json_loads(text, 0, NULL));
    buf_fini(&policy);
    return row;
}

/* A JSON array; NULL: *why says why. */
static char *rows_of(struct watch *const *watches, size_t count, enum err_code *code, struct err *why)
{
    json_t *rows = json_array();
    char *text = NULL;
    bool good = rows != NULL;
    for (size_t i = 0; good && i < count; i++) {
        json_t *row = row_of(watches[i], i, code, why);
        good = row != NULL && json_array_append_new(rows, row) == 0;
    }
    if (good)
        text = json_dumps(rows, JSON_COMPACT);
    json_decref(rows);
    if (text == NULL && *code == ERR_OK)
        *code = err_set(why, ERR_MEMORY, "domains: no memory");
    return text;
}

static enum err_code insert_rows(struct pgconn *conn, const char *rows, struct watch *const *watches,
                                 size_t count, struct err *why)
{
    PGresult *res = NULL;
    struct pgexec_args args = {0};
    pgexec_text(&args, rows);
    enum err_code code = pgexec_run(
        conn,
        "WITH given AS (SELECT r.* FROM jsonb_to_recordset($1::jsonb)"
        "  AS r (n int8, name text, kind text, exact bool, wildcard bool, owner text, policy jsonb)),"
        " added AS (INSERT INTO domain (name, kind, exact, wildcard_allowed, owner, policy)"
        "  SELECT g.name, g.kind, g.exact, g.wildcard, g.owner,"
        "   g.policy - '{owner,channels,allow}'::text[] FROM given AS g ORDER BY g.n"
        "  ON CONFLICT (name) DO NOTHING RETURNING id, name)"
        " SELECT g.n, a.id FROM given AS g LEFT JOIN added AS a USING (name)",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    must((size_t)PQntuples(res) == count);
    for (int i = 0; code == ERR_OK && i < PQntuples(res); i++) {
        size_t at = (size_t)pgexec_get_int(res, i, 0);
        must(at < count);
        if (pgexec_is_null(res, i, 1))
            code = err_set(why, ERR_EXISTS, "domain %s: it is registered already", watches[at]->name);
        else
            watches[at]->id = pgexec_get_int(res, i, 1);
    }
    PQclear(res);
    return code;
}

/* As for one domain that is added (db_domain_add). */
static enum err_code take_back(struct pgconn *conn, const char *rows, struct err *why)
{
    struct pgexec_args args = {0};
    pgexec_text(&args, rows);
    return pgexec_do(conn,
                     "WITH given AS (SELECT r.name FROM jsonb_to_recordset($1::jsonb) AS r (name text)),"
                     " gone AS (SELECT a.id, a.tbs_fp, d.id AS domain, regexp_replace(a.dedup,"
                     "  '^expiry:[0-9]+:', 'expiry:' || d.id || ':') AS dedup"
                     "  FROM given AS g JOIN domain AS d ON d.name = g.name COLLATE \"C\""
                     "  JOIN alert AS a ON a.domain_name = d.name WHERE a.domain IS NULL),"
                     " mine AS (SELECT g.id, g.domain, g.dedup, row_number() OVER (PARTITION BY g.domain,"
                     "  g.tbs_fp, g.dedup ORDER BY g.id DESC) AS n FROM gone AS g)"
                     " UPDATE alert AS a SET domain = mine.domain, dedup = mine.dedup FROM mine"
                     " WHERE a.id = mine.id AND mine.n = 1",
                     &args, NULL, why);
}

enum err_code db_domainmany_insert(struct pgconn *conn, struct watch *const *watches, size_t count,
                                   struct err *why)
{
    enum err_code code = ERR_OK;
    must(count <= DB_DOMAINMANY_MAX);
    if (count == 0)
        return ERR_OK;
    char *rows = rows_of(watches, count, &code, why);
    if (code == ERR_OK)
        code = insert_rows(conn, rows, watches, count, why);
    if (code == ERR_OK)
        code = take_back(conn, rows, why);
    free(rows);
    return code;
}
