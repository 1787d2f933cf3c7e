#include "db/certalike.h"

#include "db/copy.h"
#include "model/cert.h"

#define DAY_S     86400
#define ALIKE_MAX 64

/* One partition, by its index. */
static const char alike_sql[] =
    "SELECT c.log, c.idx, c.tbs_fp = $1 FROM cert AS c WHERE c.tbs_fp >= $2 AND c.tbs_fp <= $3"
    " AND c.not_after >= $4 AND c.not_after <= $5 LIMIT 64";

static int64_t first_ms(int64_t not_after)
{
    return (not_after < DAY_S ? CERT_TIME_MIN : not_after / DAY_S * DAY_S) * 1000;
}

/* Of the day as a tile has it, which ends with 65535. */
static int64_t last_ms(int64_t not_after)
{
    int64_t day = not_after / DAY_S;
    return (day >= 0xffff ? CERT_TIME_MAX : (day + 1) * DAY_S - 1) * 1000;
}

enum err_code certalike_load(struct pgconn *conn, const struct issuance *issuance, struct certalike *alike,
                             struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint8_t low[32] = {0};
    uint8_t high[32];
    *alike = (struct certalike){NULL, false};
    memset(high, 0xff, sizeof high);
    memcpy(low, issuance->tbs_fp, 8);
    memcpy(high, issuance->tbs_fp, 8);
    pgexec_bytes(&args, span_of(issuance->tbs_fp, 32));
    pgexec_bytes(&args, span_of(low, 32));
    pgexec_bytes(&args, span_of(high, 32));
    pgexec_time(&args, first_ms(issuance->not_after));
    pgexec_time(&args, last_ms(issuance->not_after));
    enum err_code code = pgexec_cached(conn, alike_sql, &args, &alike->res, why);
    if (code != ERR_OK)
        return code;
    alike->any = PQntuples(alike->res) == ALIKE_MAX;
    for (int i = 0; i < PQntuples(alike->res); i++)
        alike->any = alike->any || !pgexec_get_bool(alike->res, i, 2);
    return ERR_OK;
}

/* One question for all of them costs a tenth: the leaves are locked once. */
static const char many_sql[] =
    "SELECT u.n FROM unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY"
    " AS u (fp, first, last, n) CROSS JOIN LATERAL (SELECT FROM cert AS c"
    "  WHERE c.tbs_fp >= substring(u.fp FOR 8)"
    "  AND c.tbs_fp <= substring(u.fp FOR 8) || decode(repeat('ff', 24), 'hex') AND c.tbs_fp <> u.fp"
    "  AND c.not_after >= u.first AND c.not_after <= u.last LIMIT 1) AS c";

static enum err_code ask_many(struct pgconn *conn, struct copy *copy, struct certalike_one *ones,
                              size_t count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    copy_begin(copy, NULL, NULL, why);
    for (size_t i = 0; i < count; i++) {
        copy_row(copy, 3);
        copy_bytes(copy, span_of(ones[i].tbs_fp, 32));
        copy_time(copy, first_ms(ones[i].not_after));
        copy_time(copy, last_ms(ones[i].not_after));
    }
    enum err_code code = copy_end(copy);
    if (code != ERR_OK)
        return code;
    copy_bind(copy, &args);
    code = pgexec_cached(conn, many_sql, &args, &res, why);
    for (int i = 0; code == ERR_OK && i < PQntuples(res); i++)
        ones[pgexec_get_int(res, i, 0) - 1].any = true;
    PQclear(res);
    return code;
}

enum err_code certalike_many(struct pgconn *conn, struct certalike_one *ones, size_t count, struct err *why)
{
    static const uint32_t types[] = {COPY_OID_BYTEA, COPY_OID_TIME, COPY_OID_TIME, 0};
    struct copy copy;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count; i++)
        ones[i].any = false;
    if (count == 0)
        return ERR_OK;
    if (conn->spread) {
        for (size_t i = 0; code == ERR_OK && i < count; i++) {
            struct issuance issuance = {.not_after = ones[i].not_after};
            struct certalike alike;
            memcpy(issuance.tbs_fp, ones[i].tbs_fp, 32);
            code = certalike_load(conn, &issuance, &alike, why);
            ones[i].any = alike.any;
            certalike_free(&alike);
        }
        return code;
    }
    if (!copy_init_columns(&copy, types))
        return err_set(why, ERR_MEMORY, "database: no memory for a question");
    code = ask_many(conn, &copy, ones, count, why);
    copy_fini(&copy);
    return code;
}

void certalike_free(struct certalike *alike)
{
    PQclear(alike->res);
    alike->res = NULL;
}

enum certalike_owner certalike_owner(const struct certalike *alike, const struct sighting *place)
{
    if (!alike->any)
        return CERTALIKE_THIS;
    for (int i = 0; i < PQntuples(alike->res); i++)
        if (pgexec_get_int(alike->res, i, 0) == place->log_id &&
            (uint64_t)pgexec_get_int(alike->res, i, 1) == place->index)
            return pgexec_get_bool(alike->res, i, 2) ? CERTALIKE_THIS : CERTALIKE_OTHER;
    return CERTALIKE_DOUBT;
}
