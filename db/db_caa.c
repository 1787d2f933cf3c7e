#include "db/db_caa.h"

#include "db/pgexec.h"

enum err_code db_caa_imported(struct pgconn *conn, const char *part, bool *imported, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_text(&args, part);
    enum err_code code =
        pgexec_number(conn, "SELECT count(*) FROM trust_part WHERE part = $1", &args, &count, why);
    *imported = count != 0;
    return code;
}

static const char keys_sql[] =
    "SELECT coalesce(k.key, ''::bytea), coalesce(max(k.owner), '') FROM ("
    "  SELECT CASE WHEN t.by_key THEN t.hash ELSE coalesce(i.spki_sha256, c.spki_sha256) END AS key,"
    "   (SELECT min(o.label) FROM trust_caa AS o WHERE o.hash = t.hash AND o.by_key = t.by_key"
    "     AND o.domain LIKE 'ca:%') AS owner"
    "  FROM trust_caa AS t LEFT JOIN issuer_cert AS i ON NOT t.by_key AND i.sha256 = t.hash"
    "  LEFT JOIN trust_cert AS c ON NOT t.by_key AND c.sha256 = t.hash WHERE t.domain = $1) AS k"
    " GROUP BY k.key ORDER BY k.key";

enum err_code db_caa_keys(struct pgconn *conn, const char *name,
                          void (*each)(void *arg, const uint8_t key[32], const char *owner), void *arg,
                          struct db_caa *found, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *found = (struct db_caa){0};
    pgexec_text(&args, name);
    enum err_code code = pgexec_run(conn, keys_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++) {
        struct span key = pgexec_get_bytes(res, row, 0);
        found->keys += key.len == 32;
        found->unknown += key.len != 32;
        if (key.len == 32)
            each(arg, key.at, pgexec_get_text(res, row, 1));
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_caa_names(struct pgconn *conn, void (*each)(void *arg, const char *name), void *arg,
                           struct err *why)
{
    PGresult *res = NULL;
    enum err_code code =
        pgexec_run(conn,
                   "SELECT DISTINCT CASE WHEN domain LIKE 'ca:%' THEN 'ca:' || label ELSE domain END AS name"
                   " FROM trust_caa ORDER BY name",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++)
        each(arg, pgexec_get_text(res, row, 0));
    PQclear(res);
    return ERR_OK;
}

enum err_code db_caa_words(struct pgconn *conn, const uint8_t key[32],
                           void (*each)(void *arg, const char *name), void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_bytes(&args, span_of(key, 32));
    enum err_code code = pgexec_run(
        conn,
        "SELECT DISTINCT t.domain LIKE 'ca:%' AS owner, CASE WHEN t.domain LIKE 'ca:%' THEN 'ca:' || t.label"
        "  ELSE t.domain END AS name FROM trust_caa AS t"
        " LEFT JOIN issuer_cert AS i ON NOT t.by_key AND i.sha256 = t.hash"
        " LEFT JOIN trust_cert AS c ON NOT t.by_key AND c.sha256 = t.hash"
        " WHERE CASE WHEN t.by_key THEN t.hash ELSE coalesce(i.spki_sha256, c.spki_sha256) END = $1"
        " ORDER BY owner, name",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res); row++)
        each(arg, pgexec_get_text(res, row, 1));
    PQclear(res);
    return ERR_OK;
}
