#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/opt.h"
#include "cli/prune.h"
#include "cli/readers.h"
#include "cli/suffixes.h"
#include "db/db_psl.h"
#include "db/dbopen.h"
#include "db/migrate.h"

static bool dry_run;
static uint64_t reader_timeout_s = LIMIT_READER_S;
static uint64_t reader_connections = LIMIT_READER_OPEN;
static const struct opt db_options[] = {
    {"dry-run", OPT_FLAG, &dry_run, NULL, "prune: say what would be done and how many bytes it is about"},
    {"timeout", OPT_NUMBER, &reader_timeout_s, "S",
     "reader add: seconds until a statement is cancelled (60)"},
    {"connections", OPT_NUMBER, &reader_connections, "N", "reader add: at most N sessions at once (5)"},
    {0},
};

static bool is_private(const struct cmd *cmd)
{
    return cmd->conf->db.dsn[0] == '\0' && cmd->conf->db.dsn_file[0] == '\0';
}

static enum err_code db_open(const struct cmd *cmd, bool migrate, struct dbopen *db, struct err *why)
{
    struct dbopen_options options = {.dsn = cmd->conf->db.dsn,
                                     .dsn_from = conf_origin_name(cmd->conf->origin[CONF_KEY_db_dsn]),
                                     .dsn_file = cmd->conf->db.dsn_file,
                                     .program = cmd->program,
                                     .migrate = migrate};
    enum err_code code = ERR_OK;
    if (is_private(cmd))
        code = cmd_state_dir(cmd, &options.state_dir, why);
    return code == ERR_OK ? dbopen_open(&options, db, why) : code;
}

/* init and migrate are one thing: what is missing is made. Two words, because people look for both. */
static int db_migrate(struct cmd *cmd)
{
    struct dbopen db;
    struct err why = {0};
    struct migrate_status status;
    if (db_open(cmd, true, &db, &why) != ERR_OK)
        return cmd_fail(&why);
    enum err_code code = migrate_status(db.conn, &status, &why);
    if (code == ERR_OK)
        readers_note(db.conn);
    dbopen_close(&db);
    if (code != ERR_OK)
        return cmd_fail(&why);
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:i, s:i}", "schema", "ctvigil.db.migrate.1", "step",
                                 (int)status.applied, "pending", (int)status.pending));
    else
        printf("the schema is at step %u of %u\n", status.applied, status.known);
    return CMD_OK;
}

/* What a look into the database finds. */
struct inside {
    struct migrate_status schema;
    struct db_psl_state psl;
    bool has_psl;
};

static enum err_code look_inside(struct pgconn *conn, struct inside *inside, struct err *why)
{
    enum err_code code = migrate_status(conn, &inside->schema, why);
    inside->has_psl = code == ERR_OK && inside->schema.pending == 0 &&
                      db_psl_look(conn, NULL, &inside->psl, NULL) == ERR_OK;
    return code;
}

static void print_inside(const struct inside *inside)
{
    char loaded[TEXT_TIME_MAX];
    printf("schema    step %u of %u\n", inside->schema.applied, inside->schema.known);
    if (inside->has_psl)
        printf("suffixes  list stored %.10s%s\n", text_time(inside->psl.loaded_ms, false, loaded),
               inside->psl.differs ? "; this machine has another one: `ctvigil db suffixes` changes to it"
                                   : "");
}

static void print_status(const struct cmd *cmd, const struct cluster_status *cluster,
                         const struct inside *inside)
{
    const char *state = cluster == NULL        ? "yours"
                        : cluster->running     ? "running"
                        : cluster->keeper != 0 ? "between"
                        : cluster->made        ? "stopped"
                                               : "none";
    if (cmd->json) {
        json_t *line = json_pack("{s:s, s:s, s:s}", "schema", "ctvigil.db.status.1", "kind",
                                 cluster == NULL ? "server" : "private", "state", state);
        if (cluster != NULL) {
            (void)json_object_set_new(line, "home", cmd_json_latin1(span_str(cluster->home)));
            (void)json_object_set_new(line, "stays", json_boolean(cluster->stays));
            (void)json_object_set_new(line, "keeper_pid", json_integer(cluster->keeper));
            (void)json_object_set_new(line, "server_pid", json_integer(cluster->server));
            (void)json_object_set_new(
                line, "why", cluster->why[0] != '\0' ? cmd_json_latin1(span_str(cluster->why)) : json_null());
        }
        if (inside != NULL) {
            (void)json_object_set_new(line, "step", json_integer((json_int_t)inside->schema.applied));
            (void)json_object_set_new(line, "steps_known", json_integer((json_int_t)inside->schema.known));
            (void)json_object_set_new(line, "pending", json_integer((json_int_t)inside->schema.pending));
        }
        if (inside != NULL && inside->has_psl) {
            (void)json_object_set_new(line, "suffixes_stored",
                                      cmd_json_time(inside->psl.loaded_ms / 1000 * 1000));
            (void)json_object_set_new(line, "suffixes_differ", json_boolean(inside->psl.differs));
        }
        cmd_print_json(line);
        return;
    }
    if (cluster == NULL) {
        printf("database  a server of your own\n");
    } else {
        printf("database  private, in ");
        cmd_print_visible(span_str(cluster->home), 0);
        printf("\nstate     %s%s\n", state, cluster->stays ? ", asked to stay" : "");
        if (cluster->running)
            printf("process   %d, keeper %d\n", (int)cluster->server, (int)cluster->keeper);
        if (cluster->why[0] != '\0')
            printf("why       %s\n", cluster->why); /* one line without control bytes: err_set made it */
    }
    if (inside != NULL)
        print_inside(inside);
}

static int db_status(struct cmd *cmd)
{
    struct err why = {0};
    struct cluster_status cluster;
    struct inside inside;
    struct pgconn *conn;
    const char *dir;
    const char *dsn = cmd->conf->db.dsn;
    bool private = is_private(cmd);
    if (private &&
        (cmd_state_dir(cmd, &dir, &why) != ERR_OK || cluster_status(dir, &cluster, &why) != ERR_OK))
        return cmd_fail(&why);
    if (private && (!cluster.running || cluster.dsn[0] == '\0')) {
        print_status(cmd, &cluster, NULL);
        return CMD_OK;
    }
    if (!private && dsn[0] == '\0') {
        struct dbopen db;
        if (db_open(cmd, false, &db, &why) != ERR_OK)
            return cmd_fail(&why);
        enum err_code code = look_inside(db.conn, &inside, &why);
        dbopen_close(&db);
        if (code != ERR_OK)
            return cmd_fail(&why);
        print_status(cmd, NULL, &inside);
        return CMD_OK;
    }
    enum err_code code = pgconn_open(private ? cluster.dsn : dsn, &conn, &why);
    if (private && code == ERR_DB_DOWN) {
        cluster.running = false; /* its keeper is there, the server is on its way up or down */
        print_status(cmd, &cluster, NULL);
        return CMD_OK;
    }
    if (code != ERR_OK)
        return cmd_fail(&why);
    code = look_inside(conn, &inside, &why);
    pgconn_free(conn);
    if (code != ERR_OK)
        return cmd_fail(&why);
    print_status(cmd, private ? &cluster : NULL, &inside);
    return CMD_OK;
}

static int db_start(struct cmd *cmd)
{
    struct dbopen db;
    struct err why = {0};
    if (!is_private(cmd))
        return cmd_usage(cmd, "start is about the private database; the configured server is yours to start");
    if (db_open(cmd, true, &db, &why) != ERR_OK)
        return cmd_fail(&why);
    enum err_code code = cluster_stay(db.cluster, &why);
    if (code == ERR_OK && cmd->json)
        cmd_print_json(
            json_pack("{s:s, s:s, s:s}", "schema", "ctvigil.db.start.1", "state", "running", "dsn", db.dsn));
    else if (code == ERR_OK)
        printf("running until 'ctvigil db stop'\n%s\n", db.dsn);
    dbopen_close(&db);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static int db_stop(struct cmd *cmd)
{
    struct err why = {0};
    const char *dir;
    bool in_use;
    if (!is_private(cmd))
        return cmd_usage(cmd, "stop is about the private database; the configured server is yours to stop");
    if (cmd_state_dir(cmd, &dir, &why) != ERR_OK || cluster_stop(dir, &in_use, &why) != ERR_OK)
        return cmd_fail(&why);
    if (cmd->json)
        cmd_print_json(
            json_pack("{s:s, s:s}", "schema", "ctvigil.db.stop.1", "state", in_use ? "in use" : "stopped"));
    else
        printf("%s\n", in_use ? "other programs use it still: it ends with the last of them" : "stopped");
    return CMD_OK;
}

/* Says where the database is; of a private one only while it runs, since starting it for nobody is no use. */
static int db_dsn(struct cmd *cmd)
{
    struct err why = {0};
    struct cluster_status cluster;
    const char *dir;
    const char *dsn = cmd->conf->db.dsn;
    if (!is_private(cmd) && dsn[0] == '\0')
        return cmd_usage(cmd,
                         "the connection string is in the file db.dsn_file names; it may hold a password");
    if (is_private(cmd)) {
        if (cmd_state_dir(cmd, &dir, &why) != ERR_OK || cluster_status(dir, &cluster, &why) != ERR_OK)
            return cmd_fail(&why);
        if (!cluster.running || cluster.dsn[0] == '\0') {
            (void)err_set(&why, ERR_CLUSTER,
                          "the private database does not run: 'ctvigil db start' starts it");
            return cmd_fail(&why);
        }
        dsn = cluster.dsn;
    }
    if (cmd->json)
        cmd_print_json(
            json_pack("{s:s, s:o}", "schema", "ctvigil.db.dsn.1", "dsn", cmd_json_latin1(span_str(dsn))));
    else
        printf("%s\n", dsn);
    return CMD_OK;
}

static const struct opt_verb verbs[] = {
    {"init", "", ""},         {"migrate", "", ""},        {"status", "", ""},
    {"prune", "", "dry-run"}, {"start", "", ""},          {"stop", "", ""},
    {"dsn", "", ""},          {"suffixes", "[FILE]", ""}, {"reader", "ACTION...", "timeout connections"},
    {NULL, NULL, NULL},
};

static int db_prune(struct cmd *cmd)
{
    return prune_run(cmd, dry_run);
}

static int (*const runs[])(struct cmd *cmd) = {db_migrate, db_migrate, db_status, db_prune,
                                               db_start,   db_stop,    db_dsn};

int cmd_db(struct cmd *cmd)
{
    size_t verb;
    int operands;
    if (cmd->help)
        return cmd_help(
            "ctvigil db init|migrate|status|start|stop|dsn\n"
            "ctvigil db prune [--dry-run]\n"
            "ctvigil db suffixes [FILE]\n"
            "ctvigil db reader add|remove NAME [options]\n"
            "ctvigil db reader list",
            "Makes or updates the schema, shows its state, makes, seals, merges and drops partitions "
            "(prune),\n"
            "changes to another public suffix list (suffixes), starts and stops the private database, "
            "prints\n"
            "its connection string, says who may ask in SQL (reader). Without --db the private database in "
            "the state directory is meant.",
            db_options);
    if (!opt_parse_verb(db_options, verbs, cmd->argc, cmd->argv, &verb, &operands))
        return CMD_USAGE;
    if (verb == countof(runs))
        return suffixes_run(cmd, operands != 0 ? cmd->argv[2] : NULL);
    return verb < countof(runs) ? runs[verb](cmd)
                                : readers_run(cmd, operands, reader_timeout_s, reader_connections);
}
