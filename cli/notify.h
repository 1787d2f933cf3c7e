/* The channels of the configuration and the notifier that feeds them, for `run`, `watch` and `alert test`. */
#ifndef CTVIGIL_NOTIFY_H
#define CTVIGIL_NOTIFY_H

#include "cli/cmd.h"
#include "watcher/deliver.h"

#define NOTIFY_CHANNELS_MAX 4

/* Is there a channel of this name at all (configured or not)? */
bool notify_known(const char *name);
/* Makes the configured channels; *count 0: none is. The caller frees them (ops->free) or hands them to
 * deliver_start. */
MUST_USE enum err_code notify_channels(const struct cmd *cmd, struct channel *channels[NOTIFY_CHANNELS_MAX],
                                       size_t *count, struct err *why);
/* Starts the notifier on the database of cmd_db_open. *deliver NULL without error: no channel is configured.
 */
MUST_USE enum err_code notify_start(const struct cmd *cmd, struct deliver **deliver, struct err *why);

#endif
