/* PRIVATE TO db/. Asks the server, and does not wait for ever: with conn->answer_ms set, a session whose
 * server says nothing for that long in one statement is cut off, and what comes back is the failure of a lost
 * connection. TCP's own limits (pgconn.c) find a machine that is gone; this finds a server that is there and
 * does not move: stopped, or waiting for a disk that does not
 * answer. */
#ifndef CTVIGIL_PGANSWER_H
#define CTVIGIL_PGANSWER_H

#include "db/pgexec.h"

/* As PQexec, PQexecParams, PQprepare and PQexecPrepared, results in binary form. Never NULL unless libpq has
 * nothing to say but the connection's own message. */
MUST_USE PGresult *pganswer_script(struct pgconn *conn, const char *sql);
MUST_USE PGresult *pganswer_params(struct pgconn *conn, const char *sql, const struct pgexec_args *args);
MUST_USE PGresult *pganswer_prepare(struct pgconn *conn, const char *name, const char *sql,
                                    const struct pgexec_args *args);
MUST_USE PGresult *pganswer_prepared(struct pgconn *conn, const char *name, const struct pgexec_args *args);
/* Several of them in one round trip: all are sent before an answer is awaited. */
struct pganswer_step {
    const char *name;
    const char *make; /* its text, where it has to be prepared first; else NULL */
    const struct pgexec_args *args;
    bool made;     /* it is prepared now */
    PGresult *res; /* NULL or PGRES_PIPELINE_ABORTED behind one that failed */
};
void pganswer_steps(struct pgconn *conn, struct pganswer_step *steps, size_t count);
/* As PQputCopyData and PQputCopyEnd, and what is put is sent; 1 or -1. As PQgetResult, after these. */
MUST_USE int pganswer_copy_put(struct pgconn *conn, const char *bytes, int len);
MUST_USE int pganswer_copy_end(struct pgconn *conn, const char *abort_text);
MUST_USE PGresult *pganswer_next(struct pgconn *conn);

#endif
