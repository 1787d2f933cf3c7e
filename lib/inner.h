/* How the objects of the public header hold those of the rooms below. */
#ifndef CTVIGIL_INNER_H
#define CTVIGIL_INNER_H

#include "lib/ctvigil/parser.h"
#include "model/cert.h"
#include "model/entry.h"

/* The types differ on the two sides of the library's border, which is why nothing may be inlined across it:
 * shared or static, the library is machine code to its users. INNER(cert, struct cert, struct ctvigil_cert)
 * makes cert_of and cert_in, from the public object to what it holds. */
#define INNER(name, inside, outside)                                                                         \
    _Static_assert(sizeof(inside) <= sizeof(outside), "there is room for " #inside);                         \
    static inline inside *name##_of(outside *object)                                                         \
    {                                                                                                        \
        return (inside *)(void *)object->opaque;                                                             \
    }                                                                                                        \
    static inline const inside *name##_in(const outside *object)                                             \
    {                                                                                                        \
        return (const inside *)(const void *)object->opaque;                                                 \
    }

INNER(inner_cert, struct cert, struct ctvigil_cert)
INNER(inner_entry, struct entry, struct ctvigil_entry)

static inline struct ctvigil_bytes inner_bytes(struct span span)
{
    return (struct ctvigil_bytes){span.at, span.len};
}

static inline struct span inner_span(struct ctvigil_bytes bytes)
{
    return (struct span){bytes.data, bytes.size};
}

static inline void inner_findings(const struct finding_set *set, struct ctvigil_findings *findings)
{
    *findings = (struct ctvigil_findings){{set->bits[0], set->bits[1]}};
}

static inline struct finding_set inner_set(const struct ctvigil_findings *findings)
{
    return (struct finding_set){{findings->opaque[0], findings->opaque[1]}};
}

#endif
