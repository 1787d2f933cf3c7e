/* One alert as a message of RFC 5424: severity and facility, structured data that can be searched, and the
 * line. */
#ifndef CTVIGIL_SYSLOGMSG_H
#define CTVIGIL_SYSLOGMSG_H

#include "base/buf.h"
#include "watcher/channel.h"

/* The number of a facility ("daemon": 3); negative: there is none of that name. */
int syslogmsg_facility(const char *name);
/* RFC 5424 severity of ours: critical 2, high 3, low 5, info 6; 3 for a word that is none. */
int syslogmsg_severity(const char *severity);
/* Appends "<PRI>1 TIME HOST ctvigil PID KIND [ctvigil@32473 id="..." ...] BOM line", at most `most` bytes of
 * it: the line is cut, then the last parameters go. `host` NULL: this machine's name. */
void syslogmsg_put(struct buf *out, const struct channel_message *message, int facility, int64_t unix_ms,
                   size_t most);

#endif
