/* `log import`: reads the archive of a CT log that is over (ingest/archive.h) into the database, through the
 * pipeline that reads logs, so that verification, issuers, matching, alerts and kill -9 are what they always
 * are. What is there already is not read again; what is in none of the files stays missing and can come with
 * another import. */
#ifndef CTVIGIL_IMPORTER_H
#define CTVIGIL_IMPORTER_H

#include "cli/cmd.h"
#include "model/ctlog.h"

struct importer_ask {
    const char *name;        /* NULL: its origin, or the name that the log has in the database */
    const struct ctlog *key; /* log_id and key that it must have; NULL: those of the database, else its own */
    const char *const *paths;
    size_t count;
};

/* CMD_OK; CMD_FINDINGS: what was read does not verify; CMD_FAILED: a file, or part of one, could not be read.
 */
int importer_run(const struct cmd *cmd, const struct importer_ask *ask);

#endif
