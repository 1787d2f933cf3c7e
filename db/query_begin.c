#include "db/query_begin.h"

#include <stdio.h>

#include "base/clock.h"
#include "db/certrow.h"
#include "db/pgsteps.h"
#include "db/spread.h"

#define TIME_BEYOND_MS INT64_C(253402300800000)
#define TIME_BEFORE_MS INT64_C(-62135596800001)
#define PLAN_AFTER     3 /* pages of a kind */

static const char begin_sql[] = "BEGIN READ ONLY";
const char query_begin_end_sql[] = "ROLLBACK";

/* The last of these is what PGEXEC_IDLE_LONG does. */
static const char bounds_sql[] =
    "SELECT set_config('statement_timeout', $1, true), set_config('plan_cache_mode', $2, true), s.lower,"
    " s.upper, set_config('idle_in_transaction_session_timeout', '0', true) FROM cert_span AS s";

struct settings {
    char wait_ms[24];
    struct pgexec_args args;
};

static void put_settings(struct settings *set, const struct pgconn *conn, const char *statement,
                         int64_t left_ms)
{
    /* A cluster has to see the key to know the shard. */
    bool early = conn->spread || pgexec_uses(conn, statement) < PLAN_AFTER;
    set->args = PGEXEC_NO_ARGS;
    (void)snprintf(set->wait_ms, sizeof set->wait_ms, "%" PRId64, left_ms > 1 ? left_ms : 1);
    pgexec_text(&set->args, set->wait_ms);
    pgexec_text(&set->args, early ? "force_custom_plan" : "force_generic_plan");
}

static void take_bounds(struct pgconn *conn, struct query_bounds *bounds, const PGresult *res)
{
    bounds->span_begin_ms = TIME_BEFORE_MS;
    bounds->span_end_ms = TIME_BEYOND_MS;
    if (PQntuples(res) == 1) {
        bounds->span_begin_ms = pgexec_get_time(res, 0, 2);
        bounds->span_end_ms = pgexec_get_time(res, 0, 3);
    }
    conn->span_known = true;
    conn->span_begin_ms = bounds->span_begin_ms;
    conn->span_end_ms = bounds->span_end_ms;
}

static enum err_code go_on(const struct pgconn *conn, struct err *why)
{
    bool stopped = conn->stop != NULL && atomic_load(conn->stop);
    return stopped ? err_set(why, ERR_CLOSED, "search: interrupted") : ERR_OK;
}

enum err_code query_begin(struct pgconn *conn, const char *statement, int64_t left_ms,
                          struct query_bounds *bounds, struct err *why)
{
    struct settings set;
    PGresult *res = NULL;
    put_settings(&set, conn, statement, left_ms);
    enum err_code code = go_on(conn, why);
    if (code == ERR_OK)
        code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = pgexec_begin_as(conn, begin_sql, why);
    if (code == ERR_OK)
        code = pgexec_cached(conn, bounds_sql, &set.args, &res, why);
    if (code == ERR_OK)
        take_bounds(conn, bounds, res);
    PQclear(res);
    return code;
}

static enum err_code ask_apart(struct pgconn *conn, const struct query_asked *asked, int64_t left_ms,
                               struct query_bounds *bounds, struct query_hits *hits, struct err *why)
{
    struct pgexec_args args;
    const char *page = query_asked_page(asked, conn);
    enum err_code code = query_begin(conn, page, left_ms, bounds, why);
    query_asked_args(asked, bounds, &args);
    return code == ERR_OK ? pgexec_cached(conn, page, &args, &hits->res, why) : code;
}

/* Steps of a page in one trip. */
enum step { STEP_BEGIN, STEP_BOUNDS, STEP_PAGE, STEP_FORMS, STEPS_MOST = STEP_FORMS + 2 };

/* Rows that come outside of the span widen it before they can be seen, and the page sees what was committed
 * before its own beginning, so after the span was read. */
static enum err_code together(struct pgconn *conn, const struct query_asked *asked, int64_t left_ms,
                              struct query_bounds *bounds, struct query_hits *hits, struct err *why)
{
    const char *page = query_asked_page(asked, conn);
    struct settings set;
    struct pgexec_args args;
    struct pgexec_args none = PGEXEC_NO_ARGS;
    int64_t until_ms = clock_mono_ms() + left_ms;
    bounds->span_begin_ms = conn->span_begin_ms;
    bounds->span_end_ms = conn->span_end_ms;
    put_settings(&set, conn, page, left_ms);
    query_asked_args(asked, bounds, &args);
    struct pgstep steps[STEPS_MOST] = {[STEP_BEGIN] = {.sql = begin_sql, .args = &none},
                                       [STEP_BOUNDS] = {.sql = bounds_sql, .args = &set.args},
                                       [STEP_PAGE] = {.sql = page, .args = &args}};
    size_t count = STEP_FORMS;
    if (hits->has_row && query_asked_wants_places(asked))
        steps[count++] = (struct pgstep){.sql = certrow_forms_left_sql, .args = &none};
    if (hits->has_row)
        steps[count++] = (struct pgstep){.sql = query_begin_end_sql, .args = &none};
    enum err_code code = go_on(conn, why);
    if (code == ERR_OK)
        code = pgsteps_run(conn, steps, count, why);
    if (code != ERR_OK)
        return code;
    struct query_bounds asked_for = *bounds;
    take_bounds(conn, bounds, steps[STEP_BOUNDS].res);
    hits->res = steps[STEP_PAGE].res;
    bool places = count == STEPS_MOST;
    hits->places = places ? steps[STEP_FORMS].res : NULL;
    PQclear(steps[STEP_BEGIN].res);
    PQclear(steps[STEP_BOUNDS].res);
    if (hits->has_row)
        PQclear(steps[count - 1].res);
    if (bounds->span_begin_ms >= asked_for.span_begin_ms && bounds->span_end_ms <= asked_for.span_end_ms)
        return ERR_OK;
    query_begin_hits_free(hits);
    pgexec_rollback(conn);
    return ask_apart(conn, asked, until_ms - clock_mono_ms(), bounds, hits, why);
}

void query_begin_hits_free(struct query_hits *hits)
{
    PQclear(hits->res);
    PQclear(hits->places);
    hits->res = hits->places = NULL;
}

enum err_code query_begin_page(struct pgconn *conn, const struct query_asked *asked, int64_t left_ms,
                               struct query_bounds *bounds, struct query_hits *hits, struct err *why)
{
    hits->has_row = query_asked_whole(asked, conn);
    hits->res = hits->places = NULL;
    if (conn->span_known && !conn->pooled && !conn->spread)
        return together(conn, asked, left_ms, bounds, hits, why);
    return ask_apart(conn, asked, left_ms, bounds, hits, why);
}
