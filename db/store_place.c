#include "db/store_place.h"

#include "db/facts.h"
#include "db/pgexec.h"
#include "db/pgstore.h"
#include "db/store_write.h"

/* fp8 is the first eight bytes as one big-endian number. */
static void get_place(const PGresult *res, int row, struct store_place *place)
{
    uint64_t fp8 = (uint64_t)pgexec_get_int(res, row, 1);
    struct span info = pgexec_get_bytes(res, row, 2);
    if (info.len != 7)
        return;
    place->known = true;
    place->precert = info.at[6] != FACTS_FORM_FINAL;
    for (int i = 0; i < 6; i++)
        place->timestamp_ms = place->timestamp_ms << 8 | info.at[i];
    for (int i = 0; i < 8; i++)
        place->fp8[i] = (uint8_t)(fp8 >> (56 - 8 * i));
}

enum err_code store_place_list(struct store *store, int32_t log_id, uint64_t begin, struct store_place *out,
                               size_t count, struct err *why)
{
    /* Final certificates and precertificates: what could not be read, or was not stored, is none. */
    static const char sql[] =
        "SELECT i, t.fp8[(i - t.first_index + 1)::int4],"
        " substring(t.info FROM (9 * (i - t.first_index) + 1)::int4 FOR 7)"
        " FROM generate_series($2::int8, $3::int8) AS i JOIN log_tile AS t ON t.log = $1::int2"
        "  AND t.tile = i / 256 AND t.first_index <= i AND t.last_index >= i"
        " WHERE substring(t.info FROM (9 * (i - t.first_index) + 7)::int4 FOR 1)"
        "  IN ('\\x00'::bytea, '\\x01'::bytea, '\\x04'::bytea)";
    struct pgstore *pg = pgstore_of(store);
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res;
    memset(out, 0, count * sizeof *out);
    if (count == 0)
        return ERR_OK;
    enum err_code code = store_write_ready(pg, why);
    if (code != ERR_OK)
        return code;
    pgexec_int(&args, log_id);
    pgexec_int(&args, (int64_t)begin);
    pgexec_int(&args, (int64_t)(begin + count - 1));
    code = pgexec_run(pg->conn, sql, &args, &res, why);
    for (int row = 0; code == ERR_OK && row < PQntuples(res); row++) {
        uint64_t index = (uint64_t)pgexec_get_int(res, row, 0);
        must(index >= begin && index - begin < count);
        get_place(res, row, &out[index - begin]);
    }
    if (code == ERR_OK)
        PQclear(res);
    return code;
}
