/* CRL distribution points (RFC 5280 section 4.2.1.13; freshestCRL, 4.2.1.15, has the same form): every name
 * of every point. Zero copy, no allocation; nothing is fetched. */
#ifndef CTVIGIL_CRLDP_H
#define CTVIGIL_CRLDP_H

#include "parser/san.h"

struct crldp {
    struct der points;
    struct der names; /* what is left of the fullName of the current point */
    uint32_t point;
    struct span reasons;
    struct span issuer;
    bool damaged; /* something could not be read */
    struct finding_set ignored;
};

struct crldp_item {
    uint32_t point;       /* which DistributionPoint, from 0 */
    struct san_item name; /* of its fullName; name.whole is absent for a point that has none */
    struct span relative; /* content of nameRelativeToCRLIssuer, instead of a name */
    struct span reasons;  /* content of the BIT STRING; absent: all reasons */
    struct span issuer;   /* content of cRLIssuer (GeneralNames); absent: the CA itself */
};

/* `ext_value`: cert->crl_points; absent gives nothing. `crldp` must not be copied afterwards. */
void crldp_init(struct crldp *crldp, struct span ext_value);
/* The next name, or the next point without names. False: no more; `damaged` says whether that is the whole
 * truth. */
bool crldp_next(struct crldp *crldp, struct crldp_item *item);

#endif
