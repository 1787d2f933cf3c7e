/* PRIVATE TO db/. Rows of a search by the places that its page gave, as many at once as fit into memory. */
#ifndef CTVIGIL_QUERY_SLICE_H
#define CTVIGIL_QUERY_SLICE_H

#include "db/certrow.h"
#include "db/query_asked.h"
#include "db/query_begin.h"

/* Rows that are read and not handed over yet. */
struct query_slice {
    const PGresult *rows;
    int row_count;
    int column;                         /* of `rows`, where CERTROW_COLUMNS and the name of the log begin */
    PGresult *own;                      /* `rows`, unless they came with the hits */
    struct certrow_sightings sightings; /* none where the query is brief */
    int begin;                          /* the hits they belong to */
    int end;
};

/* Do all of them hold all that their rows need? */
bool query_slice_is_whole(const struct query_asked *asked, const struct query_hits *hits);

/* Hits from `begin` on. Inside of a bounded transaction (query_begin.h), which it ends. */
MUST_USE enum err_code query_slice_load(struct query_slice *slice, struct pgconn *conn,
                                        const struct query_asked *asked, const struct query_hits *hits,
                                        int begin, struct err *why);
/* All hits, which are whole; they must live as long, and the slice takes their places. Inside of such a
 * transaction, which it ends, where places are wanted and did not come; otherwise nothing is asked. */
MUST_USE enum err_code query_slice_whole(struct query_slice *slice, struct pgconn *conn,
                                         const struct query_asked *asked, struct query_hits *hits,
                                         struct err *why);
void query_slice_free(struct query_slice *slice);

#endif
