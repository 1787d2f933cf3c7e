/* Alerts to syslog (RFC 5424): into a unix socket, by UDP (RFC 5426), or by TCP and TLS with octet counting
 * (RFC 6587, RFC 5425). Syslog has no answer: accepted means that the bytes were taken by the socket. A TCP
 * connection that the other side has closed is noticed before the next message, and made anew. */
#ifndef CTVIGIL_SEND_SYSLOG_H
#define CTVIGIL_SEND_SYSLOG_H

#include "base/chanconf.h"
#include "watcher/channel.h"

#define SEND_SYSLOG_BYTES          8192 /* of one message; RFC 5424 asks receivers to take 2048 */
#define SEND_SYSLOG_DATAGRAM_BYTES 2048 /* by UDP and unix socket */

/* Everything is copied. ERR_CONFIG begins with the key. Nothing is connected to. */
MUST_USE enum err_code send_syslog_new(const struct chanconf *conf, struct channel **channel,
                                       struct err *why);

#endif
