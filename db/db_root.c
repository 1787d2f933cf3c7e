#include "db/db_root.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/pgexec.h"

enum err_code db_root_claim(struct pgconn *conn, int32_t *log_id, struct err *why)
{
    static const char sql[] =
        "INSERT INTO ca_root_list AS r (log, next_at) SELECT l.id, now() + interval '1 hour' FROM log AS l"
        " LEFT JOIN ca_root_list AS o ON o.log = l.id"
        " WHERE l.followed AND l.state <> 'removed' AND coalesce(o.next_at <= now(), true)"
        " ORDER BY o.next_at NULLS FIRST, l.id LIMIT 1"
        " ON CONFLICT (log) DO UPDATE SET next_at = excluded.next_at WHERE r.next_at <= now() RETURNING log";
    int64_t id = 0;
    enum err_code code = pgexec_number(conn, sql, &PGEXEC_NO_ARGS, &id, why);
    *log_id = (int32_t)id;
    return code;
}

enum err_code db_root_same(struct pgconn *conn, int32_t log_id, const uint8_t body_sha256[32], bool *same,
                           struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t count = 0;
    pgexec_int(&args, log_id);
    pgexec_bytes(&args, span_of(body_sha256, 32));
    enum err_code code = pgexec_number(
        conn, "SELECT count(*) FROM ca_root_list WHERE log = $1 AND body_sha256 = $2", &args, &count, why);
    *same = count != 0;
    return code;
}

static enum err_code put_cert(struct pgconn *conn, const struct store_ca *ca, uint64_t *added,
                              struct err *why)
{
    static const char sql[] =
        "INSERT INTO issuer_cert (sha256, spki_sha256, subject, der, log) VALUES ($1, $2, $3, $4, $5::int2)"
        " ON CONFLICT DO NOTHING";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    pgexec_bytes(&args, span_of(ca->sha256, 32));
    pgexec_bytes(&args, span_of(ca->spki_sha256, 32));
    pgexec_bytes(&args, ca->subject.at == NULL ? SPAN_LIT("") : ca->subject);
    pgexec_bytes(&args, ca->der);
    pgexec_int(&args, ca->log_id);
    enum err_code code = pgexec_do(conn, sql, &args, &changed, why);
    *added += changed;
    return code;
}

/* $1: log, $2: hashes in hex, parted by spaces. */
static const char here_sql[] =
    "INSERT INTO ca_root (log, sha256) SELECT $1::int2, decode(x, 'hex') FROM unnest(string_to_array($2, ' "
    "')) AS x"
    " ON CONFLICT (log, sha256) DO UPDATE SET left_at = NULL WHERE ca_root.left_at IS NOT NULL";
static const char gone_sql[] =
    "UPDATE ca_root SET left_at = now() WHERE log = $1::int2 AND left_at IS NULL"
    " AND sha256 NOT IN (SELECT decode(x, 'hex') FROM unnest(string_to_array($2, ' ')) AS x)";
static const char missing_sql[] = "SELECT decode(x, 'hex') FROM unnest(string_to_array($2, ' ')) AS x"
                                  " WHERE $1::int8 IS NOT NULL AND NOT EXISTS (SELECT FROM issuer_cert AS c "
                                  "WHERE c.sha256 = decode(x, 'hex'))";

static bool holds(const PGresult *res, const uint8_t sha256[32])
{
    for (int row = 0; row < PQntuples(res); row++)
        if (span_eq(pgexec_get_bytes(res, row, 0), span_of(sha256, 32)))
            return true;
    return false;
}

static enum err_code put_all(struct pgconn *conn, const struct pgexec_args *args,
                             const struct store_ca *roots, size_t count, uint64_t *added, struct err *why)
{
    PGresult *missing = NULL;
    enum err_code code = pgexec_run(conn, missing_sql, args, &missing, why);
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        if (holds(missing, roots[i].sha256))
            code = put_cert(conn, &roots[i], added, why);
    PQclear(missing);
    if (code == ERR_OK)
        code = pgexec_do(conn, here_sql, args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, gone_sql, args, NULL, why);
    return code;
}

static int by_hash(const void *left, const void *right)
{
    return memcmp(((const struct store_ca *)left)->sha256, ((const struct store_ca *)right)->sha256, 32);
}

enum err_code db_root_put(struct pgconn *conn, int32_t log_id, const struct store_ca *roots, size_t count,
                          uint64_t *added, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct store_ca *sorted = calloc(count + 1, sizeof *sorted);
    struct buf list;
    size_t unique = 0;
    *added = 0;
    if (sorted == NULL)
        return err_set(why, ERR_MEMORY, "no memory for %zu roots", count);
    if (count != 0)
        memcpy(sorted, roots, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_hash); /* also: two who write the same wait for one another */
    buf_init(&list, LIMIT_ROOTS * 65 + 1);
    for (size_t i = 0; i < count; i++) {
        char hex[65];
        if (unique != 0 && by_hash(&sorted[unique - 1], &sorted[i]) == 0)
            continue;
        buf_fmt(&list, "%s%s", unique == 0 ? "" : " ", text_hex(span_of(sorted[i].sha256, 32), hex));
        sorted[unique++] = sorted[i];
    }
    buf_byte(&list, '\0');
    enum err_code code = buf_ok(&list) ? ERR_OK : err_set(why, ERR_MEMORY, "no memory for %zu roots", count);
    if (code == ERR_OK) {
        pgexec_int(&args, log_id);
        pgexec_text(&args, (const char *)buf_span(&list).at);
        code = pgexec_begin(conn, why);
        if (code == ERR_OK)
            code = put_all(conn, &args, sorted, unique, added, why);
        if (code == ERR_OK)
            code = pgexec_commit(conn, why);
        if (code != ERR_OK)
            pgexec_rollback(conn);
    }
    buf_fini(&list);
    free(sorted);
    return code;
}

enum err_code db_root_asked(struct pgconn *conn, int32_t log_id, const char *error,
                            const uint8_t body_sha256[32], int64_t next_s, struct err *why)
{
    static const char good_sql[] =
        "UPDATE ca_root_list SET next_at = now() + $2 * interval '1 second', fetched_at = now(), body_sha256 "
        "= $3,"
        " roots = (SELECT count(*) FROM ca_root AS c WHERE c.log = $1 AND c.left_at IS NULL), failures = 0,"
        " last_error = '' WHERE log = $1";
    static const char bad_sql[] =
        "UPDATE ca_root_list SET next_at = now() + least(24, 1 << least(failures, 5)) * interval '1 hour',"
        " failures = failures + 1, last_error = $2 WHERE log = $1";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    char text[ERR_TEXT_MAX];
    pgexec_int(&args, log_id);
    if (error != NULL) {
        pgexec_text(&args, text_visible_str(span_str(error), text, sizeof text));
        return pgexec_do(conn, bad_sql, &args, NULL, why);
    }
    pgexec_int(&args, next_s);
    pgexec_bytes(&args, span_of(body_sha256, 32));
    return pgexec_do(conn, good_sql, &args, NULL, why);
}
