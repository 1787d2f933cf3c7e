/* A distinguished name (RFC 5280 section 4.1.2.4) as one line for people. Not for comparing: two names with
 * the same text can differ in their bytes. */
#ifndef CTVIGIL_DNAME_H
#define CTVIGIL_DNAME_H

#include "base/buf.h"

#define DNAME_TEXT_MAX 1024 /* longer text ends in "..." */

/* Appends "CN=Some CA, O=Some Org, C=DE": the most specific part first (RFC 4514 order), attribute types by
 * their short name or as dotted OID, values made visible (base/text.h) with RFC 4514 escapes for the
 * separators. What can not be read is written as #hex. Nothing for an absent or empty name. At most
 * DNAME_TEXT_MAX bytes. */
void dname_text(struct span der, struct buf *out);

#endif
