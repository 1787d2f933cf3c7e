/* PRIVATE TO db/. How every page of a search begins. */
#ifndef CTVIGIL_QUERY_BEGIN_H
#define CTVIGIL_QUERY_BEGIN_H

#include "db/query_asked.h"

/* Columns of what query_sql.h calls a page. */
enum query_hit { QUERY_HIT_NOT_AFTER, QUERY_HIT_NOT_BEFORE, QUERY_HIT_FP, QUERY_HIT_ISSUER, QUERY_HIT_BYTES };

/* What a page found. */
struct query_hits {
    PGresult *res;
    int rows;         /* that are wanted; one more behind them says that there are more */
    bool edge;        /* a twin of the first one may stand in front of it, on another page */
    bool has_row;     /* they came with all that a row holds (struct query_sql, whole) */
    PGresult *places; /* that came with them; NULL: none did */
};

/* Begins a transaction whose statements end after left_ms; no row is handed over inside of it, because
 * whoever gets it may take his time. Fills span_begin_ms and span_end_ms of the bounds: no row that is stored
 * expires outside of them, and partitions there need not be opened. `statement` is the one that follows: a
 * plan for all bounds opens every partition once, which takes longer than some pages, so the first ones of a
 * connection are planned for the bounds they have. pgexec_rollback ends the transaction. */
MUST_USE enum err_code query_begin(struct pgconn *conn, const char *statement, int64_t left_ms,
                                   struct query_bounds *bounds, struct err *why);

/* Begins, and asks for the page, in one round trip where that can be; hits->res only without an error. The
 * bounds are those that the connection saw last, and the page is asked for again where rows have come
 * outside. With hits->has_row places may come, too, where the query wants them, and the transaction may be
 * over then, as it may be where it does not want them. */
MUST_USE enum err_code query_begin_page(struct pgconn *conn, const struct query_asked *asked, int64_t left_ms,
                                        struct query_bounds *bounds, struct query_hits *hits,
                                        struct err *why);
void query_begin_hits_free(struct query_hits *hits);
extern const char query_begin_end_sql[]; /* ends the transaction, as a step behind others */

#endif
