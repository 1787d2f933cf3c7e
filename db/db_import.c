#include "db/db_import.h"

#include <stdio.h>

#include "db/pgexec.h"

#define LOCK_CLASS "1668707433" /* that of db_pending.c; the text is hashed together with our name */

enum err_code db_import_lock(struct pgconn *conn, const uint8_t log_id[32], bool *taken, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t got = 0;
    pgexec_bytes(&args, span_of(log_id, 32));
    enum err_code code = pgexec_number(conn,
                                       "SELECT pg_try_advisory_lock(" LOCK_CLASS
                                       ", hashtext('import ' || encode($1::bytea, 'hex')))::int",
                                       &args, &got, why);
    *taken = code == ERR_OK && got == 1;
    return code;
}

enum err_code db_import_find(struct pgconn *conn, const uint8_t log_id[32], struct db_import_log *log,
                             bool *found, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *found = false;
    pgexec_bytes(&args, span_of(log_id, 32));
    enum err_code code = pgexec_run(
        conn,
        "SELECT id, name, followed AND state <> 'removed', protocol = 'archive' AND state <> 'removed',"
        " state = 'removed' FROM log WHERE log_id = $1::bytea"
        " ORDER BY state = 'removed', protocol <> 'archive', followed DESC, id LIMIT 1",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    *found = PQntuples(res) == 1;
    if (*found) {
        *log = (struct db_import_log){.id = (int32_t)pgexec_get_int(res, 0, 0),
                                      .followed = pgexec_get_bool(res, 0, 2),
                                      .archive = pgexec_get_bool(res, 0, 3),
                                      .removed = pgexec_get_bool(res, 0, 4)};
        (void)snprintf(log->name, sizeof log->name, "%s", pgexec_get_text(res, 0, 1));
    }
    PQclear(res);
    return code;
}

enum err_code db_import_register(struct pgconn *conn, const struct ctlog *log, const struct head *final,
                                 struct db_import_log *out, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_text(&args, log->name);
    pgexec_text(&args, log->url);
    pgexec_text(&args, log->submission_url);
    pgexec_text(&args, log->origin);
    pgexec_bytes(&args, span_of(log->log_id, sizeof log->log_id));
    pgexec_bytes(&args, span_of(log->key, log->key_len));
    pgexec_int(&args, (int64_t) final->size);
    pgexec_bytes(&args, span_of(final->root, sizeof final->root));
    enum err_code code = pgexec_run(
        conn,
        "INSERT INTO log (name, protocol, url, submission_url, origin, log_id, key, from_spec, list_state,"
        "  followed, unfollowed, final_size, final_root)"
        " VALUES ($1, 'archive', $2, $3, $4, $5, $6, '0', 'retired', false, 'archive', $7, $8)"
        " ON CONFLICT (name) DO NOTHING RETURNING id",
        &args, &res, why);
    if (code != ERR_OK)
        return code;
    *out = (struct db_import_log){.archive = true};
    (void)snprintf(out->name, sizeof out->name, "%s", log->name);
    if (PQntuples(res) == 1)
        out->id = (int32_t)pgexec_get_int(res, 0, 0);
    else
        code = err_set(why, ERR_EXISTS, "log %s: another log has that name; --name gives it one", log->name);
    PQclear(res);
    return code;
}

enum err_code db_import_take_up(struct pgconn *conn, int32_t id, const struct ctlog *log,
                                const struct head *final, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, id);
    pgexec_text(&args, log->url);
    pgexec_text(&args, log->submission_url);
    pgexec_text(&args, log->origin);
    pgexec_int(&args, (int64_t) final->size);
    pgexec_bytes(&args, span_of(final->root, sizeof final->root));
    return pgexec_do(
        conn,
        "UPDATE log AS l SET protocol = 'archive', url = $2, submission_url = $3, origin = $4,"
        " state = CASE WHEN EXISTS (SELECT FROM evidence AS e WHERE e.log = l.id) THEN 'inconsistent'"
        "  ELSE 'active' END, listed = false, list_state = 'retired', followed = false,"
        " unfollowed = 'archive', ended = '', last_error = '', final_error = '',"
        " final_size = $5, final_root = $6 WHERE id = $1 AND state = 'removed'",
        &args, NULL, why);
}

enum err_code db_import_ranges(struct pgconn *conn, int32_t log_id, struct db_import_range *out, size_t max,
                               size_t *count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    *count = 0;
    pgexec_int(&args, log_id);
    enum err_code code =
        pgexec_run(conn,
                   "SELECT id, range_begin, range_end, next, verified, frontier FROM log_range WHERE log = $1"
                   " ORDER BY range_begin",
                   &args, &res, why);
    if (code != ERR_OK)
        return code;
    size_t rows = (size_t)PQntuples(res);
    *count = rows < max ? rows : max;
    if (rows > max)
        code = err_set(why, ERR_TOO_BIG, "the log is in %zu parts already, more than %zu are too many", rows,
                       max);
    for (size_t i = 0; code == ERR_OK && i < *count; i++) {
        int row = (int)i;
        struct span frontier = pgexec_get_bytes(res, row, 5);
        out[i] = (struct db_import_range){
            .id = pgexec_get_int(res, row, 0),
            .begin = (uint64_t)pgexec_get_int(res, row, 1),
            .end = pgexec_is_null(res, row, 2) ? UINT64_MAX : (uint64_t)pgexec_get_int(res, row, 2),
            .next = (uint64_t)pgexec_get_int(res, row, 3),
            .verified = (uint64_t)pgexec_get_int(res, row, 4)};
        if (!pgexec_is_null(res, row, 5) && !compact_load(&out[i].frontier, frontier))
            code = err_set(why, ERR_DB, "database: log_range %" PRId64 ": its frontier can not be read",
                           out[i].id);
    }
    PQclear(res);
    return code;
}

enum err_code db_import_add(struct pgconn *conn, int32_t log_id, uint64_t begin, uint64_t end,
                            const struct compact *proven, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint8_t room[COMPACT_BYTES_MAX];
    must(proven->size == begin && begin < end && end <= INT64_MAX);
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)begin);
    pgexec_int(&args, (int64_t)end);
    pgexec_bytes(&args, span_of(room, compact_store(proven, room)));
    return pgexec_do(conn,
                     "INSERT INTO log_range (log, range_begin, range_end, next, verified, frontier,"
                     " verified_frontier, begin_frontier) VALUES ($1::int2, $2, $3, $2, $2, $4, $4, $4)",
                     &args, NULL, why);
}

static enum err_code one_row(enum err_code code, uint64_t changed, struct err *why)
{
    if (code == ERR_OK && changed == 0)
        return err_set(why, ERR_DB_CONFLICT, "another process is reading this part of the log");
    return code;
}

enum err_code db_import_end(struct pgconn *conn, const struct db_import_range *range, uint64_t end,
                            struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    bool empty = end == range->begin;
    must(end >= range->next && end <= INT64_MAX);
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)range->next);
    if (!empty)
        pgexec_int(&args, (int64_t)end);
    enum err_code code =
        empty
            ? pgexec_do(conn, "DELETE FROM log_range WHERE id = $1 AND next = $2 AND next = range_begin",
                        &args, &changed, why)
            : pgexec_do(conn,
                        "UPDATE log_range SET range_end = $3, epoch = epoch + 1 WHERE id = $1 AND next = $2",
                        &args, &changed, why);
    return one_row(code, changed, why);
}

enum err_code db_import_verified(struct pgconn *conn, const struct db_import_range *range,
                                 const struct compact *proven, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint8_t room[COMPACT_BYTES_MAX];
    uint64_t changed = 0;
    must(proven->size == range->next);
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_bytes(&args, span_of(room, compact_store(proven, room)));
    enum err_code code =
        pgexec_do(conn,
                  "UPDATE log_range SET verified = next, verified_frontier = $3, epoch = epoch + 1"
                  " WHERE id = $1 AND next = $2 AND frontier = $3",
                  &args, &changed, why);
    return one_row(code, changed, why);
}

enum err_code db_import_join(struct pgconn *conn, const struct db_import_range *left,
                             const struct db_import_range *right, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct pgexec_args gone = PGEXEC_NO_ARGS;
    uint64_t changed = 0;
    must(left->end == right->begin && left->next == left->end && left->verified == left->end);
    enum err_code code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&gone, left->id);
    pgexec_int(&gone, (int64_t)left->end);
    code = pgexec_do(conn,
                     "DELETE FROM log_range WHERE id = $1 AND range_end = $2 AND next = $2 AND verified = $2",
                     &gone, &changed, why);
    code = one_row(code, changed, why);
    pgexec_int(&args, right->id);
    pgexec_int(&args, (int64_t)right->begin);
    pgexec_int(&args, (int64_t)left->begin);
    changed = 0;
    if (code == ERR_OK) {
        code = pgexec_do(conn,
                         "UPDATE log_range SET range_begin = $3, epoch = epoch + 1"
                         " WHERE id = $1 AND range_begin = $2 AND verified = next AND next = range_end",
                         &args, &changed, why);
        code = one_row(code, changed, why);
    }
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code db_import_complete(struct pgconn *conn, int32_t log_id, bool complete, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    pgexec_bool(&args, complete);
    return pgexec_do(conn,
                     "UPDATE log SET ended = CASE WHEN $2 THEN 'complete' ELSE '' END,"
                     " ended_at = CASE WHEN $2 THEN coalesce(ended_at, now()) END, unfollowed = CASE WHEN $2"
                     " THEN 'complete' ELSE 'archive' END WHERE id = $1 AND protocol = 'archive'",
                     &args, NULL, why);
}
