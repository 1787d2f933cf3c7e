#include "db/store_load.h"

/* Nobody closes the slot before this transaction ends. */
static enum err_code take_slot(struct pgconn *conn, int64_t *slot, struct err *why)
{
    PGresult *res;
    enum err_code code =
        pgexec_cached(conn, "SELECT slot FROM load_state FOR SHARE", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *slot = pgexec_get_int(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

/* A repair asks for the places of its own range. */
static enum err_code note_places(struct pgstore *pg, int64_t slot, struct err *why)
{
    static const char sql[] =
        "INSERT INTO load_place (slot, log, first_index, last_index) VALUES ($1, $2, $3, $4)";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, slot);
    pgexec_int(&args, pg->stage.rows[0].log_id);
    pgexec_int(&args, (int64_t)pg->stage.first_index);
    pgexec_int(&args, (int64_t)pg->stage.last_index);
    enum err_code code = pgexec_cached(pg->conn, sql, &args, &res, why);
    if (code == ERR_OK)
        PQclear(res);
    return code;
}

/* Packed, unless it is more than that holds. */
static enum err_code put_rows(struct pgstore *pg, int64_t slot, size_t *down, struct err *why)
{
    struct stage_sink sink = {&pg->copy, &pg->copy, &pg->copy, slot};
    struct err first = {0};
    enum err_code code = loadpack_put(&pg->pack, &pg->stage, &pg->copy, pg->conn, slot, down, &first);
    if (code == ERR_TOO_BIG)
        return stage_certs(&pg->stage, &sink, pg->conn, down, why);
    return code == ERR_OK ? ERR_OK : err_set(why, code, "%s", first.text);
}

enum err_code store_load_put(struct pgstore *pg, struct err *why)
{
    size_t down = 0;
    int64_t slot = 0;
    if (pg->stage.count == 0)
        return ERR_OK;
    enum err_code code = take_slot(pg->conn, &slot, why);
    if (code != ERR_OK)
        return code;
    pg->stage.until_s = pg->load_before_ms / 1000;
    code = put_rows(pg, slot, &down, why);
    if (code == ERR_OK && down != 0)
        code = note_places(pg, slot, why);
    pg->stage.from_s = pg->stage.until_s;
    pg->stage.until_s = INT64_MAX;
    return code;
}

void store_load_all(struct pgstore *pg)
{
    pg->stage.from_s = INT64_MIN;
    pg->stage.until_s = INT64_MAX;
}
