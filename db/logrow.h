/* PRIVATE TO db/: holds libpq types. One row of log as the struct that everybody else works with. */
#ifndef CTVIGIL_LOGROW_H
#define CTVIGIL_LOGROW_H

#include "db/pgexec.h"
#include "model/ctlog.h"

/* The first columns of a query over log that logrow_get reads. */
#define LOGROW_COLUMNS                                                                                       \
    "id, name, CASE WHEN tiles AND protocol = 'rfc6962' THEN 'hybrid' ELSE protocol END, url, "              \
    "submission_url,"                                                                                        \
    " origin, log_id, key, operator_key, page, page_align"
#define LOGROW_COUNT 11

/* False: the row holds what this program does not know, such as the protocol of a later one. */
MUST_USE bool logrow_get(const PGresult *res, int row, struct ctlog *log);

#endif
