/* PRIVATE TO db/. Rows of a search by the places that its page gave, as many at once as fit into memory. */
#ifndef CTVIGIL_QUERY_SLICE_H
#define CTVIGIL_QUERY_SLICE_H

#include "db/certrow.h"
#include "db/query_asked.h"

/* Columns of what query_sql.h calls a page. */
enum query_hit { QUERY_HIT_NOT_AFTER, QUERY_HIT_NOT_BEFORE, QUERY_HIT_FP, QUERY_HIT_ISSUER, QUERY_HIT_BYTES };

/* Rows that are read and not handed over yet. */
struct query_slice {
    PGresult *rows;                     /* CERTROW_COLUMNS and the name of the log */
    struct certrow_sightings sightings; /* none where the query is brief */
    int begin;                          /* the hits they belong to */
    int end;
};

/* Hits from `begin` on, before `end`. Inside of a bounded transaction (query_begin.h), which it ends. */
MUST_USE enum err_code query_slice_load(struct query_slice *slice, struct pgconn *conn,
                                        const struct query_asked *asked, const PGresult *hits, int begin,
                                        int end, struct err *why);
void query_slice_free(struct query_slice *slice);

#endif
