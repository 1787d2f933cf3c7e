/* PRIVATE TO db/. Statements for a database that is spread over the nodes of a Citus cluster (db/scaleout.h),
 * where those of a single server do not fit; the others are the same. What differs: a row of cert holds its
 * addresses and keys, cert_apex holds whole rows, each on the shard of its key, and what joins two spread
 * tables has to do it by that key. Parameters and results are those of the statement beside it. */
#ifndef CTVIGIL_SPREAD_H
#define CTVIGIL_SPREAD_H

#include "db/pgexec.h"

extern const char spread_rows_sql[];   /* store_write_rows */
extern const char spread_certs_sql[];  /* store_write_certs */
extern const char spread_hold_sql[];   /* store_write_hold */
extern const char spread_hashes_sql[]; /* store_sha256_staged; spread_fetch_certs has fetched the tiles */

/* The first thing that a transaction which writes rows does; nothing on a single server. Writers go one after
 * the other: two that insert the same certificates on several nodes at once would wait for each other where
 * no single server sees it. And the transaction is committed in two phases whatever it writes; one that
 * changes a single shard alone would be committed there before it is committed here. */
MUST_USE enum err_code spread_turn(struct pgconn *conn, struct err *why);

/* For those whose answer has to be whole, before they read cert or log_tile: ERR_DB_CONFLICT while what the
 * database held is still being copied to the nodes. Nothing on a single server, and no more than a look at a
 * flag once it is known. Outside of transactions. */
MUST_USE enum err_code spread_whole(struct pgconn *conn, struct err *why);

/* A session that began on a single server finds its tables spread: it is ended, and ERR_DB_DOWN. ERR_OK: they
 * are not. */
MUST_USE enum err_code spread_left(struct pgconn *conn, struct err *why);

/* For those who must see what every transaction has stored that was committed before this call; nothing on a
 * single server. On a cluster the nodes hear of a commit after the coordinator has given it, and a node that
 * was lost hears of it when it is back. With spread_whole. Outside of transactions; ERR_DB_CONFLICT: not yet.
 */
MUST_USE enum err_code spread_settle(struct pgconn *conn, struct err *why);

/* A repair joins its temporary tables with rows in a way that shards can not be joined: on a cluster it looks
 * at copies of the rows and tiles that it may be about, in the temporary tables spread_cert and spread_tile.
 * Nothing on a single server. Tiles: of log $1 and the entries from $2 to before $3; rows: of those entries
 * of stage_entry that have or had one, with the tiles of all places of theirs when `log` has its argument. */
MUST_USE enum err_code spread_fetch_tiles(struct pgconn *conn, const struct pgexec_args *stretch,
                                          struct err *why);
MUST_USE enum err_code spread_fetch_certs(struct pgconn *conn, const struct pgexec_args *log,
                                          struct err *why);
/* What a repair has done to cert is done to the copies: after stage_wrong, and after stage_cert. */
MUST_USE enum err_code spread_move_copies(struct pgconn *conn, struct err *why);
MUST_USE enum err_code spread_first_copies(struct pgconn *conn, struct err *why);

/* Temporary tables; after stage_tables (db/stage.h). */
MUST_USE enum err_code spread_session(struct pgconn *conn, struct err *why);

#endif
