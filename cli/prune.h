/* `ctvigil db prune`: what is to be done to the partitions, and doing it. */
#ifndef CTVIGIL_PRUNE_H
#define CTVIGIL_PRUNE_H

#include "cli/cmd.h"
#include "db/db_part.h"

/* The command; returns the exit code. */
int prune_run(struct cmd *cmd, bool dry_run);
/* What the configuration asks for. */
void prune_rules(const struct conf *conf, bool patient, struct db_part_rules *rules);
/* One line for people: "seal 202601 (2026-01-01 to 2026-02-01, 1200 rows, 3.4 MB)". */
#define PRUNE_TEXT_MAX 200
const char *prune_text(const struct db_part_todo *todo, char out[PRUNE_TEXT_MAX]);

#endif
