/* Object identifiers: the ones this program knows (oid.def) and the dotted form of any. Pure, no allocation.
 */
#ifndef CTVIGIL_OID_H
#define CTVIGIL_OID_H

#include "base/span.h"

enum oid {
    OID_UNKNOWN,
#define X(name, length, tail, bytes, dotted, short_name) OID_##name,
#include "parser/oid.def"
#undef X
    OID_COUNT
};

/* Room for the text of every identifier of up to 160 content octets; a longer one is cut off with "..". */
#define OID_TEXT_MAX 512

/* The row whose bytes equal `oid` (content octets of the OBJECT IDENTIFIER), or OID_UNKNOWN. */
enum oid oid_find(struct span oid);

struct span oid_bytes(enum oid oid);  /* content octets; absent for OID_UNKNOWN */
const char *oid_dotted(enum oid oid); /* "2.5.29.17"; "" for OID_UNKNOWN */
const char *oid_short(enum oid oid);  /* "subjectAltName"; NULL for OID_UNKNOWN */

/* Dotted decimal of any content octets into out[OID_TEXT_MAX], arcs of any size (X.690 section 8.19). Octets
 * that are no OID (empty, or cut off inside an arc) become "#" and their hex. Returns out. */
char *oid_text(struct span oid, char out[OID_TEXT_MAX]);

#endif
