#include "db/query.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/certrow.h"
#include "db/dbkey.h"
#include "db/query_asked.h"
#include "db/query_begin.h"
#include "db/query_slice.h"
#include "db/replica.h"

#define TIME_BEYOND_MS INT64_C(253402300800000)
#define TIME_BEFORE_MS INT64_C(-62135596800001)
#define TIME_EARLY_MS  INT64_C(946684800000) /* 2000: what is older is searched in one step */
#define TIME_2000_MS   INT64_C(946684800000)
#define DAY_MS         INT64_C(86400000)
#define STEP_LEAST_MS  INT64_C(3600000)

struct page {
    struct pgconn *conn;
    const struct query *query;
    struct query_asked asked;
    query_each *each;
    void *arg;
    struct arena arena;
    struct query_bounds bounds; /* `after` moves on with every row */
    struct query_result *result;
    int64_t deadline_ms;
    uint32_t kept;
};

static bool is_wanted(const struct page *page, const struct query_row *row)
{
    switch (page->query->form) {
    case QUERY_PRECERT:
        return row->precert;
    case QUERY_FINAL:
        return row->final;
    case QUERY_POISONED:
        return row->poisoned;
    default:
        return true;
    }
}

static enum err_code hand_over(struct page *page, const struct query_slice *slice, int row, struct err *why)
{
    struct certrow cert;
    struct certrow_seen seen;
    arena_reset(&page->arena, 1u << 20);
    enum err_code code = certrow_get(slice->rows, row, slice->column, &page->arena, &cert, why);
    if (code == ERR_OK)
        code = certrow_sightings_of(&slice->sightings, &cert, &page->arena, &seen, why);
    if (code != ERR_OK)
        return code;
    struct query_row found = {
        .issuance = &cert.issuance,
        .issuer = cert.issuer_text,
        .issuer_id = cert.issuer_id,
        .first_seen_ms = cert.first_seen_ms,
        .log = pgexec_get_text(slice->rows, row, slice->column + CERTROW_COLUMN_COUNT),
        .log_id = cert.log_id,
        .index = cert.index,
        .id = query_id(cert.log_id, cert.index),
        .sightings = seen.count,
        .unassigned = seen.unassigned,
        .place = {.not_before_ms = cert.not_before_ms, .issuer_id = cert.issuer_id},
    };
    memcpy(found.place.tbs_fp, cert.issuance.tbs_fp, sizeof found.place.tbs_fp);
    for (size_t i = 0; i < seen.count; i++) {
        found.precert = found.precert || seen.at[i].form == ISSUANCE_PRECERT;
        found.final = found.final || seen.at[i].form == ISSUANCE_FINAL;
        found.poisoned = found.poisoned || seen.at[i].form == ISSUANCE_POISONED;
    }
    if (!is_wanted(page, &found))
        return ERR_OK;
    page->kept++;
    return page->each(page->arg, &found, why);
}

static void move_after(struct page *page, const PGresult *hits, int row)
{
    struct query_cursor *after = &page->bounds.after;
    struct span fp = pgexec_get_bytes(hits, row, QUERY_HIT_FP);
    page->bounds.has_after = true;
    after->not_before_ms = pgexec_get_time(hits, row, QUERY_HIT_NOT_BEFORE);
    after->issuer_id = (int32_t)pgexec_get_int(hits, row, QUERY_HIT_ISSUER);
    memset(after->tbs_fp, 0, sizeof after->tbs_fp);
    memcpy(after->tbs_fp, fp.at, fp.len < 32 ? fp.len : 32);
}

static enum err_code hand_over_slice(struct page *page, const struct query_hits *hits,
                                     const struct query_slice *slice, struct err *why)
{
    enum err_code code = ERR_OK;
    for (int row = 0; code == ERR_OK && row < slice->row_count; row++)
        code = hand_over(page, slice, row, why);
    if (code == ERR_OK)
        move_after(page, hits->res, slice->end - 1);
    return code;
}

/* From `begin` on, in a transaction of their own. */
static enum err_code load_slice(struct page *page, const struct query_hits *hits, int begin, int64_t left_ms,
                                struct query_slice *slice, struct err *why)
{
    enum err_code code = ERR_OK;
    if (PQtransactionStatus(page->conn->pg) == PQTRANS_IDLE)
        code =
            query_begin(page->conn, query_asked_page(&page->asked, page->conn), left_ms, &page->bounds, why);
    return code == ERR_OK ? query_slice_load(slice, page->conn, &page->asked, hits, begin, why) : code;
}

/* The first rows are read in the same transaction, where they did not come with the hits. */
static enum err_code fetch_hits(struct page *page, uint32_t want, struct query_hits *hits,
                                struct query_slice *slice, struct err *why)
{
    struct pgconn *conn = page->conn;
    int64_t left_ms = page->deadline_ms - clock_mono_ms();
    page->bounds.limit = (int64_t)want + 1;
    enum err_code code = query_begin_page(conn, &page->asked, left_ms, &page->bounds, hits, why);
    hits->rows = code == ERR_OK ? PQntuples(hits->res) : 0;
    if (hits->rows > (int)want)
        hits->rows = (int)want;
    hits->edge = page->bounds.has_after;
    if (hits->rows != 0 && query_slice_is_whole(&page->asked, hits))
        code = query_slice_whole(slice, conn, &page->asked, hits, why);
    else if (hits->rows != 0)
        code = load_slice(page, hits, 0, page->deadline_ms - clock_mono_ms(), slice, why);
    pgexec_rollback(conn);
    return code;
}

static enum err_code hand_over_hits(struct page *page, const struct query_hits *hits,
                                    struct query_slice *slice, struct err *why)
{
    enum err_code code = ERR_OK;
    while (code == ERR_OK && slice->end != 0) {
        int begin = slice->end;
        code = hand_over_slice(page, hits, slice, why);
        query_slice_free(slice);
        if (code != ERR_OK || begin >= hits->rows)
            break;
        unsigned tries = 0;
        do {
            query_slice_free(slice);
            err_clear(why);
            code = load_slice(page, hits, begin, page->query->timeout_ms, slice, why);
            pgexec_rollback(page->conn);
        } while (code != ERR_OK && replica_again(page->conn, &tries));
    }
    return code;
}

/* What is left of the page within the bounds. *over: these have no further rows. */
static enum err_code fetch(struct page *page, bool *over, struct err *why)
{
    struct query_hits hits = {0};
    struct query_slice slice = {0};
    uint32_t want = page->query->limit - page->kept;
    page->conn->sqlstate[0] = '\0';
    unsigned tries = 0;
    enum err_code code;
    do {
        query_slice_free(&slice);
        query_begin_hits_free(&hits);
        err_clear(why);
        code = fetch_hits(page, want, &hits, &slice, why);
    } while (code != ERR_OK && replica_again(page->conn, &tries));
    *over = code != ERR_OK || PQntuples(hits.res) <= (int)want;
    if (code == ERR_OK)
        code = hand_over_hits(page, &hits, &slice, why);
    query_slice_free(&slice);
    query_begin_hits_free(&hits);
    return code == ERR_OK ? ERR_OK : query_asked_fail(page->conn, page->query, code, why);
}

static bool time_is_up(const struct page *page)
{
    return clock_mono_ms() >= page->deadline_ms;
}

static enum err_code run_keyed(struct page *page, struct err *why)
{
    enum err_code code = ERR_OK;
    bool over = false;
    while (code == ERR_OK && !over && page->kept < page->query->limit && !page->result->unfinished) {
        code = fetch(page, &over, why);
        page->result->unfinished = !over && page->kept < page->query->limit && time_is_up(page);
    }
    page->result->more = !over;
    return code;
}

/* One after the other, the newest first: [low, high) of not_before. */
struct steps {
    int64_t least_ms; /* nothing is asked for below */
    int64_t high_ms;
    int64_t low_ms;
    int64_t early_ms; /* next to nothing is older: one step */
    int64_t span_ms;
    bool any; /* one is done */
};

/* Days with issuances are counted; so the first of them is known without looking for it. */
static enum err_code find_early(struct page *page, struct steps *steps, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_cached(
        page->conn, "SELECT min(day)::timestamp AT TIME ZONE 'UTC' FROM issued WHERE day >= '2000-01-01'",
        &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return query_asked_fail(page->conn, page->query, code, why);
    if (PQntuples(res) == 1 && !pgexec_is_null(res, 0, 0))
        steps->early_ms = pgexec_get_time(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

static enum err_code steps_begin(struct steps *steps, struct page *page, struct err *why)
{
    const struct query *query = page->query;
    *steps = (struct steps){.least_ms = TIME_BEFORE_MS,
                            .high_ms = TIME_BEYOND_MS,
                            .early_ms = TIME_2000_MS,
                            .span_ms = STEP_LEAST_MS};
    if (query->since_ms != QUERY_NO_TIME && query->since_ms > steps->least_ms)
        steps->least_ms = query->since_ms;
    if (query->until_ms != QUERY_NO_TIME && query->until_ms < steps->high_ms)
        steps->high_ms = query->until_ms;
    if (query->has_after && query->after.not_before_ms + 1 < steps->high_ms)
        steps->high_ms = query->after.not_before_ms + 1;
    return find_early(page, steps, why);
}

/* Of issuers it is known on which days they issued: the others are passed over. *none: no such day is left.
 */
static enum err_code skip_days(struct page *page, struct steps *steps, bool *none, struct err *why)
{
    static const char sql[] =
        "SELECT (max(d.day) + 1)::timestamp AT TIME ZONE 'UTC' FROM unnest($1::int4[]) AS u (id)"
        " CROSS JOIN LATERAL (SELECT max(i.day) AS day FROM issued AS i WHERE i.issuer = u.id"
        " AND i.day <= ($2::timestamptz AT TIME ZONE 'UTC')::date) AS d";
    struct pgexec_args args = {0};
    PGresult *res;
    *none = false;
    if (!page->asked.issuers_given)
        return ERR_OK;
    pgexec_binary(&args, 1007, buf_span(&page->asked.issuers));
    pgexec_time(&args, steps->high_ms - 1);
    enum err_code code = pgexec_cached(page->conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return query_asked_fail(page->conn, page->query, code, why);
    *none = PQntuples(res) == 0 || pgexec_is_null(res, 0, 0);
    int64_t end = *none ? 0 : pgexec_get_time(res, 0, 0);
    if (!*none && end < steps->high_ms)
        steps->high_ms = end;
    PQclear(res);
    return ERR_OK;
}

static void step_choose(struct steps *steps)
{
    int64_t now = clock_wall_ms();
    int64_t from = steps->high_ms < now ? steps->high_ms : now; /* the future is one step */
    steps->low_ms = from - steps->span_ms;
    if (steps->low_ms < steps->early_ms || steps->low_ms < steps->least_ms)
        steps->low_ms = steps->least_ms;
}

/* As long as the next one can be expected to end in time. */
static void step_adapt(const struct page *page, struct steps *steps, int64_t took_ms)
{
    int64_t left = page->deadline_ms - clock_mono_ms();
    if (took_ms > left / 4 && steps->span_ms > STEP_LEAST_MS)
        steps->span_ms /= 2;
    else if (took_ms < left / 16 && steps->span_ms < 8192 * DAY_MS)
        steps->span_ms *= took_ms < left / 64 ? 4 : 2;
}

/* The next page begins below this time. */
static void after_step(struct page *page, int64_t low_ms)
{
    struct query_cursor *after = &page->bounds.after;
    page->bounds.has_after = true;
    after->not_before_ms = low_ms;
    memset(after->tbs_fp, 0xff, sizeof after->tbs_fp);
    after->issuer_id = INT32_MAX;
}

static enum err_code walk_step(struct page *page, struct steps *steps, struct err *why)
{
    bool over = false;
    enum err_code code = ERR_OK;
    step_choose(steps);
    page->bounds.since_ms = steps->low_ms;
    page->bounds.until_ms = steps->high_ms;
    int64_t began = clock_mono_ms();
    while (code == ERR_OK && !over && page->kept < page->query->limit) {
        code = fetch(page, &over, why);
        if (code == ERR_OK && !over && time_is_up(page))
            break;
    }
    if (code != ERR_OK || !over)
        return code;
    steps->high_ms = steps->low_ms;
    steps->any = true;
    if (steps->low_ms > steps->least_ms)
        after_step(page, steps->low_ms);
    step_adapt(page, steps, clock_mono_ms() - began);
    return code;
}

static enum err_code run_walk(struct page *page, struct err *why)
{
    struct query_result *result = page->result;
    struct steps steps;
    bool none = result->no_issuer;
    enum err_code code = steps_begin(&steps, page, why);
    result->walked = true;
    result->searched_to_ms = steps.high_ms < TIME_BEYOND_MS ? steps.high_ms : QUERY_NO_TIME;
    while (code == ERR_OK && !none && steps.high_ms > steps.least_ms && page->kept < page->query->limit &&
           !result->unfinished) {
        code = skip_days(page, &steps, &none, why);
        if (code != ERR_OK || none)
            break;
        code = walk_step(page, &steps, why);
        result->unfinished = page->kept < page->query->limit && time_is_up(page);
    }
    bool got = steps.any || page->kept != 0;
    if (code == ERR_TIMEOUT && got) {
        err_clear(why);
        code = ERR_OK;
        result->unfinished = true;
    }
    result->more = !none && steps.high_ms > steps.least_ms;
    result->unfinished = result->unfinished && result->more;
    result->searched_from_ms =
        page->bounds.has_after && result->more ? page->bounds.after.not_before_ms : page->query->since_ms;
    return code;
}

static enum err_code page_begin(struct page *page, struct err *why)
{
    page->conn->sqlstate[0] = '\0';
    page->deadline_ms = clock_mono_ms() + page->query->timeout_ms;
    page->bounds = (struct query_bounds){.since_ms = page->query->since_ms,
                                         .until_ms = page->query->until_ms,
                                         .has_after = page->query->has_after,
                                         .after = page->query->after};
    *page->result = (struct query_result){
        .since_ms = QUERY_NO_TIME, .searched_from_ms = QUERY_NO_TIME, .searched_to_ms = QUERY_NO_TIME};
    enum err_code code = query_asked_init(&page->asked, page->conn, page->query, why);
    page->result->since_ms = page->asked.since_ms;
    page->result->no_issuer = page->asked.issuers_given && page->asked.issuer_count == 0;
    return code == ERR_OK ? ERR_OK : query_asked_fail(page->conn, page->query, code, why);
}

enum err_code query_run(struct pgconn *conn, const struct query *query, query_each *each, void *arg,
                        struct query_result *result, struct err *why)
{
    struct err own = {0};
    struct page page = {.conn = conn, .query = query, .each = each, .arg = arg, .result = result};
    if (!arena_init(&page.arena, LIMIT_HISTORY_BYTES))
        return err_set(why, ERR_MEMORY, "search: no memory");
    enum err_code code = page_begin(&page, &own);
    if (code == ERR_OK)
        code = page.asked.sql->walk ? run_walk(&page, &own) : run_keyed(&page, &own);
    result->next = page.bounds.after;
    result->more = code == ERR_OK ? result->more : page.bounds.has_after;
    query_asked_fini(&page.asked);
    arena_fini(&page.arena);
    return code == ERR_OK ? ERR_OK : err_set(why, code, "%s", own.text);
}

static enum err_code count_bounded(struct page *page, uint64_t most, struct err *why)
{
    struct pgexec_args args;
    PGresult *res = NULL;
    uint64_t left = most - page->result->total;
    page->bounds.limit = left < INT64_MAX ? (int64_t)left + 1 : INT64_MAX;
    unsigned tries = 0;
    enum err_code code;
    do {
        err_clear(why);
        code = query_begin(page->conn, page->asked.sql->count, page->deadline_ms - clock_mono_ms(),
                           &page->bounds, why);
        query_asked_args(&page->asked, &page->bounds, &args);
        if (code == ERR_OK)
            code = pgexec_cached(page->conn, query_asked_count(&page->asked, page->conn), &args, &res, why);
        pgexec_rollback(page->conn);
    } while (code != ERR_OK && replica_again(page->conn, &tries));
    if (code == ERR_OK)
        page->result->total += (uint64_t)pgexec_get_int(res, 0, 0);
    PQclear(res);
    return code == ERR_OK ? ERR_OK : query_asked_fail(page->conn, page->query, code, why);
}

static enum err_code count_walk(struct page *page, uint64_t most, struct err *why)
{
    struct query_result *result = page->result;
    struct steps steps;
    bool none = result->no_issuer;
    enum err_code code = steps_begin(&steps, page, why);
    result->walked = true;
    result->searched_to_ms = steps.high_ms < TIME_BEYOND_MS ? steps.high_ms : QUERY_NO_TIME;
    while (code == ERR_OK && !none && steps.high_ms > steps.least_ms && result->total <= most) {
        code = skip_days(page, &steps, &none, why);
        if (code != ERR_OK || none)
            break;
        step_choose(&steps);
        page->bounds.since_ms = steps.low_ms;
        page->bounds.until_ms = steps.high_ms;
        int64_t began = clock_mono_ms();
        code = count_bounded(page, most, why);
        if (code != ERR_OK)
            break;
        steps.high_ms = steps.low_ms;
        step_adapt(page, &steps, clock_mono_ms() - began);
    }
    result->unfinished = code == ERR_TIMEOUT;
    result->searched_from_ms = result->unfinished ? steps.high_ms : page->query->since_ms;
    if (code == ERR_TIMEOUT) {
        err_clear(why);
        code = ERR_OK;
    }
    return code;
}

static enum err_code count_one(void *arg, const struct query_row *row, struct err *why)
{
    uint64_t *total = arg;
    (void)row;
    (void)why;
    ++*total;
    return ERR_OK;
}

/* The form is known of a row only when all its places are read. */
static enum err_code count_by_rows(struct page *page, uint64_t most, struct err *why)
{
    struct query_result *result = page->result;
    struct query query = *page->query;
    enum err_code code = ERR_OK;
    bool more = true;
    uint64_t total = 0;
    query.limit = 1000;
    while (code == ERR_OK && more && total <= most && !result->unfinished) {
        struct query_result one;
        int64_t left = page->deadline_ms - clock_mono_ms();
        query.timeout_ms = left > 1 ? (uint32_t)left : 1;
        code = query_run(page->conn, &query, count_one, &total, &one, why);
        more = one.more;
        query.has_after = true;
        query.after = one.next;
        result->walked = one.walked;
        result->unfinished = one.unfinished || (more && time_is_up(page));
        result->searched_from_ms = one.searched_from_ms;
    }
    result->total = total;
    if (code == ERR_TIMEOUT && total != 0) {
        err_clear(why);
        result->unfinished = true;
        code = ERR_OK;
    }
    return code;
}

enum err_code query_count(struct pgconn *conn, const struct query *query, uint64_t most,
                          struct query_result *result, struct err *why)
{
    struct err own = {0};
    struct page page = {.conn = conn, .query = query, .result = result};
    enum err_code code = page_begin(&page, &own);
    if (code == ERR_OK && query->form != QUERY_ANY_FORM)
        code = count_by_rows(&page, most, &own);
    else if (code == ERR_OK)
        code = page.asked.sql->walk ? count_walk(&page, most, &own) : count_bounded(&page, most, &own);
    query_asked_fini(&page.asked);
    result->at_least = result->total > most || result->unfinished;
    if (result->total > most)
        result->total = most;
    return code == ERR_OK ? ERR_OK : err_set(why, code, "%s", own.text);
}

enum err_code query_thin_since(struct pgconn *conn, int64_t *since_ms, struct err *why)
{
    PGresult *res;
    *since_ms = QUERY_NO_TIME;
    enum err_code code = pgexec_run(conn, "SELECT min(since) FROM log_thin", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 1 && !pgexec_is_null(res, 0, 0))
        *since_ms = pgexec_get_time(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

int64_t query_id(int32_t log_id, uint64_t index)
{
    return (int64_t)((uint64_t)(uint32_t)log_id << 40 | (index & UINT64_C(0xffffffffff)));
}
