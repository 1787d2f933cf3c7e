#include "db/pganswer.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/say.h"

/* Until there is something to read, or `events` to do, or the time is over: then the connection is. */
static void wait_for(struct pgconn *conn, int events, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    struct pollfd socket = {.fd = PQsocket(conn->pg), .events = (short)(POLLIN | events)};
    if (left_ms > 0) {
        (void)poll(&socket, 1, (int)(left_ms < 60000 ? left_ms : 60000));
        return;
    }
    say_warn("db", "the server says nothing for %" PRId64 " s in one statement: connecting again",
             conn->answer_ms / 1000);
    (void)shutdown(socket.fd, SHUT_RDWR);
}

/* Sends what was put down; reads meanwhile, because a server that can not speak does not listen either. */
static bool push(struct pgconn *conn, int64_t until_ms)
{
    int rest = PQflush(conn->pg);
    while (rest == 1) {
        wait_for(conn, POLLOUT, until_ms);
        if (PQconsumeInput(conn->pg) != 1)
            return false;
        rest = PQflush(conn->pg);
    }
    return rest == 0;
}

static PGresult *next_by(struct pgconn *conn, int64_t until_ms)
{
    while (PQisBusy(conn->pg) != 0) {
        wait_for(conn, 0, until_ms);
        if (PQconsumeInput(conn->pg) != 1)
            break;
    }
    return PQgetResult(conn->pg);
}

static bool is_copy(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

static bool is_bounded(struct pgconn *conn)
{
    /* In the middle of a COPY that failed PQexec knows what to do. */
    return conn->answer_ms != 0 && PQtransactionStatus(conn->pg) != PQTRANS_ACTIVE &&
           PQsetnonblocking(conn->pg, 1) == 0;
}

/* The last result, as PQexec gives it. */
static PGresult *take(struct pgconn *conn, int sent)
{
    int64_t until_ms = clock_mono_ms() + conn->answer_ms;
    PGresult *last = NULL;
    PGresult *next = sent == 1 && push(conn, until_ms) ? next_by(conn, until_ms) : NULL;
    while (next != NULL) {
        PQclear(last);
        last = next;
        next = is_copy(last) || PQstatus(conn->pg) == CONNECTION_BAD ? NULL : next_by(conn, until_ms);
    }
    (void)PQsetnonblocking(conn->pg, 0);
    return last;
}

PGresult *pganswer_script(struct pgconn *conn, const char *sql)
{
    return is_bounded(conn) ? take(conn, PQsendQuery(conn->pg, sql)) : PQexec(conn->pg, sql);
}

PGresult *pganswer_params(struct pgconn *conn, const char *sql, const struct pgexec_args *args)
{
    if (is_bounded(conn))
        return take(conn, PQsendQueryParams(conn->pg, sql, args->count, args->types, args->values,
                                            args->lengths, args->formats, 1));
    return PQexecParams(conn->pg, sql, args->count, args->types, args->values, args->lengths, args->formats,
                        1);
}

PGresult *pganswer_prepare(struct pgconn *conn, const char *name, const char *sql,
                           const struct pgexec_args *args)
{
    return is_bounded(conn) ? take(conn, PQsendPrepare(conn->pg, name, sql, args->count, args->types))
                            : PQprepare(conn->pg, name, sql, args->count, args->types);
}

PGresult *pganswer_prepared(struct pgconn *conn, const char *name, const struct pgexec_args *args)
{
    if (is_bounded(conn))
        return take(conn, PQsendQueryPrepared(conn->pg, name, args->count, args->values, args->lengths,
                                              args->formats, 1));
    return PQexecPrepared(conn->pg, name, args->count, args->values, args->lengths, args->formats, 1);
}

static bool send_step(struct pgconn *conn, const struct pganswer_step *step)
{
    const struct pgexec_args *args = step->args;
    if (step->make != NULL && PQsendPrepare(conn->pg, step->name, step->make, args->count, args->types) != 1)
        return false;
    return PQsendQueryPrepared(conn->pg, step->name, args->count, args->values, args->lengths, args->formats,
                               1) == 1;
}

static PGresult *next_any(struct pgconn *conn, bool bounded, int64_t until_ms)
{
    return bounded ? next_by(conn, until_ms) : PQgetResult(conn->pg);
}

/* The results of one statement end with a NULL. */
static PGresult *take_one(struct pgconn *conn, bool bounded, int64_t until_ms)
{
    PGresult *last = NULL;
    for (PGresult *next = next_any(conn, bounded, until_ms); next != NULL;
         next = PQstatus(conn->pg) == CONNECTION_BAD ? NULL : next_any(conn, bounded, until_ms)) {
        PQclear(last);
        last = next;
    }
    return last;
}

/* Everything up to the end of the pipeline, which has a result of its own. */
static bool leave_pipeline(struct pgconn *conn, bool bounded, int64_t until_ms, bool synced)
{
    bool over = !synced;
    while (!over && PQstatus(conn->pg) != CONNECTION_BAD) {
        PGresult *res = next_any(conn, bounded, until_ms);
        over = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
        PQclear(res);
    }
    return PQexitPipelineMode(conn->pg) == 1;
}

void pganswer_steps(struct pgconn *conn, struct pganswer_step *steps, size_t count)
{
    bool bounded = is_bounded(conn);
    int64_t until_ms = clock_mono_ms() + conn->answer_ms;
    bool ok = PQenterPipelineMode(conn->pg) == 1;
    bool entered = ok;
    for (size_t i = 0; i < count; i++) {
        steps[i].made = false;
        steps[i].res = NULL;
        ok = ok && send_step(conn, &steps[i]);
    }
    bool synced = entered && PQpipelineSync(conn->pg) == 1;
    ok = ok && synced && (!bounded || push(conn, until_ms));
    for (size_t i = 0; ok && i < count; i++) {
        PGresult *made = steps[i].make != NULL ? take_one(conn, bounded, until_ms) : NULL;
        steps[i].made = PQresultStatus(made) == PGRES_COMMAND_OK;
        bool failed = steps[i].make != NULL && !steps[i].made;
        PGresult *res = PQstatus(conn->pg) != CONNECTION_BAD ? take_one(conn, bounded, until_ms) : NULL;
        steps[i].res = failed ? made : res;
        PQclear(failed ? res : made);
    }
    bool left = !entered || leave_pipeline(conn, bounded, until_ms, synced);
    /* Nobody knows what the next answer would belong to, or which of the names the server has. */
    if (!left || (entered && !ok && PQsocket(conn->pg) >= 0))
        (void)shutdown(PQsocket(conn->pg), SHUT_RDWR);
    (void)PQsetnonblocking(conn->pg, 0);
}

int pganswer_copy_put(struct pgconn *conn, const char *bytes, int len)
{
    if (conn->answer_ms == 0)
        return PQputCopyData(conn->pg, bytes, len);
    int64_t until_ms = clock_mono_ms() + conn->answer_ms;
    (void)PQsetnonblocking(conn->pg, 1);
    int put = PQputCopyData(conn->pg, bytes, len);
    while (put == 0 && push(conn, until_ms))
        put = PQputCopyData(conn->pg, bytes, len);
    if (put == 1 && !push(conn, until_ms))
        put = -1;
    (void)PQsetnonblocking(conn->pg, 0);
    return put == 1 ? 1 : -1;
}

int pganswer_copy_end(struct pgconn *conn, const char *abort_text)
{
    if (conn->answer_ms == 0)
        return PQputCopyEnd(conn->pg, abort_text);
    int64_t until_ms = clock_mono_ms() + conn->answer_ms;
    (void)PQsetnonblocking(conn->pg, 1);
    int put = PQputCopyEnd(conn->pg, abort_text);
    while (put == 0 && push(conn, until_ms))
        put = PQputCopyEnd(conn->pg, abort_text);
    if (put == 1 && !push(conn, until_ms))
        put = -1;
    (void)PQsetnonblocking(conn->pg, 0);
    return put == 1 ? 1 : -1;
}

PGresult *pganswer_next(struct pgconn *conn)
{
    return conn->answer_ms == 0 ? PQgetResult(conn->pg) : next_by(conn, clock_mono_ms() + conn->answer_ms);
}
