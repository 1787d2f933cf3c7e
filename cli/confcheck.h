/* What `config check` looks at beside the form of the keys: what they point to on this machine. */
#ifndef CTVIGIL_CONFCHECK_H
#define CTVIGIL_CONFCHECK_H

#include "base/conf.h"
#include "base/err.h"

#define CONFCHECK_TEXT_MAX 400

/* Addresses to ask from that are not ours, a log list that is a file and can not be read, or whose signature
 * can not. ERR_CONFIG names the key. */
MUST_USE enum err_code confcheck_places(const struct conf *conf, struct err *why);
/* The next thing that is odd and may be right: an operator in ingest.http2 or ingest.no_keepalive that is not
 * known without having met it. *at is 0 at first. False: nothing more. */
bool confcheck_next(const struct conf *conf, size_t *at, char text[CONFCHECK_TEXT_MAX]);

#endif
