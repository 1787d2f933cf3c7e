#include "db/scaleout.h"

#include <stdio.h>

#include "base/text.h"
#include "db/embedded.h"
#include "db/pgexec.h"

#define LAYOUT    "citus/layout.sql"
#define FUNCTIONS "citus/functions.sql"
#define LOCK_WAIT "20s"
/* Any number that no other program on the server is likely to lock. */
#define LOCK "1668707433, 1935896437"

static const char *script(const char *name)
{
    const struct embedded *file = embedded_apart;
    while (file->name != NULL && strcmp(file->name, name) != 0)
        file++;
    must(file->name != NULL);
    return file->text;
}

/* "": on a single server. */
static enum err_code read_state(struct pgconn *conn, char state[16], unsigned *shards, struct err *why)
{
    PGresult *res = NULL;
    int64_t there = 0;
    state[0] = '\0';
    *shards = 0;
    enum err_code code = pgexec_number(conn, "SELECT (to_regclass('public.scale_out') IS NOT NULL)::int4",
                                       &PGEXEC_NO_ARGS, &there, why);
    if (code != ERR_OK || there == 0)
        return code;
    code = pgexec_run(conn, "SELECT state, shards FROM scale_out", &PGEXEC_NO_ARGS, &res, why);
    if (code == ERR_OK && PQntuples(res) == 1) {
        (void)snprintf(state, 16, "%s", pgexec_get_text(res, 0, 0));
        *shards = (unsigned)pgexec_get_int(res, 0, 1);
    }
    PQclear(res);
    return code;
}

enum err_code scaleout_functions(struct pgconn *conn, struct err *why)
{
    char state[16];
    unsigned shards;
    enum err_code code = read_state(conn, state, &shards, why);
    if (code != ERR_OK || state[0] == '\0')
        return code;
    code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = pgexec_script(conn, script(FUNCTIONS), why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

enum err_code scaleout_plan(struct pgconn *conn, scaleout_step *each, void *arg, struct err *why)
{
    char state[16] = "";
    unsigned shards;
    enum err_code code = conn != NULL ? read_state(conn, state, &shards, why) : ERR_OK;
    if (code == ERR_OK && state[0] == '\0') {
        each(arg, LAYOUT, script(LAYOUT));
        each(arg, FUNCTIONS, script(FUNCTIONS));
    }
    return code;
}

/* What has to be there before anything is changed, each with what to do about it. */
static enum err_code look_before(struct pgconn *conn, struct err *why)
{
    static const struct {
        const char *sql; /* true: in the way */
        enum err_code code;
        const char *text;
    } rows[] = {
        {"SELECT NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus')", ERR_CONFIG,
         "the server does not have Citus: install it on every node, and put it into "
         "shared_preload_libraries"},
        {"SELECT current_setting('shared_preload_libraries') NOT LIKE '%citus%'", ERR_CONFIG,
         "the server does not load Citus: put citus first into shared_preload_libraries and restart it"},
        {"SELECT to_regclass('pg_dist_node') IS NULL", ERR_CONFIG,
         "the database does not have Citus: run CREATE EXTENSION citus in it on every node"},
        {"SELECT count(*) = 0 FROM pg_dist_node WHERE isactive AND noderole = 'primary' AND shouldhaveshards",
         ERR_CONFIG,
         "Citus knows no node to put shards on: SELECT citus_set_coordinator_host('HOST', PORT), then "
         "SELECT citus_add_node('HOST', PORT) for each worker"},
        {"SELECT count(*) = 0 FROM pg_dist_node WHERE groupid = 0", ERR_CONFIG,
         "Citus does not know where the coordinator is: SELECT citus_set_coordinator_host('HOST', PORT)"},
        {"SELECT EXISTS (SELECT FROM cert_load) OR EXISTS (SELECT FROM cert_load_run) OR EXISTS (SELECT FROM "
         "partition_job)",
         ERR_DB_CONFLICT,
         "rows of an import, or partitions, are still being put in their place: run `ctvigil db prune` "
         "first"},
        {"SELECT EXISTS (SELECT FROM psl_move)", ERR_DB_CONFLICT,
         "the public suffix list was changed less than a day ago, or is being changed: try again tomorrow"},
    };
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < countof(rows); i++) {
        PGresult *res = NULL;
        code = pgexec_run(conn, rows[i].sql, &PGEXEC_NO_ARGS, &res, why);
        if (code == ERR_OK && pgexec_get_bool(res, 0, 0))
            code = err_set(why, rows[i].code, "database: %s", rows[i].text);
        PQclear(res);
    }
    return code;
}

static enum err_code begin(struct pgconn *conn, unsigned shards, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_int(&args, shards);
    enum err_code code =
        pgexec_script(conn, "BEGIN; SET LOCAL citus.multi_shard_modify_mode = 'sequential'", why);
    if (code == ERR_OK)
        code = pgexec_script(conn, script(LAYOUT), why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "SELECT scale_out_begin($1::int8::int4)", &args, NULL, why);
    if (code == ERR_OK)
        code = pgexec_script(conn, script(FUNCTIONS), why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}

/* Sessions of before speak to a single server still; also when whoever spread it was killed before he ended
 * them. */
static enum err_code end_others(struct pgconn *conn, struct err *why)
{
    static const char sql[] =
        "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid()"
        " AND a.datname = current_database() AND a.backend_type = 'client backend'"
        " AND a.application_name NOT LIKE 'citus%'";
    return pgexec_do(conn, sql, &PGEXEC_NO_ARGS, NULL, why);
}

static enum err_code copy_leaves(struct pgconn *conn, scaleout_told *told, void *arg, struct err *why)
{
    enum err_code code = ERR_OK;
    bool more = true;
    while (code == ERR_OK && more) {
        PGresult *res = NULL;
        code = pgexec_run(conn, "SELECT scale_out_leaf()", &PGEXEC_NO_ARGS, &res, why);
        more = code == ERR_OK && !pgexec_is_null(res, 0, 0);
        if (more && told != NULL)
            told(arg, pgexec_get_text(res, 0, 0));
        PQclear(res);
    }
    return code;
}

static enum err_code lock_session(struct pgconn *conn, struct err *why)
{
    int64_t given = 0;
    enum err_code code =
        pgexec_number(conn, "SELECT pg_try_advisory_lock(" LOCK ")::int4", &PGEXEC_NO_ARGS, &given, why);
    return code == ERR_OK && given == 0
               ? err_set(why, ERR_DB_CONFLICT, "database: another process is spreading it now")
               : code;
}

/* After connecting again: the server may not have seen the end of the session of before, which had the lock.
 */
static enum err_code lock_again(struct pgconn *conn, struct err *why)
{
    struct err one = {0};
    enum err_code code = pgexec_script(
        conn, "SET lock_timeout = '" LOCK_WAIT "'; SELECT pg_advisory_lock(" LOCK "); RESET lock_timeout",
        &one);
    if (code == ERR_DB_CONFLICT)
        return err_set(why, code, "database: another process is spreading it now");
    return code == ERR_OK ? ERR_OK : err_set(why, code, "%s", one.text);
}

enum err_code scaleout_run(struct pgconn *conn, unsigned shards, scaleout_told *told, void *arg,
                           struct err *why)
{
    char state[16];
    unsigned before;
    enum err_code code = lock_session(conn, why);
    if (code == ERR_OK)
        code = read_state(conn, state, &before, why);
    if (code == ERR_OK && state[0] == '\0') {
        code = look_before(conn, why);
        if (code == ERR_OK)
            code = begin(conn, shards, why);
        if (code == ERR_OK) /* plans are made another way from here on */
            code = pgconn_reopen(conn, why);
        if (code == ERR_OK)
            code = lock_again(conn, why);
        (void)snprintf(state, sizeof state, "moving");
    }
    if (code != ERR_OK || strcmp(state, "moving") != 0)
        return code;
    code = end_others(conn, why);
    if (code == ERR_OK)
        code = copy_leaves(conn, told, arg, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "SELECT scale_out_end()", &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, "SELECT pg_advisory_unlock(" LOCK ")", &PGEXEC_NO_ARGS, NULL, why);
    return code;
}

static void take_node(const PGresult *res, int row, struct scaleout_node *node)
{
    struct span words = pgexec_get_bytes(res, row, 5);
    (void)snprintf(node->host, sizeof node->host, "%s", pgexec_get_text(res, row, 0));
    node->port = (unsigned)pgexec_get_int(res, row, 1);
    node->coordinator = pgexec_get_bool(res, row, 2);
    node->active = pgexec_get_bool(res, row, 3);
    node->reached = pgexec_get_bool(res, row, 4);
    const uint8_t *space = memchr(words.at, ' ', words.len);
    size_t len = space != NULL ? (size_t)(space - words.at) : 0;
    node->reached = node->reached && text_int(span_part(words, 0, len), &node->bytes) &&
                    text_int(span_part(words, len + 1, words.len), &node->prepared);
}

enum err_code scaleout_look(struct pgconn *conn, struct scaleout_state *state, struct err *why)
{
    static const char sql[] =
        "SELECT n.nodename, n.nodeport::int8, n.groupid = 0, n.isactive, coalesce(r.success, false), "
        "r.result,"
        " (SELECT count(*) FROM pg_dist_placement AS p JOIN pg_dist_shard AS s ON s.shardid = p.shardid"
        "  WHERE p.groupid = n.groupid AND s.logicalrelid IN ('cert'::regclass, 'cert_apex'::regclass,"
        "  'cert_ip'::regclass, 'log_tile'::regclass)),"
        " (SELECT extversion FROM pg_extension WHERE extname = 'citus')"
        " FROM pg_dist_node AS n LEFT JOIN run_command_on_all_nodes($$SELECT "
        "pg_database_size(current_database())"
        " || ' ' || (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()"
        "  AND prepared < now() - interval '1 minute')$$) AS r ON r.nodeid = n.nodeid"
        " WHERE n.noderole = 'primary' ORDER BY n.groupid, n.nodename, n.nodeport";
    char word[16];
    PGresult *res = NULL;
    *state = (struct scaleout_state){0};
    enum err_code code = read_state(conn, word, &state->shards, why);
    if (code != ERR_OK || word[0] == '\0')
        return code;
    state->spread = true;
    state->moving = strcmp(word, "moving") == 0;
    code = pgexec_run(conn, sql, &PGEXEC_NO_ARGS, &res, why);
    for (int row = 0; code == ERR_OK && row < PQntuples(res) && state->count < SCALEOUT_NODES_MAX; row++) {
        take_node(res, row, &state->node[state->count]);
        state->node[state->count++].shards = pgexec_get_int(res, row, 6);
        (void)snprintf(state->citus, sizeof state->citus, "%s", pgexec_get_text(res, row, 7));
    }
    PQclear(res);
    return code;
}
