#include "db/db_psl.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/dns.h"
#include "base/limits.h"
#include "db/dbkey.h"
#include "db/pgexec.h"

/* What this process has loaded: of the list in force and of the one beside it. */
static pthread_mutex_t follow_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t loaded[2][32];
static bool is_loaded[2];

/* Any text can be read as rules. What no list of the world lacks tells one from another file. */
static bool is_list(struct span text)
{
    struct span rest = text;
    while (rest.len != 0) {
        const uint8_t *end = memchr(rest.at, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.at) : rest.len;
        struct span line = span_of(rest.at, len != 0 && rest.at[len - 1] == '\r' ? len - 1 : len);
        if (span_eq(line, SPAN_LIT("com")))
            return true;
        rest = span_part(rest, end != NULL ? len + 1 : len, rest.len);
    }
    return false;
}

enum err_code db_psl_read(const char *file, struct buf *list, struct err *why)
{
    const char *advice = file != NULL ? "" : ": install the package publicsuffix";
    file = file != NULL ? file : DB_PSL_SYSTEM_FILE;
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return err_set(why, ERR_CONFIG, "%s: %s%s", file, strerror(errno), advice);
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
    if (!is_list(buf_span(list)))
        return err_set(why, ERR_CONFIG, "%s: this is no public suffix list: it has no rule 'com'", file);
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
    is_loaded[0] = false; /* until it is asked for again */
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
    code = db_psl_read(file, &list, there ? NULL : why);
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
    if (db_psl_read(file, &list, NULL) == ERR_OK) {
        dbkey_sha256(buf_span(&list), sha256);
        state->differs = memcmp(stored, sha256, 32) != 0;
    }
    buf_fini(&list);
    return ERR_OK;
}

static enum err_code load_one(const PGresult *res, int row, size_t which, struct err *why)
{
    struct span sha256 = pgexec_get_bytes(res, row, 1);
    must(sha256.len == 32);
    if (is_loaded[which] && memcmp(loaded[which], sha256.at, 32) == 0)
        return ERR_OK;
    struct span list = pgexec_get_bytes(res, row, 2);
    enum err_code code = which == 0 ? dns_psl_load(list, why) : dns_psl_load_also(list, why);
    is_loaded[which] = code == ERR_OK;
    memcpy(loaded[which], sha256.at, 32);
    return code;
}

static enum err_code load_both(const PGresult *res, struct err *why)
{
    enum err_code code = ERR_OK;
    bool also = false;
    for (int row = 0; code == ERR_OK && row < PQntuples(res); row++) {
        size_t which = pgexec_get_bool(res, row, 0) ? 1 : 0;
        also = also || which == 1;
        code = load_one(res, row, which, why);
    }
    if (code == ERR_OK && !also) {
        is_loaded[1] = false;
        code = dns_psl_load_also(SPAN_NONE, why);
    }
    return code;
}

/* Asked and loaded under one lock: what another thread has learned since is never replaced by what it was
 * before. */
enum err_code db_psl_follow(struct pgconn *conn, struct err *why)
{
    static const char sql[] = "(SELECT false, sha256, list FROM psl ORDER BY version DESC LIMIT 1)"
                              " UNION ALL SELECT true, sha256, list FROM psl_move";
    PGresult *res;
    must(pthread_mutex_lock(&follow_lock) == 0);
    enum err_code code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK) {
        code = load_both(res, why);
        PQclear(res);
    }
    must(pthread_mutex_unlock(&follow_lock) == 0);
    return code;
}

enum err_code db_psl_activate(struct pgconn *conn, struct err *why)
{
    PGresult *res;
    must(pthread_mutex_lock(&follow_lock) == 0);
    enum err_code code = pgexec_run(conn, "SELECT false, sha256, list FROM psl ORDER BY version DESC LIMIT 1",
                                    &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK && PQntuples(res) == 0)
        code = err_set(why, ERR_DB_SCHEMA, "database: it has no public suffix list: run `ctvigil db init`");
    if (code == ERR_OK)
        code = load_one(res, 0, 0, why);
    PQclear(res);
    must(pthread_mutex_unlock(&follow_lock) == 0);
    return code;
}
