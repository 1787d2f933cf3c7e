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

/* *sha256: of the list in force; false in *there: there is none. */
static enum err_code in_force(struct pgconn *conn, bool *there, uint8_t sha256[32], int64_t *loaded_ms,
                              struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_run(conn, "SELECT sha256, loaded_at FROM psl ORDER BY version DESC LIMIT 1",
                                    &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *there = PQntuples(res) != 0;
    if (*there) {
        struct span bytes = pgexec_get_bytes(res, 0, 0);
        must(bytes.len == 32);
        memcpy(sha256, bytes.at, 32);
        *loaded_ms = pgexec_get_time(res, 0, 1);
    }
    PQclear(res);
    return ERR_OK;
}

/* A program that is connected may have loaded the old list and be about to write by it. */
static enum err_code depended_on(struct pgconn *conn, bool *depended, struct err *why)
{
    PGresult *res;
    enum err_code code = pgexec_run(conn,
                                    "SELECT EXISTS (SELECT FROM cert) OR EXISTS (SELECT FROM pg_stat_activity"
                                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                                    " AND backend_type = 'client backend')",
                                    &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    *depended = pgexec_get_bool(res, 0, 0);
    PQclear(res);
    return ERR_OK;
}

static enum err_code store(struct pgconn *conn, struct span list, const uint8_t sha256[32], struct err *why)
{
    struct pgexec_args args = {0};
    /* Read once here, so that no list that can not be used ever gets in. */
    enum err_code code = dns_psl_load(list, why);
    if (code != ERR_OK)
        return code;
    pgexec_bytes(&args, span_of(sha256, 32));
    pgexec_bytes(&args, list);
    return pgexec_do(
        conn, "INSERT INTO psl (sha256, list) VALUES ($1, convert_from($2, 'UTF8')) ON CONFLICT DO NOTHING",
        &args, NULL, why);
}

enum err_code db_psl_install(struct pgconn *conn, const char *file, struct err *why)
{
    struct buf list;
    uint8_t stored[32];
    uint8_t sha256[32];
    int64_t loaded_ms;
    bool there = false;
    bool depended = false;
    enum err_code code = in_force(conn, &there, stored, &loaded_ms, why);
    if (code != ERR_OK)
        return code;
    buf_init(&list, LIMIT_PSL_BYTES);
    /* A machine without the package can use what is there. */
    code = read_list(file != NULL ? file : DB_PSL_SYSTEM_FILE, &list, there ? NULL : why);
    if (code == ERR_OK) {
        dbkey_sha256(buf_span(&list), sha256);
        bool same = there && memcmp(stored, sha256, 32) == 0;
        if (there && !same)
            code = depended_on(conn, &depended, why);
        if (code == ERR_OK && !same && !depended)
            code = store(conn, buf_span(&list), sha256, why);
    } else if (there) {
        code = ERR_OK;
    }
    buf_fini(&list);
    return code;
}

enum err_code db_psl_look(struct pgconn *conn, const char *file, struct db_psl_state *state, struct err *why)
{
    struct buf list;
    uint8_t stored[32];
    uint8_t sha256[32];
    bool there = false;
    *state = (struct db_psl_state){0};
    enum err_code code = in_force(conn, &there, stored, &state->loaded_ms, why);
    if (code == ERR_OK && !there)
        code = err_set(why, ERR_DB_SCHEMA, "database: it has no public suffix list: run `ctvigil db init`");
    if (code != ERR_OK)
        return code;
    buf_init(&list, LIMIT_PSL_BYTES);
    if (read_list(file != NULL ? file : DB_PSL_SYSTEM_FILE, &list, NULL) == ERR_OK) {
        dbkey_sha256(buf_span(&list), sha256);
        state->differs = memcmp(stored, sha256, 32) != 0;
    }
    buf_fini(&list);
    return ERR_OK;
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
