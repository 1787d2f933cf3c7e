#include "db/db_unread.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "db/pgexec.h"

/* A log that is at its end is known up to when it was heard of last. One that was never read and begins where
 * it stood when it was added owes what came since then. */
static const char look_sql[] =
    "SELECT l.id, l.name, t.begins, nullif(t.ends, 'infinity'), r.next,"
    " EXISTS (SELECT FROM log_incident AS i WHERE i.log = l.id)"
    " FROM log AS l JOIN log_range AS r ON r.log = l.id"
    " CROSS JOIN LATERAL (SELECT max(h.size) AS size, max(h.seen_last) AS seen FROM log_head AS h"
    "  WHERE h.log = l.id) AS head"
    " CROSS JOIN LATERAL (SELECT greatest(CASE WHEN r.range_end IS NULL AND head.size <= r.next THEN "
    "  head.seen ELSE log_until(l.id, r.next) END, CASE WHEN r.range_end IS NULL AND l.from_spec = 'now'"
    "  AND r.next = r.range_begin THEN l.added_at END) AS begins,"
    "  CASE WHEN r.range_end IS NULL THEN timestamptz 'infinity'"
    "  ELSE log_since(l.id, r.range_end, l.mmd_s) END AS ends) AS t"
    " WHERE l.state <> 'removed' AND l.followed AND l.ended = ''"
    " AND l.list_state NOT IN ('pending', 'retired', 'rejected')"
    " AND (r.range_end IS NULL OR r.next < r.range_end)"
    " AND coalesce(t.begins, '-infinity') < now() - $1 * interval '1 s'"
    " ORDER BY t.begins NULLS FIRST, l.id, r.next LIMIT $2";

/* Looks are counted to half an hour: those of a single minute in which nothing moves say nothing. Two are
 * wanted, because nothing moves while nobody reads. One that goes on, but has been behind for a week, is
 * given up, too: whoever reads a large log from its beginning would hear of nothing for months. */
static const char note_sql[] =
    "INSERT INTO expiry_wait AS w (log, read_until, places) VALUES ($1::int2, $2, $3)"
    " ON CONFLICT (log) DO UPDATE SET read_until = excluded.read_until, places = excluded.places,"
    "  moved_at = CASE WHEN w.places <> excluded.places THEN now() ELSE w.moved_at END,"
    "  looked_at = CASE WHEN w.places <> excluded.places OR w.looked_at < now() - interval '30 minutes'"
    "   THEN now() ELSE w.looked_at END,"
    "  still = CASE WHEN w.places <> excluded.places THEN 0"
    "   WHEN w.looked_at < now() - interval '30 minutes' THEN w.still + 1 ELSE w.still END"
    " RETURNING (xmax = 0)::int + 2 * ((moved_at < now() - $4 * interval '1 s' AND still >= 2)"
    "  OR since < now() - $5 * interval '1 s')::int";

struct row {
    int64_t id;
    int64_t next;
    bool blamed; /* its log has log_stale */
};

static int64_t time_of(const PGresult *res, int row, int col, int64_t absent)
{
    return pgexec_is_null(res, row, col) ? absent : pgexec_get_time(res, row, col) / 1000;
}

/* The stretches of the log of row `at`, which is its first one and has the earliest begin. */
static enum err_code note(struct pgconn *conn, struct db_unread *list, const struct row *rows, size_t count,
                          size_t at, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    int64_t places = 0;
    int64_t found = 0;
    for (size_t i = at; i < count; i++)
        if (rows[i].id == rows[at].id)
            places += rows[i].next;
    pgexec_int(&args, rows[at].id);
    if (list[at].begin == DB_UNREAD_BEGIN)
        pgexec_null(&args);
    else
        pgexec_time(&args, list[at].begin * 1000);
    pgexec_int(&args, places);
    pgexec_int(&args, LIMIT_UNREAD_STUCK_S);
    pgexec_int(&args, LIMIT_UNREAD_MOST_S);
    enum err_code code = pgexec_number(conn, note_sql, &args, &found, why);
    bool stuck = rows[at].blamed || (found & 2) != 0;
    for (size_t i = at; i < count; i++)
        if (rows[i].id == rows[at].id) {
            list[i].waited = !stuck;
            list[i].fresh = (found & 1) != 0;
        }
    args = PGEXEC_NO_ARGS;
    pgexec_int(&args, rows[at].id);
    pgexec_bool(&args, stuck);
    if (code == ERR_OK)
        code = pgexec_do(conn, "UPDATE expiry_wait SET given_up = $2 WHERE log = $1 AND given_up <> $2",
                         &args, NULL, why);
    return code;
}

static bool is_first(const struct row *rows, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (rows[i].id == rows[at].id)
            return false;
    return true;
}

static enum err_code note_all(struct pgconn *conn, struct db_unread *list, const struct row *rows,
                              size_t count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct buf ids;
    enum err_code code = ERR_OK;
    buf_init(&ids, LIMIT_UNREAD * 8 + 1);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (!is_first(rows, i))
            continue;
        buf_fmt(&ids, "%s%" PRId64, ids.len == 0 ? "" : " ", rows[i].id);
        code = note(conn, list, rows, count, i, why);
    }
    pgexec_text(&args, buf_text(&ids));
    if (code == ERR_OK)
        code = pgexec_do(conn, "DELETE FROM expiry_wait WHERE log <> ALL (string_to_array($1, ' ')::int2[])",
                         &args, NULL, why);
    buf_fini(&ids);
    return code;
}

enum err_code db_unread_look(struct pgconn *conn, struct db_unread **list, size_t *count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    pgexec_int(&args, LIMIT_UNREAD_S);
    pgexec_int(&args, LIMIT_UNREAD);
    enum err_code code = pgexec_run(conn, look_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    size_t rows = (size_t)PQntuples(res);
    struct row *found = calloc(rows + 1, sizeof *found);
    *list = calloc(rows + 1, sizeof **list);
    must(found != NULL && *list != NULL);
    *count = rows;
    for (size_t i = 0; i < rows; i++) {
        struct db_unread *one = &(*list)[i];
        (void)snprintf(one->log, sizeof one->log, "%s", pgexec_get_text(res, (int)i, 1));
        one->begin = time_of(res, (int)i, 2, DB_UNREAD_BEGIN);
        one->end = time_of(res, (int)i, 3, DB_UNREAD_END);
        found[i] = (struct row){pgexec_get_int(res, (int)i, 0), pgexec_get_int(res, (int)i, 4),
                                pgexec_get_bool(res, (int)i, 5)};
    }
    PQclear(res);
    code = note_all(conn, *list, found, rows, why);
    free(found);
    if (code != ERR_OK) {
        free(*list);
        *list = NULL;
        *count = 0;
    }
    return code;
}

enum err_code db_unread_noted(struct pgconn *conn, struct db_unread **list, size_t *count, struct err *why)
{
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    enum err_code code =
        pgexec_run(conn,
                   "SELECT l.name, w.read_until, NOT w.given_up FROM expiry_wait AS w JOIN log AS l"
                   " ON l.id = w.log ORDER BY w.given_up, w.read_until NULLS FIRST, l.name",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *count = (size_t)PQntuples(res);
    *list = calloc(*count + 1, sizeof **list);
    must(*list != NULL);
    for (size_t i = 0; i < *count; i++) {
        struct db_unread *one = &(*list)[i];
        *one = (struct db_unread){.end = DB_UNREAD_END};
        (void)snprintf(one->log, sizeof one->log, "%s", pgexec_get_text(res, (int)i, 0));
        one->begin = time_of(res, (int)i, 1, DB_UNREAD_BEGIN);
        one->waited = pgexec_get_bool(res, (int)i, 2);
    }
    PQclear(res);
    return ERR_OK;
}
