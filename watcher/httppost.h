/* POST of small documents to one URL, for receivers that may be hostile: no redirects, no proxy, only
 * addresses that the guard allows (checked at the socket), TLS verified, a bounded answer in bounded time.
 * One handle belongs to one thread; its connection is kept. */
#ifndef CTVIGIL_HTTPPOST_H
#define CTVIGIL_HTTPPOST_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/span.h"

struct httppost;

struct httppost_options {
    const char *url;     /* https://, or http:// to this machine: 127.0.0.0/8, ::1, localhost */
    const char *ca_file; /* "": the system's */
    bool allow_private;  /* https to any address */
    int64_t timeout_ms;  /* of everything together */
};

/* All texts are copied. ERR_CONFIG: the URL is none that may be used; the text does not show its path. */
MUST_USE enum err_code httppost_new(const struct httppost_options *options, struct httppost **post,
                                    struct err *why);
void httppost_free(struct httppost *post); /* NULL is fine */

/* ERR_OK: the receiver answered 2xx; what it sends behind that is read for a second and thrown away.
 * ERR_HTTP_BUSY: 429 or 503, *retry_ms what Retry-After says (0: nothing). ERR_HTTP: any other status.
 * ERR_NETWORK, ERR_TIMEOUT. `headers` are whole lines, NULL at the end. body NULL: a GET. */
MUST_USE enum err_code httppost_send(struct httppost *post, const char *body, const char *const *headers,
                                     const atomic_bool *stop, int64_t *retry_ms, struct err *why);

#endif
