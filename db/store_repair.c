#include "db/store_repair.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/db_load.h"
#include "db/db_pair.h"
#include "db/db_place.h"
#include "db/db_sct.h"
#include "db/facts.h"
#include "db/patience.h"
#include "db/spread.h"
#include "db/store_alert.h"
#include "db/store_der.h"
#include "db/store_gap.h"
#include "db/store_pair.h"
#include "db/store_sct.h"
#include "db/store_sha256.h"
#include "db/store_write.h"

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)
#define WITHDRAWN                                                                                            \
    "withdrawn: the entry was read wrongly; the bytes that fit the signed root of the log raise no such "    \
    "alert"

static enum err_code check_range(struct pgstore *pg, const struct store_range *range, struct err *why)
{
    static const char sql[] = "SELECT id FROM log_range WHERE id = $1 AND next = $2 AND epoch = $3";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint64_t found = 0;
    pgexec_int(&args, range->id);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_int(&args, (int64_t)range->epoch);
    enum err_code code = pgexec_do(pg->conn, sql, &args, &found, why);
    if (code == ERR_OK && found == 0)
        code = err_set(why, ERR_DB_CONFLICT, "database: another process moved range %" PRId64, range->id);
    return code;
}

/* A failed statement ends the whole repair: the caller starts again. */
static enum err_code give_up(struct pgstore *pg, enum err_code code)
{
    pgexec_rollback(pg->conn);
    pg->repair.open = false;
    return code;
}

enum err_code store_repair_begin(struct store *store, struct store_range *range, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    must(!pg->repair.open);
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = spread_settle(pg->conn, why);
    /* It looks for the rows of places; others wait for whoever calls, so he can not wait for them. */
    if (code == ERR_OK)
        code = db_load_past(pg->conn, range->log_id, range->verified, range->next, why);
    if (code == ERR_OK)
        code = db_place_whole(pg->conn, why);
    if (code == ERR_OK)
        code = pgexec_begin(pg->conn, why);
    if (code != ERR_OK)
        return code;
    /* Between two statements the log is read, which may take long. */
    code = pgexec_script(
        pg->conn, "SET LOCAL idle_in_transaction_session_timeout = '" STRING_OF(LIMIT_DB_REPAIR_S) "s'", why);
    /* Not locked: a process that stops here must not keep whoever takes the range over waiting. */
    if (code == ERR_OK)
        code = check_range(pg, range, why);
    if (code == ERR_OK)
        code = store_write_lists(pg, why);
    if (code != ERR_OK)
        return give_up(pg, code);
    pg->repair = (struct pgstore_repair){true, range->id, range->log_id, UINT64_MAX, 0};
    return ERR_OK;
}

static int by_index(const void *left, const void *right)
{
    const struct stage_row *a = left;
    const struct stage_row *b = right;
    return (a->entry->index > b->entry->index) - (a->entry->index < b->entry->index);
}

static enum err_code stage_entries(struct pgstore *pg, const struct batch *batch, struct err *why)
{
    size_t at = 0;
    if (pg->stage.count != 0)
        qsort(pg->stage.rows, pg->stage.count, sizeof *pg->stage.rows, by_index);
    copy_begin(&pg->copy, pg->conn,
               "COPY stage_entry (idx, tbs_fp, issuer, fp8, sha8, info, matched) FROM STDIN (FORMAT binary)",
               why);
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct entry *entry = &batch->entries[i];
        int64_t fp8;
        int64_t sha8;
        uint8_t info[FACTS_INFO_BYTES];
        stage_pack(entry, &fp8, &sha8, info);
        copy_row(&pg->copy, 7);
        copy_int8(&pg->copy, (int64_t)entry->index);
        if (at < pg->stage.count && pg->stage.rows[at].entry == entry) {
            copy_bytes(&pg->copy, span_of(entry->issuance.tbs_fp, 32));
            copy_int4(&pg->copy, pg->stage.rows[at++].issuer);
        } else {
            copy_null(&pg->copy);
            copy_null(&pg->copy);
        }
        copy_int8(&pg->copy, fp8);
        copy_int8(&pg->copy, sha8);
        copy_bytes(&pg->copy, span_of(info, sizeof info));
        copy_bool(&pg->copy, batch->watch_generation != 0);
    }
    return copy_end(&pg->copy);
}

/* `tile`: where they are looked for. */
#define OLD_SQL(tile)                                                                                        \
    "UPDATE stage_entry AS e SET old_fp8 = t.fp8[(e.idx - t.first_index + 1)::int],"                         \
    " old_sha8 = t.sha8[(e.idx - t.first_index + 1)::int],"                                                  \
    " old_info = substring(t.info FROM (9 * (e.idx - t.first_index) + 1)::int FOR 9)"                        \
    " FROM " tile " AS t WHERE e.idx >= $2 AND e.idx < $3 AND t.log = $1 AND t.tile = e.idx / 256"           \
    " AND t.first_index <= e.idx AND t.last_index >= e.idx"

/* What the tiles said until now, and how many entries say something else. What is poisoned an older version
 * stored as a precertificate. */
static enum err_code compare(struct pgstore *pg, const struct batch *batch, uint64_t *changed,
                             struct err *why)
{
    static const char old_sql[] = OLD_SQL("log_tile");
    static const char spread_old_sql[] = OLD_SQL("spread_tile");
    static const char count_sql[] =
        "SELECT count(*) FROM stage_entry WHERE idx >= $2 AND idx < $3 AND $1::int8 IS NOT NULL"
        " AND (fp8, sha8, info) IS DISTINCT FROM (old_fp8, old_sha8,"
        "  CASE WHEN get_byte(info, 6) = 4 AND get_byte(old_info, 6) = 1 THEN set_byte(old_info, 6, 4)"
        "   ELSE old_info END)";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, batch->log->id);
    pgexec_int(&args, (int64_t)batch->begin);
    pgexec_int(&args, (int64_t)batch->end);
    enum err_code code = spread_fetch_tiles(pg->conn, &args, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, pg->conn->spread ? spread_old_sql : old_sql, &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_run(pg->conn, count_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *changed = (uint64_t)pgexec_get_int(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

/* Issuers are made on a connection of their own: in the long transaction their rows would make others wait.
 */
static enum err_code collect(struct pgstore *pg, struct batch *batch, struct err *why)
{
    size_t missing = 0;
    struct pgconn *side = NULL;
    enum err_code code = stage_collect(&pg->stage, &batch, 1, pg->issuers, &missing, why);
    if (code != ERR_OK || missing == 0)
        return code;
    code = pgconn_open(pg->conn->dsn, &side, why);
    if (code == ERR_OK)
        code = store_write_collect(pg, &batch, 1, side, why);
    pgconn_free(side);
    return code;
}

enum err_code store_repair_batch(struct store *store, struct batch *batch, uint64_t *changed, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    size_t malformed = 0;
    size_t staged = 0;
    *changed = 0;
    if (!pg->repair.open)
        return err_set(why, ERR_DB_DOWN, "database: the connection of the repair was lost");
    must(batch->log->id == pg->repair.log_id);
    if (batch->watch_generation != 0 && batch->watch_generation < pg->repair.generation)
        pg->repair.generation = batch->watch_generation;
    enum err_code code = collect(pg, batch, why);
    store_der_judge(pg, &batch, 1);
    size_t others = store_der_leave_out(pg);
    if (code == ERR_OK)
        code = stage_certs(&pg->stage, &(struct stage_sink){&pg->copy, &pg->copy, &pg->copy, 0}, pg->conn,
                           &staged, why);
    pg->stage.count += others;
    if (code == ERR_OK)
        code = store_der_write(pg, &batch, 1, why);
    if (code == ERR_OK)
        code = stage_malformed(&pg->stage, &pg->copy, pg->conn, &batch, 1, &malformed, why);
    if (code == ERR_OK)
        code = store_alert_stage(pg, &batch, 1, &pg->repair.alerts, why);
    if (code == ERR_OK)
        code = store_pair_write(pg, &batch, 1, why);
    if (code == ERR_OK)
        code = store_sct_write(pg, &batch, 1, why);
    if (code == ERR_OK)
        code = stage_entries(pg, batch, why);
    if (code == ERR_OK)
        code = compare(pg, batch, changed, why);
    if (code == ERR_OK)
        code = stage_tiles(&pg->copy, pg->conn, &batch, 1, why);
    if (code == ERR_OK)
        code = store_write_tiles(pg, why);
    if (code == ERR_OK)
        code = store_write_found(pg, &batch, 1, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, "DELETE FROM stage_tile", &PGEXEC_NO_ARGS, NULL, why);
    return code == ERR_OK ? code : give_up(pg, code);
}

/* What expired before the horizon has no row. */
#define DIFFERS_SQL(cert)                                                                                    \
    "SELECT EXISTS (SELECT FROM (SELECT e.*, get_byte(e.info, 7) * 256 + get_byte(e.info, 8) AS day"         \
    "  FROM stage_entry AS e WHERE get_byte(e.info, 6) = 1) AS e"                                            \
    " CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE c.issuer = e.issuer) AS right_ones,"                 \
    "  count(*) FILTER (WHERE c.issuer <> e.issuer AND c.log = $1 AND c.idx = e.idx) AS wrong_ones"          \
    "  FROM " cert " AS c WHERE c.tbs_fp = e.tbs_fp"                                                         \
    "  AND c.not_after >= CASE WHEN e.day = 0 THEN '-infinity' ELSE 'epoch'::timestamptz + e.day * "         \
    "interval '24 h' END"                                                                                    \
    "  AND c.not_after < CASE WHEN e.day = 65535 THEN 'infinity'"                                            \
    "   ELSE 'epoch'::timestamptz + (e.day + 1) * interval '24 h' END) AS n"                                 \
    " WHERE (($2 AND n.right_ones = 0) OR n.wrong_ones <> 0)"                                                \
    " AND 'epoch'::timestamptz + (e.day + 1) * interval '24 h' > (SELECT horizon FROM cert_removal))"

/* What the tiles do not say: the issuer of a precertificate, which the leaf does cover. One row for the right
 * one, and none that this place brought for another. */
static enum err_code issuers_differ(struct pgstore *pg, const struct batch *batch, bool *differs,
                                    struct err *why)
{
    static const char sql[] = DIFFERS_SQL("cert");
    static const char spread_sql[] = DIFFERS_SQL("spread_cert");
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, batch->log->id);
    pgexec_bool(&args, pg->keep.store == STORE_PG_ALL); /* else there may be no row for it */
    enum err_code code = spread_fetch_certs(pg->conn, &PGEXEC_NO_ARGS, why);
    if (code == ERR_OK)
        code = pgexec_cached(pg->conn, pg->conn->spread ? spread_sql : sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *differs = pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

static bool any_unreadable(const struct batch *batch)
{
    for (size_t i = 0; i < batch->entry_count; i++)
        if (!stage_is_readable(&batch->entries[i]))
            return true;
    return false;
}

enum err_code store_repair_differs(struct store *store, struct batch *batch, bool *differs, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    size_t missing = 0;
    uint64_t changed = 0;
    must(!pg->repair.open);
    *differs = true;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK || any_unreadable(batch))
        return code;
    code = stage_collect(&pg->stage, &batch, 1, pg->issuers, &missing, why);
    if (code == ERR_OK && missing != 0)
        code = stage_resolve(&pg->stage, pg->issuers, pg->conn, why);
    if (code == ERR_OK && missing != 0)
        code = stage_collect(&pg->stage, &batch, 1, pg->issuers, &missing, why);
    if (code != ERR_OK || missing != 0)
        return code;
    code = pgexec_begin(pg->conn, why);
    if (code != ERR_OK)
        return code;
    code = stage_entries(pg, batch, why);
    if (code == ERR_OK)
        code = compare(pg, batch, &changed, why);
    if (code == ERR_OK && changed == 0)
        code = issuers_differ(pg, batch, differs, why);
    pgexec_rollback(pg->conn);
    return code;
}

/* Rows of cert that stand for what was read wrongly. The tile knew 8 bytes of the fingerprint and the day of
 * not_after, which is enough to look at one partition by its index. A final certificate's issuer is what the
 * unverified chain said, so another issuer there is no error as long as the fingerprint is the same. */
#define WRONG_SQL(cert, others)                                                                              \
    "INSERT INTO stage_wrong (tbs_fp, issuer, not_after, not_before, log, idx, seen)"                        \
    " SELECT w.tbs_fp, w.issuer, w.not_after, w.not_before, o.log, o.idx, o.seen"                            \
    " FROM (SELECT e.*, get_byte(e.old_info, 7) * 256 + get_byte(e.old_info, 8) AS day FROM stage_entry AS " \
    "e"                                                                                                      \
    "  WHERE get_byte(e.old_info, 6) " FACTS_SQL_READABLE ") AS e"                                           \
    " CROSS JOIN LATERAL (SELECT c.* FROM " cert " AS c WHERE c.tbs_fp >= int8send(e.old_fp8)"               \
    "  AND c.tbs_fp <= int8send(e.old_fp8) || decode(repeat('ff', 24), 'hex')"                               \
    "  AND c.not_after >= CASE WHEN e.day = 0 THEN '-infinity' ELSE 'epoch'::timestamptz + e.day * "         \
    "interval "                                                                                              \
    "'24 h' END"                                                                                             \
    "  AND c.not_after < CASE WHEN e.day = 65535 THEN 'infinity'"                                            \
    "   ELSE 'epoch'::timestamptz + (e.day + 1) * interval '24 h' END"                                       \
    "  AND c.log = $1 AND c.idx = e.idx OFFSET 0) AS w"                                                      \
    " LEFT JOIN LATERAL (SELECT p.log, p.idx, 'epoch'::timestamptz + interval '1 ms' *"                      \
    "  ('x' || encode(substring(p.info FOR 6), 'hex'))::bit(48)::int8 AS seen FROM " others " AS p"          \
    "  WHERE NOT (w.tbs_fp = e.tbs_fp AND get_byte(e.info, 6) = 1) AND NOT (p.log = $1 AND p.idx = e.idx)"   \
    "  ORDER BY seen, p.log, p.idx LIMIT 1) AS o ON true"                                                    \
    " WHERE w.tbs_fp IS DISTINCT FROM e.tbs_fp OR w.issuer IS DISTINCT FROM e.issuer"
static const char wrong_sql[] = WRONG_SQL(
    "cert", "(SELECT f.log_id AS log, f.index AS idx, f.info FROM ct.by_fp8(ARRAY[e.old_fp8]) AS f)");
static const char spread_wrong_sql[] =
    WRONG_SQL("spread_cert", "(SELECT t.log, t.first_index + u.n - 1 AS idx,"
                             " substring(t.info FROM (9 * u.n - 8)::int FOR 9) AS info FROM spread_tile AS t"
                             " CROSS JOIN LATERAL unnest(t.fp8) WITH ORDINALITY AS u (fp8, n)"
                             " WHERE t.fp8 @> ARRAY[e.old_fp8] AND u.fp8 = e.old_fp8)");

/* Without another sighting the row goes and is no longer counted; else it stands where it really was seen. */
static const char *const unmake_sql[] = {
    "DELETE FROM cert AS c USING stage_wrong AS w WHERE w.idx IS NULL AND c.tbs_fp = w.tbs_fp AND c.issuer = "
    "w.issuer"
    " AND c.not_after = w.not_after",
    "DELETE FROM cert_apex AS c USING stage_wrong AS w WHERE w.idx IS NULL AND c.tbs_fp = w.tbs_fp"
    " AND c.issuer = w.issuer AND c.not_after = w.not_after",
    "DELETE FROM cert_ip AS c USING stage_wrong AS w WHERE w.idx IS NULL AND c.tbs_fp = w.tbs_fp"
    " AND c.issuer = w.issuer AND c.not_after = w.not_after",
    "DELETE FROM cert_sha256 AS c USING stage_wrong AS w WHERE w.idx IS NULL AND c.tbs_fp = w.tbs_fp"
    " AND c.issuer = w.issuer",
    "UPDATE issued AS i SET n = i.n - w.n FROM (SELECT issuer, (not_before AT TIME ZONE 'UTC')::date AS day,"
    " count(*) AS n FROM stage_wrong WHERE idx IS NULL GROUP BY 1, 2) AS w"
    " WHERE i.issuer = w.issuer AND i.day = w.day",
    "DELETE FROM issued AS i USING stage_wrong AS w WHERE w.idx IS NULL AND i.issuer = w.issuer"
    " AND i.day = (w.not_before AT TIME ZONE 'UTC')::date AND i.n = 0",
    "UPDATE cert AS c SET log = w.log, idx = w.idx, first_seen = w.seen FROM stage_wrong AS w"
    " WHERE w.idx IS NOT NULL AND c.tbs_fp = w.tbs_fp AND c.issuer = w.issuer AND c.not_after = w.not_after",
};

/* The first sighting may have been the one that was read wrongly. */
static const char first_sql[] =
    "UPDATE cert AS c SET idx = s.idx, first_seen = s.first_seen FROM (SELECT DISTINCT ON (tbs_fp, issuer) *"
    " FROM stage_cert ORDER BY tbs_fp, issuer, idx) AS s WHERE c.tbs_fp = s.tbs_fp AND c.issuer = s.issuer"
    " AND c.not_after = s.not_after AND c.log = s.log AND (c.idx > s.idx OR (c.idx = s.idx AND c.first_seen "
    "<> s.first_seen))";

static const char malformed_sql[] =
    "DELETE FROM malformed AS m USING stage_entry AS e WHERE m.log = $1 AND m.idx = e.idx"
    " AND NOT EXISTS (SELECT FROM stage_malformed AS s WHERE s.idx = m.idx)";

/* What is found out later, from all that is stored, and never from an entry alone: reading the entry again
 * says nothing against it, while the row that it is about is the same. */
#define LATER                                                                                                \
    "('twin_serial', 'final_without_precert', 'precert_without_final', 'sct_not_incorporated', 'expiring',"  \
    " 'missing_renewal', 'unusual_renewal')"
#define STANDS(a)                                                                                            \
    "(NOT EXISTS (SELECT FROM stage_wrong AS w WHERE w.tbs_fp = " a ".tbs_fp)"                               \
    " AND EXISTS (SELECT FROM jsonb_array_elements(" a ".findings) AS l WHERE l->>'kind' IN " LATER "))"
#define SEEN_HERE_ALONE(a)                                                                                   \
    a ".id IN (SELECT s.alert FROM alert_sighting AS s JOIN stage_entry AS e ON s.log = $1 AND s.idx = "     \
      "e.idx)"                                                                                               \
      " AND NOT EXISTS (SELECT FROM alert_sighting AS s WHERE s.alert = " a ".id"                            \
      " AND NOT (s.log = $1 AND s.idx IN (SELECT e.idx FROM stage_entry AS e)))"

/* An alert that is raised again and was seen nowhere but in what is repaired gets its findings from the fresh
 * bytes alone. */
static const char forget_sql[] =
    "UPDATE alert AS a SET findings = '[]', first_seen = 'infinity' WHERE " SEEN_HERE_ALONE(
        "a") " AND NOT " STANDS("a") " AND EXISTS (SELECT FROM stage_alert AS x WHERE x.dedup = a.dedup"
                                     " OR (x.dedup IS NULL AND a.dedup IS NULL AND x.domain = a.domain AND "
                                     "x.tbs_fp = a.tbs_fp))";

/* Where something stands that was found later the rest is taken out behind the merge, so that what the fresh
 * bytes say again is no news. */
static const char less_sql[] =
    "WITH kept AS (SELECT a.id, jsonb_agg(f.f ORDER BY f.n) AS findings FROM alert AS a"
    " CROSS JOIN LATERAL jsonb_array_elements(a.findings) WITH ORDINALITY AS f(f, n)"
    " WHERE " SEEN_HERE_ALONE("a") " AND " STANDS(
        "a") " AND a.state <> 'closed' AND a.domain IS NOT NULL"
             " AND NOT EXISTS (SELECT FROM stage_entry AS e WHERE e.tbs_fp = a.tbs_fp AND NOT e.matched)"
             " AND (f.f->>'kind' IN " LATER " OR EXISTS (SELECT FROM stage_alert AS x CROSS JOIN LATERAL "
             "jsonb_array_elements(x.findings) AS g"
             "  WHERE x.alert = a.id AND g->>'kind' = f.f->>'kind' AND g->>'rule' = f.f->>'rule'"
             "  AND g->>'found' = f.f->>'found')) GROUP BY a.id)"
             " UPDATE alert AS a SET findings = k.findings, kind = k.findings->0->>'kind',"
             " severity = k.findings->0->>'severity' FROM kept AS k WHERE a.id = k.id AND a.findings <> "
             "k.findings";

static const char retime_sql[] =
    "UPDATE alert_sighting AS s SET timestamp = x.timestamp, form = x.form FROM stage_alert AS x"
    " WHERE s.alert = x.alert AND s.log = x.log AND s.idx = x.idx AND (s.timestamp, s.form) <> (x.timestamp, "
    "x.form)";

/* An alert whose domain is gone can not be judged again; only another fingerprint takes its sighting away. */
static const char withdraw_sql[] =
    "WITH gone AS (DELETE FROM alert_sighting AS s USING alert AS a, stage_entry AS e"
    " WHERE a.id = s.alert AND s.log = $1 AND s.idx = e.idx AND (a.tbs_fp IS DISTINCT FROM e.tbs_fp"
    " OR (e.matched AND a.domain IS NOT NULL AND NOT " STANDS(
        "a") " AND NOT EXISTS (SELECT FROM stage_alert AS x"
             " WHERE x.alert = a.id AND x.idx = s.idx))) RETURNING s.alert)"
             " INSERT INTO stage_gone (alert) SELECT DISTINCT alert FROM gone";

/* Whoever was told, or may have been, is told of this too. */
static const char close_sql[] =
    "WITH mine AS MATERIALIZED (SELECT a.id FROM alert AS a WHERE a.id IN (SELECT g.alert FROM stage_gone AS "
    "g)"
    "  ORDER BY a.id FOR NO KEY UPDATE),"
    " shut AS (UPDATE alert AS a SET state = 'closed', reason = '" WITHDRAWN "', event = 'withdrawn',"
    " history = CASE WHEN a.state = 'new' THEN a.history ELSE alert_history(a) END"
    " FROM mine WHERE a.id = mine.id AND a.state <> 'closed'"
    " AND NOT EXISTS (SELECT FROM alert_sighting AS s WHERE s.alert = a.id) RETURNING a.id)"
    " UPDATE outbox AS o SET state = CASE WHEN o.sent_at IS NULL AND NOT (o.state = 'pending'"
    "  AND o.next_try_at > now() AND (o.tries > 0 OR o.held IS DISTINCT FROM o.key))"
    "  THEN 'withdrawn' ELSE 'pending' END,"
    " tries = 0, next_try_at = now(), last_error = '', key = gen_random_uuid()"
    " FROM shut WHERE o.alert = shut.id AND o.state IN ('pending', 'sent')";

/* Whether a row may go depends on there being no other place for it. So nobody may be storing one while we
 * look, and whoever remembers the row has to forget it. */
static enum err_code unmake(struct pgstore *pg, const struct pgexec_args *log, struct err *why)
{
    const char *sql = pg->conn->spread ? spread_wrong_sql : wrong_sql;
    uint64_t found = 0;
    enum err_code code = spread_fetch_certs(pg->conn, log, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, sql, log, &found, why);
    if (code != ERR_OK || found == 0)
        return code;
    code = pgexec_do(pg->conn, "UPDATE cert_removal SET removals = removals + 1", &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, "DELETE FROM stage_wrong", &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = spread_fetch_certs(pg->conn, log, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, sql, log, NULL, why);
    for (size_t i = 0; i < countof(unmake_sql) && code == ERR_OK; i++)
        code = pgexec_do(pg->conn, unmake_sql[i], &PGEXEC_NO_ARGS, NULL, why);
    return code == ERR_OK ? spread_move_copies(pg->conn, why) : code;
}

static enum err_code apply(struct pgstore *pg, struct err *why)
{
    struct pgexec_args log = PGEXEC_NO_ARGS;
    uint64_t fresh = 0;
    pgexec_int(&log, pg->repair.log_id);
    enum err_code code = spread_turn(pg->conn, why);
    if (code == ERR_OK)
        code = unmake(pg, &log, why);
    if (code == ERR_OK)
        code = store_write_certs(pg, &fresh, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, first_sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = spread_first_copies(pg->conn, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, malformed_sql, &log, NULL, why);
    if (code == ERR_OK)
        code = store_write_malformed(pg, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, forget_sql, &log, NULL, why);
    if (code == ERR_OK)
        code = store_alert_write(pg->conn, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, less_sql, &log, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, retime_sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, withdraw_sql, &log, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(pg->conn, close_sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = db_pair_staged_write(pg->conn, why);
    if (code == ERR_OK)
        code = db_sct_staged_write(pg->conn, why);
    if (code == ERR_OK)
        code = store_sha256_staged(pg, why);
    return code;
}

static enum err_code keep_repair(struct pgstore *pg, struct store_settle *settle, struct err *why)
{
    uint64_t generation = 0;
    bool moved = false;
    const struct store_range *range = settle->range;
    enum err_code code = patience_short(pg->conn, why);
    if (code == ERR_OK)
        code = patience_lock(pg->conn, range->id, range->next, range->epoch, why);
    if (code == ERR_OK)
        code = store_write_generation(pg, &generation, why);
    /* The batches are gone, so they can not be matched again; the caller repairs once more. */
    if (code == ERR_OK && pg->repair.generation < generation)
        code = err_set(why, ERR_DB_CONFLICT, "database: domains were changed during the repair");
    if (code == ERR_OK)
        code = apply(pg, why);
    if (code == ERR_OK)
        code = store_gap_filled(pg, settle->range, why);
    if (code == ERR_OK)
        code = store_write_move(pg, settle, 1, &moved, why);
    if (code == ERR_OK && !moved)
        code = err_set(why, ERR_DB_CONFLICT, "database: another process moved range %" PRId64,
                       settle->range->id);
    return code;
}

enum err_code store_repair_end(struct store *store, struct store_settle *settle, bool keep, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    if (!keep)
        return give_up(pg, ERR_OK);
    if (!pg->repair.open)
        return err_set(why, ERR_DB_DOWN, "database: the connection of the repair was lost");
    must(settle->range->id == pg->repair.range_id);
    enum err_code code = keep_repair(pg, settle, why);
    if (code != ERR_OK)
        return give_up(pg, code);
    pg->repair.open = false;
    code = store_write_commit(pg, settle, 1, why);
    if (code == ERR_OK && !pg->guard.is_short)
        placemerge_catch_up(&pg->places, &pg->copy, pg->conn);
    return code == ERR_OK ? code : give_up(pg, code);
}
