/* PEM blocks (RFC 7468) in a text, one by one: lenient about what stands between, about line lengths and
 * about the headers of RFC 1421. */
#ifndef CTVIGIL_PEM_H
#define CTVIGIL_PEM_H

#include "base/span.h"

struct pem {
    struct span rest;
};

struct pem_block {
    struct span label; /* "CERTIFICATE" */
    struct span body;  /* between the two lines: base64 with white space, perhaps headers */
    bool cut;          /* its END line is missing; it reaches to the next block or to the end of the text,
                          without what is left of that line */
};

static inline struct pem pem_of(struct span text)
{
    return (struct pem){text};
}

/* True when the text holds the beginning of a block. */
bool pem_is(struct span text);
/* The next block, whole or cut off; false when there is none. */
bool pem_next(struct pem *pem, struct pem_block *block);
/* Decodes a body into `out`, which has room for its length; false when it is not base64. */
MUST_USE bool pem_decode(struct span body, uint8_t *out, size_t *len);

#endif
