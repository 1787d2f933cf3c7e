/* The channels of the configuration and the notifier that feeds them, for `run`, `watch` and `alert test`:
 * the sections stdout and hook, which are the channels of these names, and the list `channels`. */
#ifndef CTVIGIL_NOTIFY_H
#define CTVIGIL_NOTIFY_H

#include "base/limits.h"
#include "cli/cmd.h"
#include "watcher/deliver.h"

#define NOTIFY_CHANNELS_MAX (LIMIT_CHANNELS + 2)

/* Is there a channel of this name at all (stdout and hook: configured or not)? */
bool notify_known(const struct cmd *cmd, const char *name);
/* Makes the configured channels; *count 0: none is. A hook that is a folder is a channel for each program in
 * it, NAME/PROGRAM, by name; files that can not be run, and those whose names begin with a dot, are left out.
 * The caller frees them (channel_free) or hands them to deliver_start. */
MUST_USE enum err_code notify_channels(const struct cmd *cmd, struct channel *channels[NOTIFY_CHANNELS_MAX],
                                       size_t *count, struct err *why);
/* Starts the notifier on the database of cmd_db_open. *deliver NULL without error: no channel is configured.
 */
MUST_USE enum err_code notify_start(const struct cmd *cmd, struct deliver **deliver, struct err *why);

#endif
