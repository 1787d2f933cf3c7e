#include "db/certalike.h"

#include "model/cert.h"

#define DAY_S     86400
#define ALIKE_MAX 64

/* One partition, by its index. */
static const char alike_sql[] =
    "SELECT c.log, c.idx, c.tbs_fp = $1 FROM cert AS c WHERE c.tbs_fp >= $2 AND c.tbs_fp <= $3"
    " AND c.not_after >= $4 AND c.not_after <= $5 LIMIT 64";

enum err_code certalike_load(struct pgconn *conn, const struct issuance *issuance, struct certalike *alike,
                             struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint8_t low[32] = {0};
    uint8_t high[32];
    int64_t not_after = issuance->not_after;
    int64_t day = not_after / DAY_S;
    *alike = (struct certalike){NULL, false};
    memset(high, 0xff, sizeof high);
    memcpy(low, issuance->tbs_fp, 8);
    memcpy(high, issuance->tbs_fp, 8);
    pgexec_bytes(&args, span_of(issuance->tbs_fp, 32));
    pgexec_bytes(&args, span_of(low, 32));
    pgexec_bytes(&args, span_of(high, 32));
    pgexec_time(&args, (not_after < DAY_S ? CERT_TIME_MIN : day * DAY_S) * 1000);
    pgexec_time(&args, (day >= 0xffff ? CERT_TIME_MAX : (day + 1) * DAY_S - 1) * 1000);
    enum err_code code = pgexec_cached(conn, alike_sql, &args, &alike->res, why);
    if (code != ERR_OK)
        return code;
    alike->any = PQntuples(alike->res) == ALIKE_MAX;
    for (int i = 0; i < PQntuples(alike->res); i++)
        alike->any = alike->any || !pgexec_get_bool(alike->res, i, 2);
    return ERR_OK;
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
