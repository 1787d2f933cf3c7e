#include "db/pgwait.h"

#include <poll.h>

#include "base/clock.h"

#define LOOK_MS  200
#define AGAIN_MS 1000

static bool is_wanted(const atomic_bool *stop)
{
    return stop == NULL || !atomic_load(stop);
}

static void cancel(PGconn *pg)
{
    char ignored[256];
    PGcancel *cancel = PQgetCancel(pg);
    if (cancel != NULL && PQcancel(cancel, ignored, sizeof ignored) == 0)
        ignored[0] = '\0'; /* it is asked again, or ends by itself */
    PQfreeCancel(cancel);
}

/* Until the answer is there; true when it was cancelled on the way: again and again, for a server that has
 * not read the statement yet has nothing to cancel. */
static bool wait_for(PGconn *pg, const atomic_bool *stop)
{
    bool cancelled = false;
    int64_t again_ms = 0;
    /* Taking input moves all of it that is not looked at yet: once a row that would be the square of it. */
    while (PQisBusy(pg) != 0) {
        struct pollfd socket = {.fd = PQsocket(pg), .events = POLLIN};
        (void)poll(&socket, 1, LOOK_MS);
        if (PQconsumeInput(pg) != 1)
            break;
        if (is_wanted(stop) || (cancelled && clock_mono_ms() < again_ms))
            continue;
        cancel(pg);
        cancelled = true;
        again_ms = clock_mono_ms() + AGAIN_MS;
    }
    return cancelled;
}

static enum err_code send(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                          const atomic_bool *stop, struct err *why)
{
    if (!is_wanted(stop))
        return err_set(why, ERR_CLOSED, "the program ends");
    if (PQsendQueryParams(conn->pg, sql, args->count, args->types, args->values, args->lengths, args->formats,
                          1) != 1)
        return pgexec_fail(conn, NULL, why);
    return ERR_OK;
}

/* What the last result says, which is freed unless it is a good one. */
static enum err_code judge(struct pgconn *conn, PGresult *got, bool cancelled, struct err *why)
{
    ExecStatusType status = PQresultStatus(got);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return ERR_OK;
    enum err_code code = pgexec_fail(conn, got, why);
    PQclear(got);
    if (!cancelled || strcmp(conn->sqlstate, "57014") != 0)
        return code;
    err_clear(why);
    return err_set(why, ERR_CLOSED, "the program ends");
}

enum err_code pgwait_run(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                         const atomic_bool *stop, PGresult **res, struct err *why)
{
    *res = NULL;
    enum err_code code = send(conn, sql, args, stop, why);
    if (code != ERR_OK)
        return code;
    bool cancelled = wait_for(conn->pg, stop);
    PGresult *got = NULL;
    for (PGresult *next = PQgetResult(conn->pg); next != NULL; next = PQgetResult(conn->pg)) {
        PQclear(got);
        got = next;
    }
    code = judge(conn, got, cancelled, why);
    *res = code == ERR_OK ? got : NULL;
    return code;
}

enum err_code pgwait_rows(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                          const atomic_bool *stop, pgwait_each *each, void *arg, struct err *why)
{
    enum err_code code = send(conn, sql, args, stop, why);
    if (code != ERR_OK)
        return code;
    must(PQsetSingleRowMode(conn->pg) == 1);
    PGresult *got = NULL;
    bool wanted = true;
    bool cancelled = false;
    for (;;) {
        cancelled = wait_for(conn->pg, stop) || cancelled;
        PGresult *next = PQgetResult(conn->pg);
        if (next == NULL)
            break;
        PQclear(got);
        got = next;
        if (PQresultStatus(got) == PGRES_SINGLE_TUPLE && wanted && !each(arg, got)) {
            wanted = false;
            cancel(conn->pg);
        }
    }
    code = judge(conn, got, cancelled || !wanted, why);
    if (code == ERR_OK)
        PQclear(got);
    if (wanted || code != ERR_CLOSED || cancelled)
        return code;
    err_clear(why);
    return ERR_OK;
}

enum err_code pgwait_do(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                        const atomic_bool *stop, struct err *why)
{
    PGresult *res;
    enum err_code code = pgwait_run(conn, sql, args, stop, &res, why);
    PQclear(res);
    return code;
}

enum err_code pgwait_number(struct pgconn *conn, const char *sql, const struct pgexec_args *args,
                            const atomic_bool *stop, int64_t *value, struct err *why)
{
    PGresult *res;
    enum err_code code = pgwait_run(conn, sql, args, stop, &res, why);
    *value = code == ERR_OK && PQntuples(res) != 0 ? pgexec_get_int(res, 0, 0) : 0;
    PQclear(res);
    return code;
}
