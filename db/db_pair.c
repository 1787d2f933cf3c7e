#include "db/db_pair.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/alertjson.h"
#include "db/certalike.h"
#include "db/certrow.h"
#include "db/copy.h"
#include "db/dbkey.h"
#include "db/pgexec.h"
#include "db/spread.h"
#include "model/cert.h"

struct db_pair_notes {
    struct copy copy;
    size_t count;
};

static const uint32_t note_types[] = {COPY_OID_INT8, COPY_OID_BYTEA, COPY_OID_TIME, 0};

static void begin(struct db_pair_notes *notes)
{
    copy_begin(&notes->copy, NULL, NULL, NULL);
    notes->count = 0;
}

struct db_pair_notes *db_pair_notes_new(void)
{
    struct db_pair_notes *notes = calloc(1, sizeof *notes);
    if (notes == NULL || !copy_init_columns(&notes->copy, note_types)) {
        free(notes);
        return NULL;
    }
    begin(notes);
    return notes;
}

void db_pair_notes_free(struct db_pair_notes *notes)
{
    if (notes != NULL)
        copy_fini(&notes->copy);
    free(notes);
}

size_t db_pair_notes_count(const struct db_pair_notes *notes)
{
    return notes->count;
}

/* As the row of cert has it (db/stage.c). */
static int64_t stored_ms(int64_t unix_s)
{
    int64_t kept = unix_s < CERT_TIME_MIN ? CERT_TIME_MIN : unix_s > CERT_TIME_MAX ? CERT_TIME_MAX : unix_s;
    return kept * 1000;
}

void db_pair_note(struct db_pair_notes *notes, const struct alert *alert)
{
    if (alert->domain_id == ALERT_DOMAINS_NONE || alert->lookalike.at != NULL || !alertjson_has_fp(alert))
        return;
    copy_row(&notes->copy, 3);
    copy_int8(&notes->copy, alert->domain_id);
    copy_bytes(&notes->copy, span_of(alert->issuance->tbs_fp, 32));
    copy_time(&notes->copy, stored_ms(alert->issuance->not_after));
    notes->count++;
}

/* In one order, so that two writers wait for each other instead of deadlocking. */
#define NOTE_SQL(notes)                                                                                      \
    "INSERT INTO pair_look (domain, tbs_fp, not_after)"                                                      \
    " SELECT DISTINCT ON (u.domain, u.tbs_fp) u.domain, u.tbs_fp, u.not_after FROM " notes                   \
    " JOIN domain AS d ON d.id = u.domain ORDER BY u.domain, u.tbs_fp ON CONFLICT DO NOTHING"
#define GIVEN "unnest($1::int8[], $2::bytea[], $3::timestamptz[]) AS u (domain, tbs_fp, not_after)"

static enum err_code put(struct db_pair_notes *notes, const char *sql, struct pgconn *conn, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    if (notes->count == 0)
        return ERR_OK;
    notes->copy.why = why;
    enum err_code code = copy_end(&notes->copy);
    if (code == ERR_OK) {
        copy_bind(&notes->copy, &args);
        code = pgexec_do(conn, sql, &args, NULL, why);
    }
    begin(notes);
    return code;
}

enum err_code db_pair_notes_write(struct db_pair_notes *notes, struct pgconn *conn, struct err *why)
{
    return put(notes, NOTE_SQL(GIVEN), conn, why);
}

enum err_code db_pair_notes_stage(struct db_pair_notes *notes, struct pgconn *conn, struct err *why)
{
    return put(notes, "INSERT INTO stage_pair (domain, tbs_fp, not_after) SELECT * FROM " GIVEN, conn, why);
}

enum err_code db_pair_staged_write(struct pgconn *conn, struct err *why)
{
    return pgexec_do(conn, NOTE_SQL("stage_pair AS u"), &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_pair_list(struct pgconn *conn, size_t most, struct db_pair_due **list, size_t *count,
                           struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    pgexec_int(&args, (int64_t)most);
    enum err_code code = pgexec_run(conn,
                                    "SELECT domain, tbs_fp, not_after, noted_at,"
                                    " EXISTS (SELECT FROM load_place)::int FROM pair_look WHERE due_at <= "
                                    "now() ORDER BY due_at, domain, tbs_fp LIMIT $1",
                                    &args, &res, why);
    if (code != ERR_OK)
        return code;
    *count = (size_t)PQntuples(res);
    *list = calloc(*count + 1, sizeof **list);
    must(*list != NULL);
    for (size_t i = 0; i < *count; i++) {
        struct db_pair_due *due = &(*list)[i];
        struct span fp = pgexec_get_bytes(res, (int)i, 1);
        must(fp.len == 32); /* the table says so */
        due->domain_id = pgexec_get_int(res, (int)i, 0);
        memcpy(due->tbs_fp, fp.at, 32);
        due->not_after_ms = pgexec_get_time(res, (int)i, 2);
        due->noted_ms = pgexec_get_time(res, (int)i, 3);
        due->incomplete = pgexec_get_int(res, (int)i, 4) != 0;
    }
    PQclear(res);
    return ERR_OK;
}

static void put_due(struct pgexec_args *args, const struct db_pair_due *due)
{
    pgexec_int(args, due->domain_id);
    pgexec_bytes(args, span_of(due->tbs_fp, 32));
}

#define WAKE_A_MINUTE "1000" /* a tenth of LIMIT_PAIR_LOOKS */

/* A minute, two, four, ... a month. What is over already when it is noted (by a history scan) is looked at
 * for some hours, in which a log that is read may bring the other one, and as long as a backfill holds rows
 * that nobody can find (db/db_load.h): its own, or the other one. The row stays for as long as somebody may
 * ask which certificates ran out (db/db_renewal_more.h). */
static const char looked_sql[] =
    "WITH next AS (UPDATE pair_look SET looks = least(looks + 1, 100),"
    "  due_at = now() + least(interval '30 days', interval '1 minute' * 2 ^ least(looks, 16),"
    "   CASE WHEN $3::timestamptz > now() THEN $3 - now() END,"
    "   CASE WHEN $4::int8 > 0 AND not_after < now() THEN interval '1 ms' * $4::int8 END)"
    "  WHERE domain = $1 AND tbs_fp = $2"
    "   AND NOT (not_after < now() - interval '40 days' AND looks >= 8 AND $4::int8 = 0)"
    "  RETURNING domain)"
    " DELETE FROM pair_look WHERE domain = $1 AND tbs_fp = $2 AND NOT EXISTS (SELECT FROM next)";

enum err_code db_pair_looked(struct pgconn *conn, const struct db_pair_due *due, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    put_due(&args, due);
    pgexec_time(&args, due->wake_ms);
    pgexec_int(&args, due->incomplete ? LIMIT_PAST_SEAL_MS : 0);
    enum err_code code = pgexec_cached(conn, looked_sql, &args, &res, why);
    if (code == ERR_OK)
        PQclear(res);
    return code;
}

/* Of a domain with very many it takes a while, so that those of others have their turn. */
static const char wake_sql[] =
    "UPDATE pair_look SET due_at = least(due_at, now() + random() * interval '1 minute'"
    "  * (SELECT least(count(*) / " WAKE_A_MINUTE ", 60) FROM pair_look WHERE domain = $1))"
    " WHERE domain = $1 AND due_at > now()";

enum err_code db_pair_wake(struct pgconn *conn, int64_t domain_id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, domain_id);
    return pgexec_do(conn, wake_sql, &args, NULL, why);
}

#define LOG_NAME " (SELECT l.name FROM log AS l WHERE l.id = c.log)"
#define OWN      " WHERE c.not_after = $1 AND c.tbs_fp = $2"
/* The front of a serial number finds, the whole decides. */
#define OTHERS                                                                                               \
    " WHERE substring(c.serial FOR 15) = substring($1::bytea FOR 15) AND c.serial = $1 AND c.issuer = "      \
    "$2::int4"                                                                                               \
    " AND c.tbs_fp <> $3"
#define SPREAD(where, limit)                                                                                 \
    "WITH c AS MATERIALIZED (SELECT " CERTROW_SPREAD("c", "cert") " FROM cert AS c" where " LIMIT " limit    \
                                                                  ") SELECT " CERTROW_SPREAD_COLUMNS         \
                                                                  "," LOG_NAME " FROM c" CERTROW_JOINS
#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)

static const char *const own_sql[] = {
    "SELECT " CERTROW_COLUMNS "," LOG_NAME " FROM cert AS c" CERTROW_JOINS OWN
    " LIMIT " STRING_OF(DB_PAIR_OWN_MAX),
    SPREAD(OWN, STRING_OF(DB_PAIR_OWN_MAX)),
};

static const char *const others_sql[] = {
    "SELECT " CERTROW_COLUMNS "," LOG_NAME " FROM cert AS c" CERTROW_JOINS OTHERS
    " AND c.not_after >= (SELECT lower FROM cert_span) AND c.not_after < (SELECT upper FROM cert_span)"
    " LIMIT " STRING_OF(DB_PAIR_OTHERS_MAX),
    SPREAD(OTHERS, STRING_OF(DB_PAIR_OTHERS_MAX)),
};

/* One look: results whose spans are in use until it ends. */
struct look {
    struct pgconn *conn;
    struct arena *arena;
    PGresult *own;
    PGresult *others;
    struct certrow rows[1 + DB_PAIR_OTHERS_MAX];
};

static enum err_code get(struct look *look, const PGresult *res, int row, struct certrow *cert,
                         struct db_pair_cert *out, struct err *why)
{
    enum err_code code = certrow_get(res, row, 0, look->arena, cert, why);
    *out = (struct db_pair_cert){.issuance = cert->issuance,
                                 .log = pgexec_get_text(res, row, CERTROW_COLUMN_COUNT),
                                 .index = cert->index};
    return code;
}

static enum err_code get_others(struct look *look, struct db_pair *pair, struct err *why)
{
    const struct certrow *own = &look->rows[0];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    if (!own->issuance.issuer_known || own->issuance.serial.len == 0)
        return ERR_OK;
    pgexec_bytes(&args, own->issuance.serial);
    pgexec_int(&args, own->issuer_id);
    pgexec_bytes(&args, span_of(own->issuance.tbs_fp, 32));
    enum err_code code = pgexec_cached(look->conn, others_sql[look->conn->spread], &args, &look->others, why);
    for (int i = 0; code == ERR_OK && i < PQntuples(look->others) && i < DB_PAIR_OTHERS_MAX; i++) {
        code = get(look, look->others, i, &look->rows[1 + i], &pair->other[i], why);
        pair->other_count++;
    }
    return code;
}

/* What one reply said may be a damaged copy of the certificate itself, which is mended later. */
static enum err_code ask_verified(struct pgconn *conn, struct db_pair_cert *cert, struct err *why)
{
    static const char sql[] =
        "SELECT count(*) FROM log_range WHERE log = $1 AND range_begin <= $2 AND verified > $2";
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && !cert->verified && i < cert->seen_count; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        int64_t count = 0;
        pgexec_int(&args, cert->seen[i].log_id);
        pgexec_int(&args, (int64_t)cert->seen[i].index);
        code = pgexec_number(conn, sql, &args, &count, why);
        cert->verified = count != 0;
    }
    return code;
}

/* Most certificates have no other, and begin with a precertificate; one that was first seen with the poison,
 * in an entry for final ones, does not say whether it has SCTs. */
static bool is_worth(const struct db_pair_due *due, const struct db_pair *pair)
{
    return due->every || pair->other_count != 0 ||
           (pair->own.issuance.cert_flags & (CERT_NO_SCTS | CERT_POISON)) != 0;
}

/* A precertificate that was made to be found as that of another one announces nothing. */
static enum err_code keep_certain(struct look *look, const struct issuance *issuance,
                                  struct certrow_seen *seen, struct err *why)
{
    struct certalike alike;
    size_t kept = 0;
    if (seen->count == 0)
        return ERR_OK;
    enum err_code code = certalike_load(look->conn, issuance, &alike, why);
    for (size_t i = 0; code == ERR_OK && i < seen->count; i++)
        if (certalike_owner(&alike, &seen->at[i]) == CERTALIKE_THIS)
            seen->at[kept++] = seen->at[i];
    seen->count = kept;
    certalike_free(&alike);
    return code;
}

static enum err_code get_seen(struct look *look, struct db_pair *pair, struct err *why)
{
    int64_t fp8[1 + DB_PAIR_OTHERS_MAX];
    struct certrow_sightings sightings;
    for (size_t i = 0; i <= pair->other_count; i++)
        fp8[i] = dbkey_first8(look->rows[i].issuance.tbs_fp);
    enum err_code code = certrow_sightings_load(look->conn, fp8, 1 + pair->other_count, &sightings, why);
    if (code != ERR_OK)
        return code;
    for (size_t i = 0; code == ERR_OK && i <= pair->other_count; i++) {
        struct db_pair_cert *cert = i == 0 ? &pair->own : &pair->other[i - 1];
        struct certrow_seen seen = {0};
        code = certrow_sightings_of(&sightings, &look->rows[i], look->arena, &seen, why);
        if (code == ERR_OK)
            code = keep_certain(look, &cert->issuance, &seen, why);
        cert->seen = seen.at;
        cert->seen_count = seen.count;
        /* A part of a hash is not a hash. */
        for (size_t k = 0; k < seen.count; k++)
            memset(seen.at[k].sha256, 0, sizeof seen.at[k].sha256);
        if (code == ERR_OK && pair->other_count != 0)
            code = ask_verified(look->conn, cert, why);
    }
    certrow_sightings_free(&sightings);
    return code;
}

enum err_code db_pair_load(struct pgconn *conn, const struct db_pair_due *due, struct arena *arena,
                           enum err_code (*each)(void *arg, const struct db_pair *pair, struct err *why),
                           void *arg, struct err *why)
{
    struct look look = {.conn = conn, .arena = arena};
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_time(&args, due->not_after_ms);
    pgexec_bytes(&args, span_of(due->tbs_fp, 32));
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = pgexec_cached(conn, own_sql[conn->spread], &args, &look.own, why);
    for (int i = 0; code == ERR_OK && i < PQntuples(look.own); i++) {
        struct db_pair *pair = calloc(1, sizeof *pair);
        must(pair != NULL);
        size_t mark = arena_mark(arena);
        code = get(&look, look.own, i, &look.rows[0], &pair->own, why);
        if (code == ERR_OK)
            code = get_others(&look, pair, why);
        if (code == ERR_OK && is_worth(due, pair))
            code = get_seen(&look, pair, why);
        if (code == ERR_OK && is_worth(due, pair))
            code = each(arg, pair, why);
        PQclear(look.others);
        look.others = NULL;
        arena_rewind(arena, mark);
        free(pair);
    }
    PQclear(look.own);
    return code;
}
