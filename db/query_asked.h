/* PRIVATE TO db/. From a query to a statement and its parameters: which statement, which key, which patterns.
 */
#ifndef CTVIGIL_QUERY_ASKED_H
#define CTVIGIL_QUERY_ASKED_H

#include "base/buf.h"
#include "db/pgexec.h"
#include "db/query.h"
#include "db/query_sql.h"

struct query_asked {
    const struct query *query;
    const struct query_sql *sql;
    bool has_key;
    int64_t key;
    struct buf piece[3]; /* what $12 to $14 are made of */
    const char *text[3]; /* the same, where it is text */
    int64_t other_key;
    bool old_rows;      /* rows without the column others are to be found, too */
    bool issuers_given; /* false: of all issuers */
    size_t issuer_count;
    struct buf issuers; /* int4[] */
    int64_t since_ms;   /* see struct query_result */
};

/* Asks the database for what has to be known before: issuers, public suffixes below a name. Free it with
 * query_asked_fini in any case. */
MUST_USE enum err_code query_asked_init(struct query_asked *asked, struct pgconn *conn,
                                        const struct query *query, struct err *why);
void query_asked_fini(struct query_asked *asked);

/* A page's bounds; the other ones are those of the query. */
struct query_bounds {
    int64_t since_ms;
    int64_t until_ms;
    bool has_after;
    struct query_cursor after;
    int64_t limit;
    int64_t span_begin_ms; /* no row expires before */
    int64_t span_end_ms;   /* or at this time or later */
};

/* All parameters of asked->sql. They point into `asked` and `bounds`. */
void query_asked_args(const struct query_asked *asked, const struct query_bounds *bounds,
                      struct pgexec_args *args);

/* Are places in logs to be read? */
bool query_asked_wants_places(const struct query_asked *asked);

/* The texts for the kind of database that is connected. A page comes with its rows (query_sql.h, whole) where
 * there is such a statement and the page is not long. The one for rows by their places may get an argument
 * more; `twins`: with what sightings are divided by. */
bool query_asked_whole(const struct query_asked *asked, const struct pgconn *conn);
const char *query_asked_page(const struct query_asked *asked, const struct pgconn *conn);
const char *query_asked_count(const struct query_asked *asked, const struct pgconn *conn);
const char *query_asked_rows(const struct query_asked *asked, const struct pgconn *conn, bool twins,
                             struct pgexec_args *args);

/* The error in words of ours. What the server said, and SQL could stand in, goes to the debug level. */
enum err_code query_asked_fail(const struct pgconn *conn, const struct query *query, enum err_code code,
                               struct err *why);

#endif
