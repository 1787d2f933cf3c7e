/* How fast a backfill could be at most: what was stored is copied into tables beside it, by COPY and without
 * any index; and so are the places in logs, with the blocks by which they are found written once, which no
 * backfill can spare, since every place is found by both hashes. */
#ifndef CTVIGIL_DBCEILING_H
#define CTVIGIL_DBCEILING_H

#include "base/buf.h"
#include "bench/dbcost.h"

#define DBCEILING_BYTES ((size_t)128 << 20)

struct dbceiling {
    double row_us;   /* of the server, for a row of cert by COPY */
    double place_us; /* for an entry's place in its log, and its two keys in blocks */
};

static inline void dbceiling_read(PGconn *pg, const char *sql, struct buf *rows)
{
    char *piece = NULL;
    int len;

    PQclear(dbcost_query(pg, sql));
    while ((len = PQgetCopyData(pg, &piece, 0)) > 0) {
        buf_put(rows, span_of(piece, (size_t)len));
        PQfreemem(piece);
    }
    for (PGresult *res = PQgetResult(pg); res != NULL; res = PQgetResult(pg))
        PQclear(res);
    must(len == -1 && buf_ok(rows));
}

/* Into a table that is made for it; `count` gives what is counted there. us each. */
static inline double dbceiling_copy(PGconn *pg, const char *make, const char *count, struct span rows)
{
    struct dbcost cost = {0};

    PQclear(dbcost_query(pg, make));
    dbcost_start(&cost, PQbackendPID(pg));
    PQclear(dbcost_query(pg, "COPY ceiling FROM STDIN (FORMAT binary)"));
    must(PQputCopyData(pg, (const char *)rows.at, (int)rows.len) == 1 && PQputCopyEnd(pg, NULL) == 1);
    for (PGresult *res = PQgetResult(pg); res != NULL; res = PQgetResult(pg)) {
        must(PQresultStatus(res) == PGRES_COMMAND_OK);
        PQclear(res);
    }
    dbcost_stop(&cost, PQbackendPID(pg), 0);
    double all = (double)dbcost_number(pg, count);
    PQclear(dbcost_query(pg, "DROP TABLE ceiling"));
    return all == 0 ? 0 : (double)cost.server_ns / 1e3 / all;
}

static inline void dbceiling_look(PGconn *pg, struct dbceiling *out)
{
    struct buf rows;

    buf_init(&rows, DBCEILING_BYTES);
    dbceiling_read(pg, "COPY (SELECT * FROM public.cert LIMIT 100000) TO STDOUT (FORMAT binary)", &rows);
    out->row_us = dbceiling_copy(pg, "CREATE TABLE ceiling (LIKE public.cert)",
                                 "SELECT count(*) FROM ceiling", buf_span(&rows));
    buf_clear(&rows);
    dbceiling_read(pg, "COPY (SELECT * FROM public.log_tile LIMIT 2000) TO STDOUT (FORMAT binary)", &rows);
    out->place_us = dbceiling_copy(
        pg, "CREATE TABLE ceiling (LIKE public.log_tile INCLUDING STORAGE) WITH (toast_tuple_target = 8160)",
        "SELECT sum(cardinality(fp8))::int8 FROM ceiling", buf_span(&rows));
    buf_clear(&rows);
    dbceiling_read(pg, "COPY (SELECT * FROM public.place_block LIMIT 10000) TO STDOUT (FORMAT binary)",
                   &rows);
    out->place_us += 2 * dbceiling_copy(pg,
                                        "CREATE TABLE ceiling (LIKE public.place_block INCLUDING STORAGE"
                                        " INCLUDING INDEXES)",
                                        "SELECT sum(cardinality(keys))::int8 FROM ceiling", buf_span(&rows));
    buf_fini(&rows);
}

#endif
