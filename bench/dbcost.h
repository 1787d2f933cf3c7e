/* What something costs: entries, time on the wall, processor time of this thread and of the server's process
 * for it. Processor time is what can be compared when other work shares the machine. */
#ifndef CTVIGIL_DBCOST_H
#define CTVIGIL_DBCOST_H

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "bench/certmill.h"

struct dbcost {
    uint64_t entries;
    int64_t wall_ns;
    int64_t client_ns;
    int64_t server_ns;
    int64_t since_wall;
    int64_t since_client;
    int64_t since_server;
};

/* 0 where the server's processes can not be seen. */
static inline int64_t dbcost_server_ns(int pid)
{
    char path[64];
    char line[128] = "";
    int64_t value = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof line, file) != NULL)
        value = text_int(span_of(line, strcspn(line, " ")), &value) ? value : 0;
    (void)fclose(file);
    return value;
}

static inline void dbcost_start(struct dbcost *cost, int pid)
{
    cost->since_server = dbcost_server_ns(pid);
    cost->since_client = certmill_cpu_ns();
    cost->since_wall = clock_mono_ns();
}

static inline void dbcost_stop(struct dbcost *cost, int pid, uint64_t entries)
{
    cost->wall_ns += clock_mono_ns() - cost->since_wall;
    cost->client_ns += certmill_cpu_ns() - cost->since_client;
    cost->server_ns += dbcost_server_ns(pid) - cost->since_server;
    cost->entries += entries;
}

static inline double dbcost_rate(const struct dbcost *cost)
{
    return cost->wall_ns == 0 ? 0 : (double)cost->entries * 1e9 / (double)cost->wall_ns;
}

/* Entries for a second of processor time of the server alone, and of both. */
static inline double dbcost_server_rate(const struct dbcost *cost)
{
    return cost->server_ns == 0 ? 0 : (double)cost->entries * 1e9 / (double)cost->server_ns;
}

static inline double dbcost_both_rate(const struct dbcost *cost)
{
    int64_t both = cost->client_ns + cost->server_ns;

    return cost->server_ns == 0 ? 0 : (double)cost->entries * 1e9 / (double)both;
}

static inline PGresult *dbcost_query(PGconn *pg, const char *sql)
{
    PGresult *res = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(res);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN &&
        status != PGRES_COPY_OUT) {
        fprintf(stderr, "bench_db: %s", PQerrorMessage(pg));
        exit(4);
    }
    return res;
}

static inline int64_t dbcost_number(PGconn *pg, const char *sql)
{
    int64_t value = 0;
    PGresult *res = dbcost_query(pg, sql);

    must(text_int(span_str(PQgetvalue(res, 0, 0)), &value));
    PQclear(res);
    return value;
}

#endif
