/* The accounts of logs that contradicted themselves, as they are stored (db/store.h writes them). */
#ifndef CTVIGIL_DB_EVIDENCE_H
#define CTVIGIL_DB_EVIDENCE_H

#include "base/buf.h"
#include "base/err.h"
#include "db/pgconn.h"

struct db_evidence_row {
    int64_t id;
    const char *log; /* name */
    const char *kind;
    uint64_t begin; /* suspect range */
    uint64_t end;
    const char *sentence;
    const char *path; /* of the file with the same account; "": there is none */
    int64_t created_ms;
    bool open; /* nothing that came since shows the log well again from this (view evidence_open) */
};

typedef void db_evidence_each(void *arg, const struct db_evidence_row *row);

/* All of them, the newest first. */
MUST_USE enum err_code db_evidence_list(struct pgconn *conn, db_evidence_each *each, void *arg,
                                        struct err *why);
/* The JSON text of one. ERR_NOT_FOUND. */
MUST_USE enum err_code db_evidence_load(struct pgconn *conn, int64_t id, struct buf *out, struct err *why);
/* The name of the log that is known here under this id and key; "": none, known or followed. */
MUST_USE enum err_code db_evidence_known(struct pgconn *conn, const uint8_t log_id[32], struct span key,
                                         char *name, size_t cap, struct err *why);

#endif
