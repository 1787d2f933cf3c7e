/* The dead-man's switch: a URL that is asked for (GET) every heartbeat.every_s seconds while all is well, so
 * that somebody else notices when it is not: the program gone, the database away, a log out of date, a
 * channel that fails, deliveries that nobody takes. A thread of its own; where nothing is configured,
 * nothing. */
#ifndef CTVIGIL_HEARTBEAT_H
#define CTVIGIL_HEARTBEAT_H

#include "base/conf.h"
#include "base/err.h"

struct heartbeat;

/* *heartbeat NULL without error: none is configured. ERR_CONFIG names the key. */
MUST_USE enum err_code heartbeat_start(const struct conf *conf, const char *dsn, struct heartbeat **heartbeat,
                                       struct err *why);
/* NULL is fine. */
void heartbeat_stop(struct heartbeat *heartbeat);
/* Can it work? Connects to nothing. */
MUST_USE enum err_code heartbeat_check(const struct conf *conf, struct err *why);

#endif
