/* Opens the database that the configuration names: a server of the user's own, or the private cluster. */
#ifndef CTVIGIL_DBOPEN_H
#define CTVIGIL_DBOPEN_H

#include "base/err.h"
#include "db/cluster.h"
#include "db/pgconn.h"

struct dbopen {
    struct pgconn *conn;
    char *dsn;               /* for further connections */
    struct cluster *cluster; /* NULL: a server of the user's own */
};

struct dbopen_options {
    const char *dsn;      /* NULL or "": the private cluster */
    const char *dsn_from; /* where dsn was given ("option"), for error texts; NULL: not said */
    const char *dsn_file; /* NULL or "": none; used when dsn is not given */
    const char *key;      /* of both in error texts; NULL: "db.dsn" */
    const char *state_dir;
    const char *program; /* for the cluster's keeper */
    bool reads;          /* nothing is written: a pooler or a replica will do (pgconn_open_reader) */
    bool look;           /* only connects: the schema is neither made nor checked, the list not loaded */
    bool migrate; /* also a server of the user's own gets its schema made or migrated (db init, db migrate) */
};

/* Connects, sees to the schema and loads the public suffix list into the process. The private cluster is
 * made, started and migrated on need; a schema on a server of the user's own is only checked: ERR_DB_SCHEMA
 * says what to run. */
MUST_USE enum err_code dbopen_open(const struct dbopen_options *options, struct dbopen *db, struct err *why);
/* For programs that run long, every now and then: a private cluster that was killed is started again
 * (cluster_keep, with its errors); nothing for a server of the user's own. */
MUST_USE enum err_code dbopen_keep(struct dbopen *db, struct err *why);
/* Looks at the options without connecting: the connection string can be read, and libpq understands it.
 * ERR_CONFIG names the key. */
MUST_USE enum err_code dbopen_check(const struct dbopen_options *options, struct err *why);
void dbopen_close(struct dbopen *db);

#endif
