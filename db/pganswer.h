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
/* As PQputCopyData and PQputCopyEnd, and what is put is sent; 1 or -1. As PQgetResult, after these. */
MUST_USE int pganswer_copy_put(struct pgconn *conn, const char *bytes, int len);
MUST_USE int pganswer_copy_end(struct pgconn *conn, const char *abort_text);
MUST_USE PGresult *pganswer_next(struct pgconn *conn);

#endif
