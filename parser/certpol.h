/* Certificate policies (RFC 5280 section 4.2.1.4): every policy of the extension, known or not. Zero copy, no
 * allocation. Whether a certificate is DV, OV, IV or EV is in cert->flags already (BR 7.1.6.1). */
#ifndef CTVIGIL_CERTPOL_H
#define CTVIGIL_CERTPOL_H

#include "parser/der.h"
#include "parser/oid.h"

struct certpol {
    struct der in;
    bool damaged; /* something could not be read */
    struct finding_set ignored;
};

struct certpol_item {
    struct span oid; /* content octets */
    enum oid id;
    struct span qualifiers; /* content of the SEQUENCE of qualifiers; absent when there is none */
    struct span cps;        /* URI of the first practice statement, as it stands; absent when there is none */
};

/* `ext_value`: cert->policies; absent gives nothing. `pol` must not be copied afterwards. */
void certpol_init(struct certpol *pol, struct span ext_value);
/* The next policy. False: no more; `damaged` says whether that is the whole truth. */
bool certpol_next(struct certpol *pol, struct certpol_item *item);

#endif
