#include "db/migrate.h"

#include <stdio.h>

#include "base/text.h"
#include "db/db_reader.h"
#include "db/dbkey.h"
#include "db/embedded.h"
#include "db/pgexec.h"
#include "db/scaleout.h"

/* Any number that no other program on the server is likely to lock. */
#define MIGRATE_LOCK INT64_C(0x6374766967696c)
#define FILES_MAX    1024

struct noted {
    struct migrate_status status;
    bool has[FILES_MAX]; /* of embedded_files */
};

static unsigned file_number(const struct embedded *file)
{
    uint64_t number;
    struct span digits = span_of(file->name, strspn(file->name, "0123456789"));
    must(text_uint(digits, &number) && number > 0 && number < 10000);
    return (unsigned)number;
}

static unsigned newest_known(void)
{
    unsigned newest = 0;
    for (unsigned i = 0; i < embedded_count; i++) {
        unsigned number = file_number(&embedded_files[i]);
        must(number > newest);
        newest = number;
    }
    return newest;
}

static void begin(struct noted *noted)
{
    must(embedded_count <= FILES_MAX);
    *noted = (struct noted){.status = {.known = newest_known(), .pending = embedded_count}};
}

/* A lower number may come later: versions that were made side by side. */
static void find_first(struct noted *noted)
{
    for (unsigned i = 0; i < embedded_count && noted->status.first == 0; i++)
        noted->status.first = noted->has[i] ? 0 : file_number(&embedded_files[i]);
}

static enum err_code compare(const PGresult *res, struct noted *noted, struct err *why)
{
    struct migrate_status *status = &noted->status;
    for (int row = 0; row < PQntuples(res); row++) {
        unsigned number = (unsigned)pgexec_get_int(res, row, 0);
        uint8_t sha256[32];
        unsigned at = 0;
        while (at < embedded_count && file_number(&embedded_files[at]) != number)
            at++;
        if (at == embedded_count)
            return err_set(why, ERR_DB_SCHEMA,
                           "database: its schema has step %u (%s), which this program (steps up to %u) does "
                           "not know: use a newer ctvigil",
                           number, pgexec_get_text(res, row, 1), status->known);
        dbkey_sha256(span_of(embedded_files[at].text, embedded_files[at].len), sha256);
        if (!span_eq(pgexec_get_bytes(res, row, 2), span_of(sha256, 32)))
            return err_set(
                why, ERR_DB_SCHEMA,
                "database: step %s of its schema was made from another file of that name: it belongs to "
                "another version of ctvigil",
                embedded_files[at].name);
        status->applied = number;
        status->pending--;
        noted->has[at] = true;
    }
    return ERR_OK;
}

/* Names and issuers come in every script; in another encoding a row would be refused years later. */
static enum err_code check_encoding(struct pgconn *conn, struct err *why)
{
    const char *encoding = PQparameterStatus(conn->pg, "server_encoding");
    if (encoding == NULL || strcmp(encoding, "UTF8") == 0)
        return ERR_OK;
    return err_set(why, ERR_CONFIG,
                   "database: its encoding is %s, UTF8 is needed: make it anew with CREATE DATABASE name "
                   "ENCODING 'UTF8' TEMPLATE template0",
                   encoding);
}

static enum err_code look(struct pgconn *conn, struct noted *noted, struct err *why)
{
    PGresult *res;
    begin(noted);
    enum err_code code =
        pgexec_run(conn, "SELECT to_regclass('schema_migration') IS NOT NULL", &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    bool there = pgexec_get_bool(res, 0, 0);
    PQclear(res);
    if (!there)
        return ERR_OK;
    code = pgexec_run(conn, "SELECT version, name, sha256 FROM schema_migration ORDER BY version",
                      &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    code = compare(res, noted, why);
    PQclear(res);
    return code;
}

enum err_code migrate_status(struct pgconn *conn, struct migrate_status *status, struct err *why)
{
    struct noted noted;
    enum err_code code = look(conn, &noted, why);
    find_first(&noted);
    *status = noted.status;
    return code;
}

static enum err_code apply(struct pgconn *conn, const struct embedded *file, struct err *why)
{
    uint8_t sha256[32];
    struct pgexec_args args = {0};
    dbkey_sha256(span_of(file->text, file->len), sha256);
    pgexec_int(&args, file_number(file));
    pgexec_text(&args, file->name);
    pgexec_bytes(&args, span_of(sha256, 32));
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_script(conn, file->text, why);
    if (code == ERR_OK)
        code =
            pgexec_do(conn, "INSERT INTO schema_migration (version, name, sha256) VALUES ($1::int4, $2, $3)",
                      &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK) {
        pgexec_rollback(conn);
        err_prefix(why, "%s", file->name);
    }
    return code;
}

static enum err_code run_locked(struct pgconn *conn, unsigned *applied, struct err *why)
{
    struct noted noted;
    begin(&noted);
    enum err_code code =
        pgexec_script(conn,
                      "CREATE TABLE IF NOT EXISTS schema_migration (version int4 PRIMARY KEY,"
                      " name text NOT NULL, sha256 bytea NOT NULL,"
                      " applied_at timestamptz NOT NULL DEFAULT now())",
                      why);
    if (code == ERR_OK)
        code = look(conn, &noted, why);
    for (unsigned i = 0; code == ERR_OK && i < embedded_count; i++) {
        if (noted.has[i])
            continue;
        code = apply(conn, &embedded_files[i], why);
        if (code == ERR_OK)
            ++*applied;
    }
    if (code == ERR_OK) /* also when nothing was applied: whoever did may have been killed before this */
        code = scaleout_functions(conn, why);
    if (code == ERR_OK)
        db_reader_ready(conn);
    return code;
}

enum err_code migrate_run(struct pgconn *conn, unsigned *applied, struct err *why)
{
    struct pgexec_args args = {0};
    *applied = 0;
    pgexec_int(&args, MIGRATE_LOCK);
    enum err_code code = check_encoding(conn, why);
    if (code != ERR_OK)
        return code;
    code = pgexec_do(conn, "SELECT pg_advisory_lock($1)", &args, NULL, why);
    if (code != ERR_OK)
        return code;
    code = run_locked(conn, applied, why);
    if (pgexec_do(conn, "SELECT pg_advisory_unlock($1)", &args, NULL, NULL) != ERR_OK && code == ERR_OK)
        code = err_set(why, ERR_DB_DOWN, "database: connection lost");
    return code;
}

enum err_code migrate_plan(struct pgconn *conn, migrate_step *each, void *arg, struct err *why)
{
    struct noted noted;
    begin(&noted);
    enum err_code code = conn != NULL ? check_encoding(conn, why) : ERR_OK;
    if (code == ERR_OK && conn != NULL)
        code = look(conn, &noted, why);
    for (unsigned i = 0; code == ERR_OK && i < embedded_count; i++) {
        if (!noted.has[i])
            each(arg, embedded_files[i].name, embedded_files[i].text);
    }
    return code;
}

enum err_code migrate_check(struct pgconn *conn, struct err *why)
{
    struct migrate_status status;
    enum err_code code = check_encoding(conn, why);
    if (code == ERR_OK)
        code = migrate_status(conn, &status, why);
    if (code != ERR_OK || status.pending == 0)
        return code;
    if (status.applied == 0)
        return err_set(why, ERR_DB_SCHEMA,
                       "database: it has no schema of ctvigil yet: run `ctvigil db init`");
    if (status.first < status.applied)
        return err_set(why, ERR_DB_SCHEMA, "database: its schema lacks step %u: run `ctvigil db migrate`",
                       status.first);
    return err_set(why, ERR_DB_SCHEMA, "database: its schema is at step %u of %u: run `ctvigil db migrate`",
                   status.applied, status.known);
}

/* All of this program's were there when it connected, and none ever goes. */
enum err_code migrate_still(int64_t applied, int64_t steps, struct err *why)
{
    unsigned known = newest_known();
    if (applied <= (int64_t)known && steps <= (int64_t)embedded_count)
        return ERR_OK;
    if (applied <= (int64_t)known)
        return err_set(why, ERR_DB_SCHEMA,
                       "database: a newer ctvigil has brought its schema to %" PRId64
                       " steps, this program knows %u"
                       " and stores nothing more: restart it as the newer version",
                       steps, embedded_count);
    return err_set(
        why, ERR_DB_SCHEMA,
        "database: a newer ctvigil has brought its schema to step %u, this program knows steps up to %u"
        " and stores nothing more: restart it as the newer version",
        (unsigned)applied, known);
}
