/* PEM blocks (RFC 7468) in a text, one by one: lenient about what stands between and about line lengths. */
#ifndef CTVIGIL_PEM_H
#define CTVIGIL_PEM_H

#include "base/span.h"

struct pem {
    struct span rest;
};

struct pem_block {
    struct span label; /* "CERTIFICATE" */
    struct span body;  /* between the two lines: base64 with white space, perhaps headers */
};

static inline struct pem pem_of(struct span text)
{
    return (struct pem){text};
}

/* True when the text holds the beginning of a block. */
bool pem_is(struct span text);
/* The next block that has an end; false when there is none. */
bool pem_next(struct pem *pem, struct pem_block *block);
/* Decodes a body into `out`, which has room for its length; false when it is not base64. */
MUST_USE bool pem_decode(struct span body, uint8_t *out, size_t *len);

#endif
