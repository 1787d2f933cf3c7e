#include <stdio.h>

#include "cli/backfill.h"
#include "cli/cmd.h"
#include "cli/metricfile.h"
#include "cli/opt.h"
#include "cli/roles.h"

/* Until it ends by itself (once) or somebody asks it to; new logs are looked for every few seconds. CMD_OK,
 * or the exit code when the database is lost for good. */
static int cmd_ingest_loop(struct roles_ingest *ingest, struct pgconn *conn, const struct conf *conf,
                           bool once, struct pipe_result *result)
{
    int64_t rounds = 0;

    while (!roles_ingest_wait(ingest, 200, result) && !roles_stopping()) {
        struct err why = {0};
        metricfile_tick(conf, false);
        if (cmd_db_keep(once, &why) != ERR_OK)
            return cmd_fail(&why);
        if (!once && ++rounds % 15 == 0)
            roles_ingest_refresh(ingest, conn);
    }
    return CMD_OK;
}

int cmd_ingest(struct cmd *cmd)
{
    struct roles_options options = {0};
    struct opt_list only = {0};
    const struct opt rows[] = {
        {"once", OPT_FLAG, &options.once, NULL,
         "read every log up to the head it has now, verify, commit, end"},
        {"log", OPT_LIST, &only, "NAME", "only this log; may be given more than once"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    struct roles_ingest *ingest = NULL;
    struct pipe_result result = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};

    if (cmd->help)
        return cmd_help(
            "ctvigil ingest [--once] [--log NAME]...",
            "Reads CT logs into the database. Exit codes with --once: 0 all verified, 1 a log failed\n"
            "verification, 4 a log could not be read.",
            rows);
    int status = roles_begin(cmd, rows, &conn);
    if (status != CMD_OK)
        return status;
    if (only.count > 0) {
        options.only = only.item;
        options.only_count = only.count;
    }
    if (roles_ingest_start(cmd, conn, &options, &ingest, &why) != ERR_OK) {
        status = cmd_fail(&why);
    } else {
        status = cmd_ingest_loop(ingest, conn, cmd->conf, options.once, &result);
        roles_ingest_stop(ingest, &result);
        if (options.once && status == CMD_OK && !roles_stopping() &&
            backfill_rest(conn, roles_stop_flag(), &why) != ERR_OK)
            status = cmd_fail(&why);
        metricfile_tick(cmd->conf, true);
        if (options.once && status == CMD_OK && result.unverified)
            status = CMD_FINDINGS;
        else if (options.once && status == CMD_OK && (result.unread || roles_stopping()))
            status = CMD_FAILED;
        if (options.once)
            fprintf(stderr, "ctvigil: %llu entries read%s%s\n", (unsigned long long)result.entries,
                    result.unverified ? "; a log failed verification, see 'ctvigil log status'" : "",
                    result.unread ? "; a log could not be read, see 'ctvigil log status'" : "");
    }
    cmd_db_close(conn);
    return status;
}
