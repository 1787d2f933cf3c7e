/* Alerts as JSON lines into a file descriptor. A reader that does not read makes the send fail after a while
 * instead of holding the notifier for ever; the line it may have got half of is ended and sent again whole.
 */
#ifndef CTVIGIL_SEND_STDOUT_H
#define CTVIGIL_SEND_STDOUT_H

#include "watcher/channel.h"

#define SEND_STDOUT_NAME "stdout"

/* NULL: out of memory. The descriptor stays the caller's. */
MUST_USE struct channel *send_stdout_new(int fd, int64_t timeout_ms);
/* Gives it another name than SEND_STDOUT_NAME; not copied. */
void send_stdout_name(struct channel *channel, const char *name);

#endif
