/* Which logs of the log list have data tiles beside RFC 6962 (columns log.tiles, log.tiles_tried_at). Such a
 * log is loaded as a hybrid one (db_log_load); what the list says of it stays. */
#ifndef CTVIGIL_DB_TILES_H
#define CTVIGIL_DB_TILES_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/ctlog.h"

/* A followed RFC 6962 log of the list with 256 entries at least, of which it is not known, and that was not
 * asked in the last day. */
MUST_USE enum err_code db_tiles_due(struct pgconn *conn, struct ctlog *log, bool *found, struct err *why);

enum db_tiles { DB_TILES_UNKNOWN, DB_TILES_NONE, DB_TILES_THERE };

/* It was asked just now. */
MUST_USE enum err_code db_tiles_note(struct pgconn *conn, int32_t log_id, enum db_tiles tiles,
                                     struct err *why);

#endif
