/* Where to ask about a certificate: authority and subject information access (RFC 5280 sections 4.2.2.1 and
 * 4.2.2.2), one description after the other. Zero copy, no allocation; nothing is fetched. */
#ifndef CTVIGIL_ACCESS_H
#define CTVIGIL_ACCESS_H

#include "parser/san.h"

struct access {
    struct der in;
    bool damaged; /* something could not be read */
    struct finding_set ignored;
};

struct access_item {
    struct span method; /* OID content octets */
    enum oid id;        /* OID_ACCESS_OCSP, OID_ACCESS_CA_ISSUERS, ... */
    struct san_item location;
};

/* `ext_value`: cert->aia, or the value of a subjectInfoAccess extension; absent gives nothing. `access` must
 * not be copied afterwards. */
void access_init(struct access *access, struct span ext_value);
/* The next description. False: no more; `damaged` says whether that is the whole truth. */
bool access_next(struct access *access, struct access_item *item);

#endif
