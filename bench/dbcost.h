/* What something costs: entries, time on the wall, processor time of this thread and of the server's process
 * for it, or of all threads and processes of both. Processor time is what can be compared when other work
 * shares the machine. */
#ifndef CTVIGIL_DBCOST_H
#define CTVIGIL_DBCOST_H

#include <dirent.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "bench/certmill.h"

struct dbcost {
    uint64_t entries;
    bool whole; /* all threads, and all processes of the server */
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

/* Its parent, and the processor time of those of its children that ended, from /proc/PID/stat. */
static inline bool dbcost_stat(int pid, int *parent, int64_t *ended_ns)
{
    char path[64];
    char line[1024] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    const char *rest = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    (void)fclose(file);
    int64_t field[17] = {0}; /* counted from the name, which is the second one of all */
    for (size_t i = 1; rest != NULL && i < countof(field); i++) {
        rest = strchr(rest, ' ');
        rest = rest == NULL ? NULL : rest + 1;
        if (rest != NULL && i > 1 && !text_int(span_of(rest, strcspn(rest, " ")), &field[i]))
            rest = NULL;
    }
    *parent = (int)field[2];
    *ended_ns = (field[14] + field[15]) * (1000000000 / sysconf(_SC_CLK_TCK));
    return rest != NULL;
}

/* Of all processes of the server that `pid` is one of, also of those that ended meanwhile. */
static inline int64_t dbcost_all_ns(int pid)
{
    int server;
    int parent;
    int64_t sum = 0;
    int64_t ignored;
    DIR *dir = opendir("/proc");

    if (dir == NULL || !dbcost_stat(pid, &server, &ignored) || !dbcost_stat(server, &parent, &sum)) {
        if (dir != NULL)
            (void)closedir(dir);
        return 0;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        int64_t child;
        if (text_int(span_str(entry->d_name), &child) && dbcost_stat((int)child, &parent, &ignored) &&
            parent == server)
            sum += dbcost_server_ns((int)child);
    }
    (void)closedir(dir);
    return sum;
}

static inline int64_t dbcost_client_ns(bool whole)
{
    struct timespec now;

    if (!whole)
        return certmill_cpu_ns();
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void dbcost_start(struct dbcost *cost, int pid)
{
    cost->since_server = cost->whole ? dbcost_all_ns(pid) : dbcost_server_ns(pid);
    cost->since_client = dbcost_client_ns(cost->whole);
    cost->since_wall = clock_mono_ns();
}

static inline void dbcost_stop(struct dbcost *cost, int pid, uint64_t entries)
{
    cost->wall_ns += clock_mono_ns() - cost->since_wall;
    cost->client_ns += dbcost_client_ns(cost->whole) - cost->since_client;
    cost->server_ns += (cost->whole ? dbcost_all_ns(pid) : dbcost_server_ns(pid)) - cost->since_server;
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
