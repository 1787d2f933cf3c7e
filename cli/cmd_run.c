#include <stdio.h>

#include "base/say.h"
#include "cli/cmd.h"
#include "cli/heartbeat.h"
#include "cli/metricfile.h"
#include "cli/notify.h"
#include "cli/opt.h"
#include "cli/roles.h"

#define CMD_RUN_STEP_MS       200
#define CMD_RUN_REFRESH_STEPS 15 /* new logs are looked for every three seconds */

int cmd_run(struct cmd *cmd)
{
    struct roles_options options = {0};
    const struct opt rows[] = {{NULL, OPT_FLAG, NULL, NULL, NULL}};
    struct roles_ingest *ingest = NULL;
    struct deliver *deliver = NULL;
    struct heartbeat *heartbeat = NULL;
    struct pgconn *conn = NULL;
    struct err why = {0};

    if (cmd->help)
        return cmd_help(
            "ctvigil run",
            "Reads the registered logs, matches every entry against the registered domains and delivers\n"
            "the alerts, until it is told to stop. Logs and domains may be added meanwhile.",
            rows);
    int status = roles_begin(cmd, rows, &conn);
    if (status != CMD_OK)
        return status;
    /* The channels come first, so that every alert from now on waits for them. */
    if (notify_start(cmd, &deliver, &why) != ERR_OK ||
        roles_ingest_start(cmd, conn, &options, &ingest, &why) != ERR_OK ||
        heartbeat_start(cmd->conf, cmd_db_dsn(), &heartbeat, &why) != ERR_OK) {
        status = cmd_fail(&why);
    } else {
        say_info("run", "reading logs%s",
                 deliver == NULL ? "; no channel is configured, alerts are only stored"
                                 : " and delivering alerts");
        metricfile_tick(cmd->conf, true);
        for (int64_t round = 1;
             status == CMD_OK && !roles_stopping() && !roles_ingest_wait(ingest, CMD_RUN_STEP_MS, NULL);
             round++) {
            metricfile_tick(cmd->conf, false);
            if (cmd_db_keep(false, &why) != ERR_OK)
                status = cmd_fail(&why);
            else if (round % CMD_RUN_REFRESH_STEPS == 0)
                roles_ingest_refresh(ingest, conn);
        }
    }
    heartbeat_stop(heartbeat);
    roles_ingest_stop(ingest, NULL);
    deliver_stop(deliver);
    metricfile_tick(cmd->conf, true);
    cmd_db_close(conn);
    return status;
}
