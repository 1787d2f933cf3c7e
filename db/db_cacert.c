#include "db/db_cacert.h"

#include "db/pgexec.h"

enum err_code db_cacert_get(struct pgconn *conn, const uint8_t sha256[32], struct arena *arena,
                            struct span *der, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;

    *der = SPAN_NONE;
    pgexec_bytes(&args, span_of(sha256, 32));
    enum err_code code = pgexec_run(conn, "SELECT der FROM issuer_cert WHERE sha256 = $1", &args, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 0)
        code = err_set(why, ERR_NOT_FOUND, "no CA certificate of this SHA-256 is stored");
    else
        *der = arena_copy(arena, pgexec_get_bytes(res, 0, 0));
    if (code == ERR_OK && der->at == NULL)
        code = err_set(why, ERR_MEMORY, "no room for a CA certificate");
    PQclear(res);
    return code;
}

enum err_code db_cacert_named(struct pgconn *conn, struct span subject,
                              bool (*each)(void *arg, struct span der), void *arg, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    bool more = true;

    pgexec_bytes(&args, subject);
    enum err_code code = pgexec_run(conn,
                                    "SELECT der FROM issuer_cert WHERE sha256(subject) = sha256($1::bytea)"
                                    " AND subject = $1::bytea ORDER BY sha256 LIMIT 256",
                                    &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (int row = 0; row < PQntuples(res) && more; row++)
        more = each(arg, pgexec_get_bytes(res, row, 0));
    PQclear(res);
    return ERR_OK;
}
