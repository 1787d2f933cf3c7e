/* Watched domains and their policies as people write them: a YAML file with a list `watch` (docs/policy.md),
 * or a watch list of certspotter (a name a line, "." in front for everything below it, "#" for remarks). */
#ifndef CTVIGIL_POLICYFILE_H
#define CTVIGIL_POLICYFILE_H

#include "cli/cmd.h"
#include "model/watch.h"

/* All entries of the file (`cmd` says which channels there are; NULL: any), names in normal form and CAs as
 * keys; the caller frees with watch_free. ERR_CONFIG names file, line and key: what can not be understood is
 * never left out. */
MUST_USE enum err_code policyfile_load(const struct cmd *cmd, const char *path, struct watch **watches,
                                       size_t *count, struct err *why);

/* One entry, as in the list; what it needs is taken out of `entry`. In `path` the key that is wrong. */
#define POLICYFILE_PATH_MAX 128
MUST_USE enum err_code policyfile_entry(const struct cmd *cmd, json_t *entry, struct watch *watch,
                                        char path[POLICYFILE_PATH_MAX], struct err *why);

#endif
