#include "db/db_tiles.h"

#include "db/logrow.h"

enum err_code db_tiles_due(struct pgconn *conn, struct ctlog *log, bool *found, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_run(
        conn,
        "SELECT " LOGROW_COLUMNS " FROM log WHERE listed AND followed AND state <> 'removed'"
        " AND protocol = 'rfc6962' AND tiles IS NULL"
        " AND (tiles_tried_at IS NULL OR tiles_tried_at < now() - interval '1 day')"
        " AND EXISTS (SELECT FROM log_head AS h WHERE h.log = log.id AND h.size >= 256) ORDER BY id LIMIT 1",
        &PGEXEC_NO_ARGS, &res, why);
    *found = false;
    if (code != ERR_OK)
        return code;
    *found = PQntuples(res) == 1 && logrow_get(res, 0, log);
    PQclear(res);
    return ERR_OK;
}

enum err_code db_tiles_note(struct pgconn *conn, int32_t log_id, enum db_tiles tiles, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, log_id);
    if (tiles == DB_TILES_UNKNOWN)
        pgexec_null(&args);
    else
        pgexec_bool(&args, tiles == DB_TILES_THERE);
    return pgexec_do(conn, "UPDATE log SET tiles = $2, tiles_tried_at = now() WHERE id = $1", &args, NULL,
                     why);
}
