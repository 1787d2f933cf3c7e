/* Name constraints of a CA (RFC 5280 section 4.2.1.10): the subtrees below which it may, and may not, issue,
 * one by one. Zero copy, no allocation. It says what stands there; whether a name is inside is decided by
 * whoever judges paths. */
#ifndef CTVIGIL_NC_H
#define CTVIGIL_NC_H

#include "parser/san.h"

enum nc_side { NC_PERMITTED, NC_EXCLUDED };

struct nc {
    struct der fields; /* what is left of NameConstraints */
    struct der trees;  /* what is left of one GeneralSubtrees */
    enum nc_side side;
    bool damaged; /* something could not be read: there may be more constraints than were given out */
    bool empty;   /* a list without subtrees, or neither list: RFC 5280 forbids both */
    struct finding_set ignored;
};

struct nc_item {
    enum nc_side side;
    struct san_item base; /* SAN_IP: address and mask, 8 or 32 octets when well-formed */
    bool bounded;         /* minimum or maximum is written: minimum must be 0 and left out, maximum absent */
};

/* `ext_value`: cert->name_constraints; absent gives nothing. `nc` must not be copied afterwards. */
void nc_init(struct nc *nc, struct span ext_value);
/* The next subtree, in the order of the bytes. False: no more; `damaged` says whether that is the whole
 * truth. */
bool nc_next(struct nc *nc, struct nc_item *item);

#endif
