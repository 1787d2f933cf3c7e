/* A database that is spread over the nodes of a Citus cluster: cert and what grows with it lie in shards,
 * each by the key of its domain; the rest stays on the coordinator, to which every program connects. What
 * that changes, and what it can not do: docs/scale.md. Writing and asking in it: db/spread.h. */
#ifndef CTVIGIL_SCALEOUT_H
#define CTVIGIL_SCALEOUT_H

#include "base/err.h"
#include "db/pgconn.h"

#define SCALEOUT_NODES_MAX  64
#define SCALEOUT_SHARDS     32 /* of each table, when nobody says how many */
#define SCALEOUT_SHARDS_MAX 4096

/* Told before each step of scaleout_run: the suffix of a partition, or what is done. */
typedef void scaleout_told(void *arg, const char *step);

/* Spreads a database whose schema is complete; nothing when it is. What it holds is copied, partition by
 * partition; who is killed on the way is followed by whoever calls this next, and nobody writes until it has
 * ended. Sessions of other programs are ended. ERR_CONFIG: the server has no Citus, or it knows no nodes.
 * ERR_DB_CONFLICT: a backfill or a change of the public suffix list has not ended. */
MUST_USE enum err_code scaleout_run(struct pgconn *conn, unsigned shards, scaleout_told *told, void *arg,
                                    struct err *why);
/* What scaleout_run would run, as migrate_plan (db/migrate.h); nothing when the database is spread. */
typedef void scaleout_step(void *arg, const char *name, const char *sql);
MUST_USE enum err_code scaleout_plan(struct pgconn *conn, scaleout_step *each, void *arg, struct err *why);
/* After the steps of the schema, and whenever they are looked for: brings the functions of a spread database
 * back. Nothing on a single server. */
MUST_USE enum err_code scaleout_functions(struct pgconn *conn, struct err *why);

struct scaleout_node {
    char host[256];
    unsigned port;
    bool coordinator;
    bool active;
    bool reached;
    int64_t shards; /* of cert and the tables that go with it, partitions counted as one */
    int64_t bytes;
    int64_t prepared; /* transactions that were prepared and not ended more than a minute ago */
};

struct scaleout_state {
    bool spread;
    bool moving; /* scaleout_run has not ended */
    unsigned shards;
    char citus[64]; /* its version */
    struct scaleout_node node[SCALEOUT_NODES_MAX];
    size_t count;
};

MUST_USE enum err_code scaleout_look(struct pgconn *conn, struct scaleout_state *state, struct err *why);

#endif
