#include "db/db_coverage.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/pgexec.h"
#include "db/spread.h"

enum err_code db_coverage_parts(struct pgconn *conn, struct db_coverage_part **parts, size_t *count,
                                struct err *why)
{
    PGresult *res = NULL;
    *parts = NULL;
    *count = 0;
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code =
            pgexec_run(conn,
                       "SELECT c.log, c.state, c.range_begin, c.range_end, c.time_begin, c.time_end,"
                       " c.thin FROM coverage AS c JOIN log AS l ON l.id = c.log WHERE l.state <> 'removed'"
                       " ORDER BY c.log, c.range_begin",
                       &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    size_t rows = (size_t)PQntuples(res);
    *parts = calloc(rows + 1, sizeof **parts);
    must(*parts != NULL);
    for (size_t i = 0; i < rows; i++) {
        struct db_coverage_part *part = &(*parts)[i];
        part->log_id = (int32_t)pgexec_get_int(res, (int)i, 0);
        (void)snprintf(part->state, sizeof part->state, "%s", pgexec_get_text(res, (int)i, 1));
        part->begin = (uint64_t)pgexec_get_int(res, (int)i, 2);
        part->end = (uint64_t)pgexec_get_int(res, (int)i, 3);
        part->begin_ms = pgexec_get_time(res, (int)i, 4);
        part->end_ms = pgexec_get_time(res, (int)i, 5);
        part->thin = (uint64_t)pgexec_get_int(res, (int)i, 6);
    }
    *count = rows;
    PQclear(res);
    return ERR_OK;
}

enum err_code db_coverage_gaps(struct pgconn *conn,
                               void (*each)(void *arg, const struct db_coverage_gap *gap), void *arg,
                               struct err *why)
{
    PGresult *res = NULL;
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = pgexec_run(conn,
                          "SELECT reason, operator, name, why, range_begin, range_end, time_begin, time_end"
                          " FROM coverage_gap ORDER BY operator, name, range_begin, reason",
                          &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    for (int i = 0; i < PQntuples(res); i++) {
        struct db_coverage_gap gap = {
            .reason = pgexec_get_text(res, i, 0),
            .operator_name = pgexec_get_text(res, i, 1),
            .log = pgexec_get_text(res, i, 2),
            .why = pgexec_get_text(res, i, 3),
            .has_range = !pgexec_is_null(res, i, 4),
            .begin = (uint64_t)pgexec_get_int(res, i, 4),
            .end = (uint64_t)pgexec_get_int(res, i, 5),
            .begin_ms = pgexec_get_time(res, i, 6),
            .end_ms = pgexec_get_time(res, i, 7),
        };
        each(arg, &gap);
    }
    PQclear(res);
    return ERR_OK;
}

enum err_code db_coverage_claim(struct pgconn *conn, struct db_coverage_claim *claim, struct err *why)
{
    PGresult *res = NULL;
    *claim = (struct db_coverage_claim){.complete = false};
    enum err_code code = spread_whole(conn, why);
    if (code == ERR_OK)
        code = pgexec_run(
            conn,
            "SELECT basis, nullif(since, '-infinity'), until, nullif(unverified_since, '-infinity'),"
            " unverified_until, left_out FROM coverage_claim()",
            &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    (void)snprintf(claim->basis, sizeof claim->basis, "%s", pgexec_get_text(res, 0, 0));
    claim->complete = !pgexec_is_null(res, 0, 2);
    claim->from_first = claim->complete && pgexec_is_null(res, 0, 1);
    claim->since_ms = pgexec_get_time(res, 0, 1);
    claim->until_ms = pgexec_get_time(res, 0, 2);
    claim->unverified = !pgexec_is_null(res, 0, 4);
    claim->unverified_first = claim->unverified && pgexec_is_null(res, 0, 3);
    claim->unverified_since_ms = pgexec_get_time(res, 0, 3);
    claim->unverified_until_ms = pgexec_get_time(res, 0, 4);
    (void)snprintf(claim->left_out, sizeof claim->left_out, "%s", pgexec_get_text(res, 0, 5));
    PQclear(res);
    return ERR_OK;
}
