#include "db/db_sct.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/certalike.h"
#include "db/certrow.h"
#include "db/copy.h"
#include "db/dbkey.h"
#include "db/pgexec.h"
#include "db/spread.h"
#include "model/cert.h"

struct db_sct_notes {
    struct copy copy;
    size_t count;
};

static const uint32_t note_types[] = {COPY_OID_BYTEA, COPY_OID_BYTEA, COPY_OID_TIME, COPY_OID_BYTEA, 0};

static void begin(struct db_sct_notes *notes)
{
    copy_begin(&notes->copy, NULL, NULL, NULL);
    notes->count = 0;
}

struct db_sct_notes *db_sct_notes_new(void)
{
    struct db_sct_notes *notes = calloc(1, sizeof *notes);
    if (notes == NULL || !copy_init_columns(&notes->copy, note_types)) {
        free(notes);
        return NULL;
    }
    begin(notes);
    return notes;
}

void db_sct_notes_free(struct db_sct_notes *notes)
{
    if (notes != NULL)
        copy_fini(&notes->copy);
    free(notes);
}

/* As the row of cert has it (db/stage.c). */
static int64_t stored_ms(int64_t unix_s)
{
    int64_t kept = unix_s < CERT_TIME_MIN ? CERT_TIME_MIN : unix_s > CERT_TIME_MAX ? CERT_TIME_MAX : unix_s;
    return kept * 1000;
}

void db_sct_note(struct db_sct_notes *notes, const struct issuance *issuance, struct span der,
                 const uint8_t sha256[32])
{
    if (der.len > LIMIT_SCT_DER_BYTES)
        return;
    copy_row(&notes->copy, 4);
    copy_bytes(&notes->copy, span_of(sha256, 32));
    copy_bytes(&notes->copy, span_of(issuance->tbs_fp, 32));
    copy_time(&notes->copy, stored_ms(issuance->not_after));
    copy_bytes(&notes->copy, der);
    notes->count++;
}

/* In one order, so that two writers wait for each other instead of deadlocking. */
#define NOTE_SQL(notes)                                                                                      \
    "WITH fresh AS (SELECT DISTINCT ON (u.sha256) u.sha256, u.tbs_fp, u.not_after, u.der FROM " notes        \
    "  WHERE u.not_after > now() ORDER BY u.sha256),"                                                        \
    " made AS (INSERT INTO sct_look (sha256, tbs_fp, not_after) SELECT sha256, tbs_fp, not_after FROM fresh" \
    "  ORDER BY sha256 ON CONFLICT DO NOTHING RETURNING sha256)"                                             \
    " INSERT INTO sct_der (sha256, der) SELECT f.sha256, f.der FROM fresh AS f JOIN made USING (sha256)"
#define GIVEN                                                                                                \
    "unnest($1::bytea[], $2::bytea[], $3::timestamptz[], $4::bytea[]) AS u (sha256, tbs_fp, not_after, der)"

static enum err_code put(struct db_sct_notes *notes, const char *sql, struct pgconn *conn, struct err *why)
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

enum err_code db_sct_notes_write(struct db_sct_notes *notes, struct pgconn *conn, struct err *why)
{
    return put(notes, NOTE_SQL(GIVEN), conn, why);
}

enum err_code db_sct_notes_stage(struct db_sct_notes *notes, struct pgconn *conn, struct err *why)
{
    return put(notes, "INSERT INTO stage_sct (sha256, tbs_fp, not_after, der) SELECT * FROM " GIVEN, conn,
               why);
}

enum err_code db_sct_staged_write(struct pgconn *conn, struct err *why)
{
    return pgexec_do(conn, NOTE_SQL("stage_sct AS u"), &PGEXEC_NO_ARGS, NULL, why);
}

enum err_code db_sct_list(struct pgconn *conn, size_t most, struct db_sct_due **list, size_t *count,
                          struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *list = NULL;
    *count = 0;
    pgexec_int(&args, (int64_t)most);
    enum err_code code = pgexec_run(conn,
                                    "SELECT sha256, tbs_fp, not_after, told FROM sct_look"
                                    " WHERE due_at <= now() ORDER BY due_at, sha256 LIMIT $1",
                                    &args, &res, why);
    if (code != ERR_OK)
        return code;
    *count = (size_t)PQntuples(res);
    *list = calloc(*count + 1, sizeof **list);
    must(*list != NULL);
    for (size_t i = 0; i < *count; i++) {
        struct db_sct_due *due = &(*list)[i];
        struct span sha256 = pgexec_get_bytes(res, (int)i, 0);
        struct span fp = pgexec_get_bytes(res, (int)i, 1);
        must(sha256.len == 32 && fp.len == 32); /* the table says so */
        memcpy(due->sha256, sha256.at, 32);
        memcpy(due->tbs_fp, fp.at, 32);
        due->not_after_ms = pgexec_get_time(res, (int)i, 2);
        due->told = pgexec_get_bool(res, (int)i, 3);
    }
    PQclear(res);
    return ERR_OK;
}

static void get_key(const PGresult *res, int row, const uint8_t log_id[32], struct ctlog *log)
{
    struct span key = pgexec_get_bytes(res, row, 2);
    *log = (struct ctlog){.id = (int32_t)pgexec_get_int(res, row, 0)};
    (void)snprintf(log->name, sizeof log->name, "%s", pgexec_get_text(res, row, 1));
    memcpy(log->log_id, log_id, 32);
    if (key.len <= sizeof log->key) {
        memcpy(log->key, key.at, key.len);
        log->key_len = key.len;
    }
}

static void get_log(const PGresult *res, int row, const uint8_t log_id[32], struct db_sct_log *out)
{
    *out = (struct db_sct_log){.judged = false};
    get_key(res, row, log_id, &out->log);
    out->due_ms = pgexec_get_time(res, row, 3);
    out->judged = !pgexec_is_null(res, row, 4);
    out->due_size = (uint64_t)pgexec_get_int(res, row, 4);
    out->whole = pgexec_get_bool(res, row, 5);
    out->at_read = pgexec_get_bool(res, row, 6);
    out->followed = pgexec_get_bool(res, row, 7);
}

enum err_code db_sct_reach(struct pgconn *conn, const uint8_t log_id[32], int64_t timestamp_ms,
                           int64_t leaf_index, struct db_sct_log logs[DB_SCT_LOGS_MAX], size_t *count,
                           struct err *why)
{
    static const char sql[] = "SELECT log, name, key, due, due_size, whole, at_read, followed"
                              " FROM sct_reach($1, $2, nullif($3::int8, -1)) LIMIT 4";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *count = 0;
    pgexec_bytes(&args, span_of(log_id, 32));
    pgexec_time(&args, timestamp_ms);
    pgexec_int(&args, leaf_index);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res) && *count < DB_SCT_LOGS_MAX; i++)
        get_log(res, i, log_id, &logs[(*count)++]);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_sct_keys(struct pgconn *conn, struct db_sct_keys *keys, struct err *why)
{
    PGresult *res = NULL;
    *keys = (struct db_sct_keys){NULL, 0};
    enum err_code code =
        pgexec_cached(conn, "SELECT id, name, key, log_id FROM log ORDER BY id", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    keys->logs = calloc((size_t)PQntuples(res) + 1, sizeof *keys->logs);
    must(keys->logs != NULL);
    for (int i = 0; i < PQntuples(res); i++) {
        struct span id = pgexec_get_bytes(res, i, 3);
        if (id.len == 32)
            get_key(res, i, id.at, &keys->logs[keys->count++]);
    }
    PQclear(res);
    return ERR_OK;
}

void db_sct_keys_free(struct db_sct_keys *keys)
{
    free(keys->logs);
}

enum err_code db_sct_bytes(struct pgconn *conn, const struct db_sct_due *due, struct arena *arena,
                           struct span *der, bool *gone, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_bytes(&args, span_of(due->sha256, 32));
    enum err_code code = pgexec_cached(conn, "SELECT der FROM sct_der WHERE sha256 = $1", &args, &res, why);
    if (code != ERR_OK)
        return code;
    *gone = PQntuples(res) == 0;
    if (!*gone) {
        *der = arena_copy(arena, pgexec_get_bytes(res, 0, 0));
        if (der->at == NULL)
            code = err_set(why, ERR_MEMORY, "database: no memory for a certificate");
    }
    PQclear(res);
    return code;
}

#define OWN " WHERE c.not_after = $1 AND c.tbs_fp = $2 LIMIT 4"

static const char *const own_sql[] = {
    "SELECT " CERTROW_COLUMNS " FROM cert AS c" CERTROW_JOINS OWN,
    "WITH c AS MATERIALIZED (SELECT " CERTROW_SPREAD("c", "cert") " FROM cert AS c" OWN
                                                                  ") SELECT " CERTROW_SPREAD_COLUMNS
                                                                  " FROM c" CERTROW_JOINS,
};

/* Spans of the row that point into the result. */
static bool keep(struct issuance *issuance, struct arena *arena)
{
    struct span *const spans[] = {&issuance->issuer, &issuance->serial, &issuance->subject_cn};
    for (size_t i = 0; i < countof(spans); i++) {
        struct span copy = spans[i]->len == 0 ? *spans[i] : arena_copy(arena, *spans[i]);
        if (spans[i]->len != 0 && copy.at == NULL)
            return false;
        *spans[i] = spans[i]->len == 0 ? SPAN_NONE : copy;
    }
    return true;
}

static enum err_code get_one(const PGresult *res, int at, const struct certrow_sightings *sightings,
                             struct arena *arena, struct db_sct_cert *cert, struct err *why)
{
    struct certrow row;
    struct certrow_seen seen = {0};
    struct certrow_seen all = {0};
    struct db_sct_own *own = &cert->own[cert->own_count];
    enum err_code code = certrow_get(res, at, 0, arena, &row, why);
    if (code == ERR_OK)
        code = certrow_sightings_of(sightings, &row, arena, &seen, why);
    row.twins = SPAN_NONE;
    if (code == ERR_OK && cert->own_count == 0)
        code = certrow_sightings_of(sightings, &row, arena, &all, why);
    if (code == ERR_OK && !keep(&row.issuance, arena))
        code = err_set(why, ERR_MEMORY, "database: no memory for a certificate");
    if (code != ERR_OK)
        return code;
    /* A part of a hash is not a hash. */
    for (size_t i = 0; i < seen.count; i++)
        memset(seen.at[i].sha256, 0, sizeof seen.at[i].sha256);
    *own = (struct db_sct_own){row.issuance, seen.at, seen.count};
    if (cert->own_count++ == 0) {
        cert->places = all.at;
        cert->place_count = all.count;
    }
    return ERR_OK;
}

/* 64 bits find, and do not decide. */
static enum err_code sort_out(const struct certalike *alike, struct arena *arena, struct db_sct_cert *cert,
                              struct err *why)
{
    struct sighting *all = cert->places;
    size_t count = cert->place_count;
    if (!alike->any)
        return ERR_OK;
    cert->places = arena_zeroed(arena, count + 1, sizeof *all);
    cert->place_count = 0;
    if (cert->places == NULL)
        return err_set(why, ERR_MEMORY, "database: no memory for the places of a certificate");
    for (size_t i = 0; i < count; i++)
        if (certalike_owner(alike, &all[i]) == CERTALIKE_THIS)
            cert->places[cert->place_count++] = all[i];
    for (size_t i = 0; i < count; i++)
        if (certalike_owner(alike, &all[i]) == CERTALIKE_DOUBT)
            cert->places[cert->place_count + cert->doubt_count++] = all[i];
    return ERR_OK;
}

static enum err_code check_places(struct pgconn *conn, struct arena *arena, struct db_sct_cert *cert,
                                  struct err *why)
{
    struct certalike alike;
    enum err_code code = certalike_load(conn, &cert->own[0].issuance, &alike, why);
    if (code == ERR_OK)
        code = sort_out(&alike, arena, cert, why);
    certalike_free(&alike);
    return code;
}

enum err_code db_sct_load(struct pgconn *conn, const struct db_sct_due *due, struct arena *arena,
                          struct db_sct_cert *cert, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct certrow_sightings sightings = {0};
    PGresult *res = NULL;
    int64_t fp8 = dbkey_first8(due->tbs_fp);
    *cert = (struct db_sct_cert){0};
    pgexec_time(&args, due->not_after_ms);
    pgexec_bytes(&args, span_of(due->tbs_fp, 32));
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = pgexec_cached(conn, own_sql[conn->spread], &args, &res, why);
    if (code == ERR_OK)
        code = certrow_sightings_load(conn, &fp8, 1, &sightings, why);
    for (int i = 0; code == ERR_OK && i < PQntuples(res) && i < DB_SCT_OWN_MAX; i++)
        code = get_one(res, i, &sightings, arena, cert, why);
    if (code == ERR_OK && cert->place_count != 0)
        code = check_places(conn, arena, cert, why);
    certrow_sightings_free(&sightings);
    PQclear(res);
    return code;
}

enum err_code db_sct_raw(struct pgconn *conn, int32_t log_id, struct span leaf, int64_t leaf_index,
                         struct sighting *place, bool *found, struct err *why)
{
    static const char sql[] =
        "SELECT m.idx FROM malformed AS m WHERE sha256(m.leaf) = sha256($1::bytea) AND m.log = $2::int8"
        " ORDER BY m.idx = $3::int8 DESC, m.idx LIMIT 1";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_bytes(&args, leaf);
    pgexec_int(&args, log_id);
    pgexec_int(&args, leaf_index);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    *found = code == ERR_OK && PQntuples(res) != 0;
    if (*found) {
        place->log_id = log_id;
        place->index = (uint64_t)pgexec_get_int(res, 0, 0);
    }
    PQclear(res);
    return code;
}

enum err_code db_sct_tell(struct pgconn *conn, const struct db_sct_due *due, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_bytes(&args, span_of(due->sha256, 32));
    return pgexec_do(conn, "UPDATE sct_look SET told = true WHERE sha256 = $1 AND NOT told", &args, NULL,
                     why);
}

/* A minute, two, four, ... */
static const char looked_sql[] =
    "WITH next AS (UPDATE sct_look SET looks = least(looks + 1, 100),"
    "  due_at = now() + least(CASE WHEN $3 THEN interval '1 day' ELSE interval '30 days' END,"
    "   interval '1 minute' * 2 ^ least(looks, 16))"
    "  WHERE sha256 = $1 AND NOT $2 AND not_after > now() RETURNING sha256)"
    " DELETE FROM sct_look WHERE sha256 = $1 AND NOT EXISTS (SELECT FROM next)";

enum err_code db_sct_looked(struct pgconn *conn, const struct db_sct_due *due, bool done, bool soon,
                            struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    pgexec_bytes(&args, span_of(due->sha256, 32));
    pgexec_bool(&args, done);
    pgexec_bool(&args, soon);
    enum err_code code = pgexec_cached(conn, looked_sql, &args, &res, why);
    if (code == ERR_OK)
        PQclear(res);
    return code;
}
