#include "db/query_slice.h"

#include "base/limits.h"
#include "db/dbkey.h"
#include "db/facts.h"
#include "db/pgsteps.h"
#include "db/query_begin.h"

#define TIME_BEYOND_MS        INT64_C(253402300800000)
#define TIME_BEFORE_MS        INT64_C(-62135596800001)
#define SLICE_ROWS            CERTROW_SET_MAX
#define HIT_COLUMNS           (QUERY_HIT_BYTES + 1)
#define OID_TIMESTAMPTZ       1184
#define OID_TIMESTAMPTZ_ARRAY 1185
#define OID_BYTEA             17
#define OID_BYTEA_ARRAY       1001
#define OID_INT4              23
#define OID_INT4_ARRAY        1007

/* The cells of one column as an array; they are in binary form already. */
static void put_array(struct buf *out, const PGresult *hits, enum query_hit column, uint32_t element_oid,
                      int begin, int end)
{
    buf_clear(out);
    buf_u32(out, 1); /* dimensions */
    buf_u32(out, 0); /* no NULLs */
    buf_u32(out, element_oid);
    buf_u32(out, (uint32_t)(end - begin));
    buf_u32(out, 1);
    for (int row = begin; row < end; row++) {
        struct span cell = pgexec_get_bytes(hits, row, (int)column);
        buf_u32(out, (uint32_t)cell.len);
        buf_put(out, cell);
    }
}

/* As many rows as fit into memory at once. */
static int slice_end(const PGresult *hits, int begin, int rows)
{
    int64_t bytes = 0;
    int end = begin;
    while (end < rows && end - begin < SLICE_ROWS) {
        bytes += pgexec_get_int(hits, end, QUERY_HIT_BYTES);
        if (end != begin && bytes > LIMIT_SEARCH_BYTES)
            break;
        end++;
    }
    return end;
}

static void put_places(struct pgexec_args *args, struct buf array[3], const PGresult *hits, int begin,
                       int end)
{
    int64_t low_ms = TIME_BEYOND_MS;
    int64_t high_ms = TIME_BEFORE_MS;
    for (int row = begin; row < end; row++) {
        int64_t at_ms = pgexec_get_time(hits, row, QUERY_HIT_NOT_AFTER);
        low_ms = at_ms < low_ms ? at_ms : low_ms;
        high_ms = at_ms > high_ms ? at_ms : high_ms;
    }
    put_array(&array[0], hits, QUERY_HIT_NOT_AFTER, OID_TIMESTAMPTZ, begin, end);
    put_array(&array[1], hits, QUERY_HIT_FP, OID_BYTEA, begin, end);
    put_array(&array[2], hits, QUERY_HIT_ISSUER, OID_INT4, begin, end);
    pgexec_binary(args, OID_TIMESTAMPTZ_ARRAY, buf_span(&array[0]));
    pgexec_binary(args, OID_BYTEA_ARRAY, buf_span(&array[1]));
    pgexec_binary(args, OID_INT4_ARRAY, buf_span(&array[2]));
    pgexec_time(args, low_ms);
    pgexec_time(args, high_ms + 1); /* they are kept to the microsecond */
}

static void put_keys(struct pgexec_args *args, struct buf *array, const PGresult *hits, int begin, int end)
{
    int64_t fp8[SLICE_ROWS] = {0};
    size_t count = 0;
    for (int row = begin; row < end; row++) {
        struct span fp = pgexec_get_bytes(hits, row, QUERY_HIT_FP);
        if (fp.len == 32)
            fp8[count++] = dbkey_first8(fp.at);
    }
    pgexec_int_array(args, fp8, count, array);
}

static bool same_fp(const PGresult *hits, int row, int other)
{
    return span_eq(pgexec_get_bytes(hits, row, QUERY_HIT_FP), pgexec_get_bytes(hits, other, QUERY_HIT_FP));
}

/* Twins stand side by side, whatever the order is otherwise, unless something left one of them out. */
static bool may_have_twins(const struct query_asked *asked, const struct query_hits *hits, int begin, int end)
{
    bool all = asked->sql->whole != NULL && !asked->issuers_given &&
               asked->query->seen_since_ms == QUERY_NO_TIME && !(begin == 0 && hits->edge);
    if (!all)
        return true;
    for (int row = begin > 0 ? begin : 1; row <= end && row < PQntuples(hits->res); row++) {
        if (same_fp(hits->res, row, row - 1))
            return true;
    }
    return false;
}

bool query_slice_is_whole(const struct query_asked *asked, const struct query_hits *hits)
{
    bool whole = hits->has_row && hits->rows <= SLICE_ROWS;
    for (int row = 0; whole && row < hits->rows; row++) {
        int64_t facts = pgexec_get_int(hits->res, row, HIT_COLUMNS + CERTROW_COLUMN_FACTS);
        whole = ((uint64_t)facts & FACTS_NO_IPS) != 0 &&
                pgexec_get_int(hits->res, row, QUERY_HIT_BYTES) <= QUERY_SQL_WHOLE_BYTES;
    }
    return whole && !(query_asked_wants_places(asked) && may_have_twins(asked, hits, 0, hits->rows));
}

enum err_code query_slice_whole(struct query_slice *slice, struct pgconn *conn,
                                const struct query_asked *asked, struct query_hits *hits, struct err *why)
{
    struct buf fp8;
    struct pgexec_args keys = PGEXEC_NO_ARGS;
    *slice = (struct query_slice){
        .rows = hits->res, .row_count = hits->rows, .column = HIT_COLUMNS, .end = hits->rows};
    slice->sightings.res = hits->places;
    if (hits->places != NULL || !query_asked_wants_places(asked)) {
        hits->places = NULL;
        return ERR_OK;
    }
    put_keys(&keys, &fp8, hits->res, 0, hits->rows);
    struct pgstep steps[] = {{.sql = certrow_forms_sql, .args = &keys},
                             {.sql = query_begin_end_sql, .args = &PGEXEC_NO_ARGS}};
    enum err_code code = buf_ok(&fp8) ? pgsteps_run(conn, steps, countof(steps), why)
                                      : err_set(why, ERR_MEMORY, "search: no memory for a page");
    buf_fini(&fp8);
    if (code != ERR_OK)
        return code;
    slice->sightings.res = steps[0].res;
    PQclear(steps[1].res);
    return ERR_OK;
}

enum err_code query_slice_load(struct query_slice *slice, struct pgconn *conn,
                               const struct query_asked *asked, const struct query_hits *hits, int begin,
                               struct err *why)
{
    struct buf array[3];
    struct buf fp8;
    struct pgexec_args rows = PGEXEC_NO_ARGS;
    struct pgexec_args keys = PGEXEC_NO_ARGS;
    bool places = query_asked_wants_places(asked);
    *slice = (struct query_slice){.begin = begin, .end = slice_end(hits->res, begin, hits->rows)};
    bool twins = places && may_have_twins(asked, hits, begin, slice->end);
    for (size_t i = 0; i < countof(array); i++)
        buf_init(&array[i], 64 + 64 * SLICE_ROWS);
    put_places(&rows, array, hits->res, begin, slice->end);
    put_keys(&keys, &fp8, hits->res, begin, slice->end);
    bool ok = buf_ok(&fp8);
    for (size_t i = 0; i < countof(array); i++)
        ok = ok && buf_ok(&array[i]);
    struct pgstep steps[3] = {{.sql = query_asked_rows(asked, conn, twins, &rows), .args = &rows}};
    size_t count = 1;
    if (places)
        steps[count++] = (struct pgstep){
            .sql = twins || conn->spread ? certrow_sightings_sql : certrow_forms_sql, .args = &keys};
    steps[count++] = (struct pgstep){.sql = query_begin_end_sql, .args = &PGEXEC_NO_ARGS};
    enum err_code code =
        ok ? pgsteps_run(conn, steps, count, why) : err_set(why, ERR_MEMORY, "search: no memory for a page");
    for (size_t i = 0; i < countof(array); i++)
        buf_fini(&array[i]);
    buf_fini(&fp8);
    if (code != ERR_OK)
        return code;
    slice->rows = slice->own = steps[0].res;
    slice->row_count = PQntuples(slice->rows);
    slice->sightings.res = places ? steps[1].res : NULL;
    PQclear(steps[count - 1].res);
    return ERR_OK;
}

void query_slice_free(struct query_slice *slice)
{
    certrow_sightings_free(&slice->sightings);
    PQclear(slice->own);
    *slice = (struct query_slice){0};
}
