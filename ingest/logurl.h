/* URLs of logs and log lists, as curl reads them, which is what will be connected to. No network. */
#ifndef CTVIGIL_LOGURL_H
#define CTVIGIL_LOGURL_H

#include "base/err.h"
#include "model/ctlog.h"

/* Copies `given` without trailing slashes. ERR_USAGE, with `what` in front ("--url"): no URL, neither
 * https:// nor http://, with user, query or fragment, too long; http:// for another machine than this one
 * unless `allow_http`. */
MUST_USE enum err_code logurl_take(const char *what, const char *given, bool allow_http,
                                   char out[CTLOG_URL_MAX], struct err *why);
/* Is the host one that nobody can have (RFC 2606, RFC 6761: example.com, example.net, example.org, .example,
 * .invalid, .test and what is below them)? False for what is no URL. */
bool logurl_reserved(const char *url);

#endif
