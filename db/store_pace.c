#include "db/store_pace.h"

#include <math.h>

#include "base/limits.h"
#include "db/store_write.h"

#define REALS       12
#define WHOLE       21
#define TRIES       8 /* so often another process may be quicker; then the next turn tries again */
#define ARRAY_HEAD  20
#define ARRAY_ITEM  12
#define OID_INT8    20
#define OID_INT8S   1016
#define OID_FLOAT8  701
#define OID_FLOAT8S 1022

/* The record as two lists of numbers, in an order that is never changed: more are added at the end, and a row
 * of another length is begun anew. */
static void reals_of(struct pace *pace, double *out[REALS])
{
    double *const all[REALS] = {&pace->rate,  &pace->ceiling, &pace->tokens, &pace->good,
                                &pace->sent,  &pace->steady,  &pace->share,  &pace->before,
                                &pace->total, &pace->refused, &pace->usual,  &pace->came};
    memcpy(out, all, sizeof all);
}

static void whole_of(struct pace *pace, int64_t *out[WHOLE])
{
    int64_t *const all[WHOLE] = {
        &pace->at_ms,     &pace->hold_until_ms, &pace->cut_ms,      &pace->used_ms,        &pace->plateau_ms,
        &pace->window_ms, &pace->window_sent,   &pace->window_good, &pace->window_refused, &pace->misses,
        &pace->series,    &pace->fresh,         &pace->trial,       &pace->phase,          &pace->phase_ms,
        &pace->run_good,  &pace->run_refused,   &pace->share_of,    &pace->known,          &pace->rounds,
        &pace->run_ms};
    memcpy(out, all, sizeof all);
}

/* PostgreSQL's binary form of a list of 8-byte numbers --------------------------------------------- */

static void put_bits(uint8_t *at, uint64_t bits, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        at[i] = (uint8_t)(bits >> (8 * (width - 1 - i)));
}

static uint64_t get_bits(const uint8_t *at, unsigned width)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < width; i++)
        bits = bits << 8 | at[i];
    return bits;
}

static struct span array_put(uint8_t *room, uint32_t type, const uint64_t *bits, uint32_t count)
{
    const uint32_t head[5] = {1, 0, type, count, 1}; /* dimensions, holds NULL, type, length, first index */
    for (size_t i = 0; i < 5; i++)
        put_bits(room + 4 * i, head[i], 4);
    for (size_t i = 0; i < count; i++) {
        put_bits(room + ARRAY_HEAD + ARRAY_ITEM * i, 8, 4);
        put_bits(room + ARRAY_HEAD + ARRAY_ITEM * i + 4, bits[i], 8);
    }
    return span_of(room, ARRAY_HEAD + ARRAY_ITEM * count);
}

/* False: it is another kind of list. */
static bool array_get(struct span array, uint32_t type, uint64_t *bits, uint32_t count)
{
    if (array.len != ARRAY_HEAD + ARRAY_ITEM * (size_t)count || get_bits(array.at, 4) != 1 ||
        get_bits(array.at + 8, 4) != type || get_bits(array.at + 12, 4) != count)
        return false;
    for (size_t i = 0; i < count; i++)
        bits[i] = get_bits(array.at + ARRAY_HEAD + ARRAY_ITEM * i + 4, 8);
    return true;
}

/* False: the row is of another version, or not one that tempo.c wrote. */
static bool unpack(struct span reals, struct span whole, struct pace *pace)
{
    uint64_t bits[WHOLE];
    double *real[REALS];
    int64_t *number[WHOLE];
    bool fine = true;
    reals_of(pace, real);
    whole_of(pace, number);
    if (!array_get(reals, OID_FLOAT8, bits, REALS))
        return false;
    for (size_t i = 0; i < REALS; i++) {
        memcpy(real[i], &bits[i], sizeof bits[i]);
        fine = fine && isfinite(*real[i]) && fabs(*real[i]) < 1e12;
    }
    if (!array_get(whole, OID_INT8, bits, WHOLE))
        return false;
    for (size_t i = 0; i < WHOLE; i++) {
        *number[i] = (int64_t)bits[i];
        fine = fine && *number[i] >= INT64_MIN / 4 && *number[i] <= INT64_MAX / 4;
    }
    return fine && pace->rate > 0;
}

/* Statements --------------------------------------------------------------------------------------- */

struct row {
    struct pace pace;
    bool found;
    int64_t turn;
    int64_t now_ms;
};

static enum err_code load(struct pgstore *pg, const char *operator_key, const char *source, struct row *row,
                          struct err *why)
{
    static const char sql[] =
        "SELECT p.turn, p.reals, p.whole, (extract(epoch FROM clock_timestamp()) * 1000)::int8"
        " FROM (VALUES ($1::text, $2::text)) AS k (operator, source)"
        " LEFT JOIN operator_pace AS p ON p.operator = k.operator AND p.source = k.source";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_text(&args, operator_key);
    pgexec_text(&args, source);
    enum err_code code = pgexec_cached(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *row = (struct row){.turn = pgexec_get_int(res, 0, 0), .now_ms = pgexec_get_int(res, 0, 3)};
    row->found = !pgexec_is_null(res, 0, 0) &&
                 unpack(pgexec_get_bytes(res, 0, 1), pgexec_get_bytes(res, 0, 2), &row->pace);
    if (!row->found)
        row->pace = (struct pace){.rate = 0};
    PQclear(res);
    return ERR_OK;
}

/* *kept false: another process was quicker. Nobody waits for the disk: what is lost in a crash is learned
 * anew. */
static enum err_code keep(struct pgstore *pg, const char *operator_key, const char *source, struct row *row,
                          bool *kept, struct err *why)
{
    static const char sql[] =
        "INSERT INTO operator_pace AS p (operator, source, turn, reals, whole, rate, ceiling, hold_until, "
        "requests,"
        "  refused)"
        " SELECT $1, $2, $3::int8 + 1, $4::float8[], $5::int8[], $6::float8, $7::float8, $8::timestamptz,"
        "  $9::float8, $10::float8 FROM (SELECT set_config('synchronous_commit', 'off', true) AS off) AS s"
        " WHERE s.off = 'off'"
        " ON CONFLICT (operator, source) DO UPDATE SET turn = excluded.turn, reals = excluded.reals,"
        "  whole = excluded.whole, rate = excluded.rate, ceiling = excluded.ceiling,"
        "  hold_until = excluded.hold_until, requests = excluded.requests, refused = excluded.refused,"
        "  updated_at = now() WHERE p.turn = $3::int8 RETURNING turn";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint8_t room[2][ARRAY_HEAD + ARRAY_ITEM * WHOLE];
    uint64_t bits[WHOLE];
    double *real[REALS];
    int64_t *number[WHOLE];
    PGresult *res;
    reals_of(&row->pace, real);
    whole_of(&row->pace, number);
    pgexec_text(&args, operator_key);
    pgexec_text(&args, source);
    pgexec_int(&args, row->turn);
    for (size_t i = 0; i < REALS; i++)
        memcpy(&bits[i], real[i], sizeof bits[i]);
    pgexec_binary(&args, OID_FLOAT8S, array_put(room[0], OID_FLOAT8, bits, REALS));
    for (size_t i = 0; i < WHOLE; i++)
        bits[i] = (uint64_t)*number[i];
    pgexec_binary(&args, OID_INT8S, array_put(room[1], OID_INT8, bits, WHOLE));
    pgexec_real(&args, row->pace.rate);
    pgexec_real(&args, row->pace.ceiling);
    pgexec_time(&args, row->pace.hold_until_ms);
    pgexec_real(&args, row->pace.total);
    pgexec_real(&args, row->pace.refused);
    enum err_code code = pgexec_cached(pg->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *kept = PQntuples(res) == 1;
    PQclear(res);
    return ERR_OK;
}

enum err_code store_pace_move(struct store *store, const char *operator_key, const char *source,
                              void (*step)(void *arg, struct pace *pace, bool found, int64_t now_ms),
                              void *arg, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    enum err_code code = store_write_ready(pg, why);
    bool kept = false;
    for (unsigned i = 0; code == ERR_OK && !kept && i < TRIES; i++) {
        struct row row;
        code = load(pg, operator_key, source, &row, why);
        if (code != ERR_OK)
            break;
        step(arg, &row.pace, row.found, row.now_ms);
        code = keep(pg, operator_key, source, &row, &kept, why);
    }
    if (code == ERR_OK && !kept)
        code = err_set(why, ERR_DB_CONFLICT, "database: other processes are quicker at the pace of %s",
                       operator_key);
    return code;
}

enum err_code store_pace_page(struct store *store, int32_t log_id, uint32_t page, uint32_t align,
                              struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, log_id);
    pgexec_int(&args, page);
    pgexec_int(&args, align);
    return pgexec_do(
        pg->conn,
        "UPDATE log SET page = $2, page_align = $3 WHERE id = $1 AND (page, page_align) <> ($2, $3)", &args,
        NULL, why);
}
