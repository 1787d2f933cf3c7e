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

static struct span frontier_bytes(const struct compact *frontier, uint64_t size,
                                  uint8_t room[COMPACT_BYTES_MAX])
{
    return frontier == NULL || frontier->size != size ? SPAN_NONE
                                                      : span_of(room, compact_store(frontier, room));
}

/* A repair asks for the places of its own range; and what is damaged is read again from there to there. */
static enum err_code note_places(struct pgstore *pg, int64_t slot, const struct store_settle *settle,
                                 struct err *why)
{
    static const char sql[] =
        "INSERT INTO load_place (slot, log, first_index, last_index, begin_frontier, end_frontier)"
        " VALUES ($1, $2, $3, $4, $5, $6)";
    const struct store_range *range = settle->range;
    uint8_t begin[COMPACT_BYTES_MAX];
    uint8_t end[COMPACT_BYTES_MAX];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    pgexec_int(&args, slot);
    pgexec_int(&args, range->log_id);
    pgexec_int(&args, (int64_t)range->next);
    pgexec_int(&args, (int64_t)settle->next - 1);
    pgexec_bytes(&args, frontier_bytes(&range->frontier, range->next, begin));
    pgexec_bytes(&args, frontier_bytes(settle->frontier, settle->next, end));
    enum err_code code = pgexec_cached(pg->conn, sql, &args, &res, why);
    if (code == ERR_OK)
        PQclear(res);
    return code;
}

/* Packed, unless it is more than that holds. */
static enum err_code put_rows(struct pgstore *pg, const struct loadpack_of *of, size_t *down, struct err *why)
{
    struct stage_sink sink = {&pg->copy, &pg->copy, &pg->copy, of->slot};
    struct err first = {0};
    enum err_code code = loadpack_put(&pg->pack, &pg->stage, &pg->copy, pg->conn, of, down, &first);
    if (code == ERR_TOO_BIG)
        return stage_certs(&pg->stage, &sink, pg->conn, down, why);
    return code == ERR_OK ? ERR_OK : err_set(why, code, "%s", first.text);
}

enum err_code store_load_put(struct pgstore *pg, const struct store_settle *settle, struct err *why)
{
    struct loadpack_of of = {.log_id = settle->range->log_id, .first_index = settle->range->next};
    size_t down = 0;
    if (pg->stage.count == 0)
        return ERR_OK;
    enum err_code code = take_slot(pg->conn, &of.slot, why);
    if (code != ERR_OK)
        return code;
    pg->stage.until_s = pg->load_before_ms / 1000;
    code = put_rows(pg, &of, &down, why);
    if (code == ERR_OK && down != 0)
        code = note_places(pg, of.slot, settle, why);
    pg->stage.from_s = pg->stage.until_s;
    pg->stage.until_s = INT64_MAX;
    return code;
}

enum err_code store_load_doubt(struct pgstore *pg, const struct store_settle *settle, struct err *why)
{
    static const char sql[] = "UPDATE load_place SET begin_frontier = NULL, end_frontier = NULL"
                              " WHERE log = $1 AND last_index >= $2";
    const struct store_range *range = settle->range;
    const struct compact *was = &range->frontier;
    const struct compact *is = settle->frontier;
    struct pgexec_args args = PGEXEC_NO_ARGS;
    if (is == NULL || (was->size == is->size && memcmp(was->hash, is->hash, 32 * compact_count(is)) == 0))
        return ERR_OK;
    pgexec_int(&args, range->log_id);
    pgexec_int(&args, (int64_t)range->verified);
    return pgexec_do(pg->conn, sql, &args, NULL, why);
}

void store_load_all(struct pgstore *pg)
{
    pg->stage.from_s = INT64_MIN;
    pg->stage.until_s = INT64_MAX;
}
