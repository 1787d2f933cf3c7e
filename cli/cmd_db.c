#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/dbstatus.h"
#include "cli/opt.h"
#include "cli/places.h"
#include "cli/prune.h"
#include "cli/readers.h"
#include "cli/suffixes.h"
#include "db/dbopen.h"
#include "db/migrate.h"
#include "db/scaleout.h"

static bool dry_run;
static bool anew;
static bool citus;
static uint64_t shards = SCALEOUT_SHARDS;
static uint64_t reader_timeout_s = LIMIT_READER_S;
static uint64_t reader_connections = LIMIT_READER_OPEN;
static const struct opt db_options[] = {
    {"dry-run", OPT_FLAG, &dry_run, NULL,
     "prune: say what would be done and how many bytes it is about; init, migrate: print the SQL that would "
     "be "
     "run"},
    {"anew", OPT_FLAG, &anew, NULL, "places: make all of it anew, also what does not look damaged"},
    {"citus", OPT_FLAG, &citus, NULL, "init, migrate: spread the database over the nodes of a Citus cluster"},
    {"shards", OPT_NUMBER, &shards, "N", "with --citus: into how many shards each table is cut (32)"},
    {"timeout", OPT_NUMBER, &reader_timeout_s, "S",
     "reader add: seconds until a statement is cancelled (60)"},
    {"connections", OPT_NUMBER, &reader_connections, "N", "reader add: at most N sessions at once (5)"},
    {0},
};

static bool is_private(const struct cmd *cmd)
{
    return cmd->conf->db.dsn[0] == '\0' && cmd->conf->db.dsn_file[0] == '\0';
}

struct plan {
    bool json;
    unsigned count;
};

static enum err_code db_open(const struct cmd *cmd, bool look, struct dbopen *db, struct err *why)
{
    struct dbopen_options options = {.dsn = cmd->conf->db.dsn,
                                     .dsn_from = conf_origin_name(cmd->conf->origin[CONF_KEY_db_dsn]),
                                     .dsn_file = cmd->conf->db.dsn_file,
                                     .program = cmd->program,
                                     .look = look,
                                     .migrate = !look};
    enum err_code code = ERR_OK;
    if (is_private(cmd))
        code = cmd_state_dir(cmd, &options.state_dir, why);
    return code == ERR_OK ? dbopen_open(&options, db, why) : code;
}

/* Standard output is the SQL, to be looked at, or to be kept by whoever has to. */
static void plan_step(void *arg, const char *name, const char *sql)
{
    struct plan *plan = arg;
    plan->count++;
    if (plan->json)
        cmd_print_json(
            json_pack("{s:s, s:s, s:s}", "schema", "ctvigil.db.migrate.plan.1", "file", name, "sql", sql));
    else
        printf("-- %s\n%s\n", name, sql);
}

static int db_migrate_plan(struct cmd *cmd)
{
    struct plan plan = {.json = cmd->json};
    struct err why = {0};
    struct cluster_status cluster = {.made = true};
    struct dbopen db = {0};
    const char *dir;
    enum err_code code = ERR_OK;
    if (is_private(cmd) && (code = cmd_state_dir(cmd, &dir, &why)) == ERR_OK)
        code = cluster_status(dir, &cluster, &why);
    if (code == ERR_OK && cluster.made)
        code = db_open(cmd, true, &db, &why);
    if (code == ERR_OK)
        code = migrate_plan(db.conn, plan_step, &plan, &why);
    if (code == ERR_OK && citus)
        code = scaleout_plan(db.conn, plan_step, &plan, &why);
    dbopen_close(&db);
    if (code != ERR_OK)
        return cmd_fail(&why);
    if (!cmd->json)
        fprintf(stderr, "ctvigil: %u %s would be applied; nothing was changed\n", plan.count,
                plan.count == 1 ? "step" : "steps");
    return CMD_OK;
}

static void spread_step(void *arg, const char *step)
{
    const struct cmd *cmd = arg;
    if (!cmd->json)
        fprintf(stderr, "ctvigil: partition %s is spread\n", step);
}

static enum err_code spread(struct cmd *cmd, struct dbopen *db, struct err *why)
{
    if (!citus)
        return ERR_OK;
    if (db->cluster != NULL)
        return err_set(
            why, ERR_CONFIG,
            "--citus is about a server of your own, the coordinator of a Citus cluster: name it by "
            "--db or db.dsn");
    return scaleout_run(db->conn, (unsigned)shards, spread_step, cmd, why);
}

/* init and migrate are one thing: what is missing is made. Two words, because people look for both. */
static int db_migrate(struct cmd *cmd)
{
    if (dry_run)
        return db_migrate_plan(cmd);
    struct dbopen db;
    struct err why = {0};
    struct migrate_status status;
    if (shards < 1 || shards > SCALEOUT_SHARDS_MAX)
        return cmd_usage(cmd, "--shards: a number from 1 to %d is needed", SCALEOUT_SHARDS_MAX);
    if (db_open(cmd, false, &db, &why) != ERR_OK)
        return cmd_fail(&why);
    enum err_code code = spread(cmd, &db, &why);
    if (code == ERR_OK)
        code = migrate_status(db.conn, &status, &why);
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

static int db_start(struct cmd *cmd)
{
    struct dbopen db;
    struct err why = {0};
    if (!is_private(cmd))
        return cmd_usage(cmd, "start is about the private database; the configured server is yours to start");
    if (db_open(cmd, false, &db, &why) != ERR_OK)
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
    {"init", "", "dry-run citus shards"},
    {"migrate", "", "dry-run citus shards"},
    {"status", "", ""},
    {"prune", "", "dry-run"},
    {"start", "", ""},
    {"stop", "", ""},
    {"dsn", "", ""},
    {"places", "", "anew"},
    {"suffixes", "[FILE]", ""},
    {"reader", "ACTION...", "timeout connections"},
    {NULL, NULL, NULL},
};

static int db_prune(struct cmd *cmd)
{
    return prune_run(cmd, dry_run);
}

static int db_places(struct cmd *cmd)
{
    return places_run(cmd, anew);
}

static int (*const runs[])(struct cmd *cmd) = {db_migrate, db_migrate, dbstatus_run, db_prune,
                                               db_start,   db_stop,    db_dsn,       db_places};

int cmd_db(struct cmd *cmd)
{
    size_t verb;
    int operands;
    if (cmd->help)
        return cmd_help(
            "ctvigil db init|migrate [--citus [--shards N]] [--dry-run]\n"
            "ctvigil db status|start|stop|dsn\n"
            "ctvigil db prune [--dry-run]\n"
            "ctvigil db places [--anew]\n"
            "ctvigil db suffixes [FILE]\n"
            "ctvigil db reader add|remove NAME [options]\n"
            "ctvigil db reader list",
            "Makes or updates the schema, shows its state, makes, seals, merges and drops partitions "
            "(prune),\n"
            "looks for damage in what leads from hashes to logs and mends it (places), "
            "changes to another\npublic suffix list (suffixes), starts and stops the private database, "
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
