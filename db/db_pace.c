#include "db/db_pace.h"

#include <stdio.h>
#include <stdlib.h>

#include "db/pgexec.h"

static enum err_code load_operators(struct pgconn *conn, struct db_pace *pace, struct err *why)
{
    static const char sql[] = "SELECT operator, (1000 * least(sum(rate), 1e12))::int8,"
                              " coalesce(1000000 * sum(refused) / nullif(sum(requests), 0), 0)::int8, "
                              "min(hold_until), max(updated_at)"
                              " FROM operator_pace GROUP BY operator ORDER BY operator";
    PGresult *res = NULL;
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    size_t rows = (size_t)PQntuples(res);
    pace->operators = calloc(rows + 1, sizeof *pace->operators);
    must(pace->operators != NULL);
    for (size_t i = 0; i < rows; i++) {
        struct db_pace_operator *row = &pace->operators[i];
        (void)snprintf(row->key, sizeof row->key, "%s", pgexec_get_text(res, (int)i, 0));
        row->rate = (double)pgexec_get_int(res, (int)i, 1) / 1000;
        row->refused = (double)pgexec_get_int(res, (int)i, 2) / 1000000;
        row->hold_until_ms = pgexec_get_time(res, (int)i, 3);
        row->updated_ms = pgexec_get_time(res, (int)i, 4);
    }
    pace->operator_count = rows;
    PQclear(res);
    return ERR_OK;
}

static enum err_code load_given(struct pgconn *conn, struct db_pace *pace, struct err *why)
{
    PGresult *res = NULL;
    enum err_code code =
        pgexec_run(conn, "SELECT id, operator_key FROM log WHERE state <> 'removed' ORDER BY id",
                   &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    size_t rows = (size_t)PQntuples(res);
    pace->given = calloc(rows + 1, sizeof *pace->given);
    must(pace->given != NULL);
    for (size_t i = 0; i < rows; i++) {
        pace->given[i].log_id = (int32_t)pgexec_get_int(res, (int)i, 0);
        (void)snprintf(pace->given[i].key, sizeof pace->given[i].key, "%s", pgexec_get_text(res, (int)i, 1));
    }
    pace->given_count = rows;
    PQclear(res);
    return ERR_OK;
}

enum err_code db_pace_load(struct pgconn *conn, struct db_pace *pace, struct err *why)
{
    *pace = (struct db_pace){.operators = NULL};
    enum err_code code = load_operators(conn, pace, why);
    return code == ERR_OK ? load_given(conn, pace, why) : code;
}

void db_pace_free(struct db_pace *pace)
{
    free(pace->operators);
    free(pace->given);
    *pace = (struct db_pace){.operators = NULL};
}
