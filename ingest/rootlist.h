/* The roots that a log accepts (RFC 6962 section 4.7, get-roots; static-ct logs answer it below their
 * submission prefix): where to ask, and how to read the answer. What a log says of its roots is signed by
 * nobody. No network here. */
#ifndef CTVIGIL_ROOTLIST_H
#define CTVIGIL_ROOTLIST_H

#include "base/err.h"
#include "ingest/proto.h"

void rootlist_url(const struct ctlog *log, char url[PROTO_URL_MAX]);

struct rootlist {
    size_t count;   /* certificates handed over, at most LIMIT_ROOTS */
    size_t refused; /* no base64, empty, or longer than LIMIT_ISSUER_BYTES */
};

/* Calls `each` for every certificate of {"certificates":["BASE64", ...]}, valid until it returns; they may be
 * anything. An error of `each` ends it. ERR_FORMAT: it is not such a document. */
MUST_USE enum err_code rootlist_read(struct span body,
                                     enum err_code (*each)(void *arg, struct span der, struct err *why),
                                     void *arg, struct rootlist *list, struct err *why);

#endif
