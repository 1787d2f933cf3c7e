#include "db/db_psl.h"

#include <errno.h>
#include <stdio.h>

#include "base/dns.h"
#include "base/limits.h"
#include "db/dbkey.h"
#include "db/pgexec.h"

static enum err_code read_list(const char *file, struct buf *list, struct err *why)
{
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return err_set(why, ERR_CONFIG, "%s: %s: install the package publicsuffix", file, strerror(errno));
    for (size_t got = 1; got != 0 && buf_ok(list);) {
        uint8_t piece[8192];
        got = fread(piece, 1, sizeof piece, in);
        buf_put(list, span_of(piece, got));
    }
    bool failed = ferror(in) != 0;
    (void)fclose(in);
    if (failed || !buf_ok(list))
        return err_set(why, ERR_CONFIG, "%s: %s", file,
                       failed ? "can not be read" : "larger than a list should be");
    return ERR_OK;
}

enum err_code db_psl_install(struct pgconn *conn, const char *file, struct err *why)
{
    PGresult *res;
    struct buf list;
    uint8_t sha256[32];
    enum err_code code = pgexec_run(conn, "SELECT EXISTS (SELECT FROM psl)", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    bool there = pgexec_get_bool(res, 0, 0);
    PQclear(res);
    if (there)
        return ERR_OK;
    buf_init(&list, LIMIT_PSL_BYTES);
    code = read_list(file != NULL ? file : DB_PSL_SYSTEM_FILE, &list, why);
    /* Read once here, so that no list that can not be used ever gets in. */
    if (code == ERR_OK)
        code = dns_psl_load(buf_span(&list), why);
    if (code == ERR_OK) {
        struct pgexec_args args = {0};
        dbkey_sha256(buf_span(&list), sha256);
        pgexec_bytes(&args, span_of(sha256, 32));
        pgexec_bytes(&args, buf_span(&list));
        code = pgexec_do(
            conn,
            "INSERT INTO psl (sha256, list) VALUES ($1, convert_from($2, 'UTF8')) ON CONFLICT DO NOTHING",
            &args, NULL, why);
    }
    buf_fini(&list);
    return code;
}

enum err_code db_psl_activate(struct pgconn *conn, struct err *why)
{
    PGresult *res;
    enum err_code code =
        pgexec_run(conn, "SELECT list FROM psl ORDER BY version DESC LIMIT 1", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    if (PQntuples(res) == 0)
        code = err_set(why, ERR_DB_SCHEMA, "database: it has no public suffix list: run `ctvigil db init`");
    else
        code = dns_psl_load(pgexec_get_bytes(res, 0, 0), why);
    PQclear(res);
    return code;
}
