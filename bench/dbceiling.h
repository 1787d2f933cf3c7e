/* How fast a backfill could be at most: what was stored is copied into tables beside it, by COPY and without
 * any index, and the places in logs get their two indexes at once, which no backfill can spare, since every
 * place is found by both hashes. */
#ifndef CTVIGIL_DBCEILING_H
#define CTVIGIL_DBCEILING_H

#include "base/buf.h"
#include "bench/dbcost.h"

#define DBCEILING_BYTES ((size_t)128 << 20)

struct dbceiling {
    double row_us;   /* of the server, for a row of cert by COPY */
    double place_us; /* for an entry's place in its log with its keys in both indexes */
};

static inline void dbceiling_read(PGconn *pg, struct buf *rows)
{
    char *piece = NULL;
    int len;

    PQclear(dbcost_query(pg, "COPY (SELECT * FROM public.cert LIMIT 100000) TO STDOUT (FORMAT binary)"));
    while ((len = PQgetCopyData(pg, &piece, 0)) > 0) {
        buf_put(rows, span_of(piece, (size_t)len));
        PQfreemem(piece);
    }
    for (PGresult *res = PQgetResult(pg); res != NULL; res = PQgetResult(pg))
        PQclear(res);
    must(len == -1 && buf_ok(rows));
}

static inline double dbceiling_copy(PGconn *pg, struct span rows)
{
    struct dbcost cost = {0};

    PQclear(dbcost_query(pg, "CREATE TABLE ceiling_cert (LIKE public.cert)"));
    dbcost_start(&cost, PQbackendPID(pg));
    PQclear(dbcost_query(pg, "COPY ceiling_cert FROM STDIN (FORMAT binary)"));
    must(PQputCopyData(pg, (const char *)rows.at, (int)rows.len) == 1 && PQputCopyEnd(pg, NULL) == 1);
    for (PGresult *res = PQgetResult(pg); res != NULL; res = PQgetResult(pg)) {
        must(PQresultStatus(res) == PGRES_COMMAND_OK);
        PQclear(res);
    }
    dbcost_stop(&cost, PQbackendPID(pg), 0);
    double count = (double)dbcost_number(pg, "SELECT count(*) FROM ceiling_cert");
    PQclear(dbcost_query(pg, "DROP TABLE ceiling_cert"));
    return count == 0 ? 0 : (double)cost.server_ns / 1e3 / count;
}

/* By one process, so that all of its time is seen. */
static inline double dbceiling_places(PGconn *pg)
{
    struct dbcost cost = {0};

    PQclear(dbcost_query(pg, "SET max_parallel_maintenance_workers = 0; SET maintenance_work_mem = '64MB'"));
    PQclear(dbcost_query(pg, "CREATE TABLE ceiling_tile (LIKE public.log_tile INCLUDING STORAGE)"
                             " WITH (toast_tuple_target = 8160)"));
    dbcost_start(&cost, PQbackendPID(pg));
    PQclear(dbcost_query(pg, "INSERT INTO ceiling_tile SELECT * FROM public.log_tile LIMIT 2000"));
    PQclear(dbcost_query(pg, "CREATE INDEX ON ceiling_tile USING gin (fp8);"
                             "CREATE INDEX ON ceiling_tile USING gin (sha8)"));
    dbcost_stop(&cost, PQbackendPID(pg), 0);
    double count = (double)dbcost_number(pg, "SELECT sum(cardinality(fp8))::int8 FROM ceiling_tile");
    PQclear(dbcost_query(pg, "DROP TABLE ceiling_tile"));
    return count == 0 ? 0 : (double)cost.server_ns / 1e3 / count;
}

static inline void dbceiling_look(PGconn *pg, struct dbceiling *out)
{
    struct buf rows;

    buf_init(&rows, DBCEILING_BYTES);
    dbceiling_read(pg, &rows);
    out->row_us = dbceiling_copy(pg, buf_span(&rows));
    out->place_us = dbceiling_places(pg);
    buf_fini(&rows);
}

#endif
