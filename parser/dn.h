/* Names of issuer and subject (RFC 5280 section 4.1.2.4): attributes one by one, their values as UTF-8, and
 * the text of the whole (RFC 4514). Zero copy, no allocation. It compares nothing: equality of names is
 * equality of bytes here. */
#ifndef CTVIGIL_DN_H
#define CTVIGIL_DN_H

#include "parser/der.h"

#define DN_TEXT_RDNS_MAX 64 /* dn_text shows no more; walking is not bounded */

struct dn {
    struct der rdns;
    struct der attrs;
    uint32_t rdn;           /* of the attribute last given out, from 0 */
    bool empty_rdn;         /* an RDN without attributes was passed over */
    bool damaged;           /* something could not be read; the walk went on where it could */
    bool in_parts;          /* some value was a string in parts (dn_is_parts) */
    struct finding_set odd; /* form of what was walked over: lengths, tags */
};

struct dn_attr {
    struct span oid; /* content octets */
    uint32_t tag;    /* of the value */
    struct span value;
    uint32_t rdn;
};

/* `name`: a Name with its header, or absent (then nothing is given out). `dn` must not be copied afterwards.
 */
void dn_init(struct dn *dn, struct span name);
/* The next attribute in the order of the bytes. False: no more; `damaged` says whether that is the whole
 * truth. */
bool dn_next(struct dn *dn, struct dn_attr *attr);

/* True for the types whose value is text; others (BIT STRING, INTEGER) have octets to show. */
bool dn_is_text(uint32_t tag);

/* True for a string sent in parts (constructed, X.690 section 8.7.3; forbidden in DER). Its value is the
 * parts with their headers: nothing joins them here, while OpenSSL does. Whoever takes the value for a name
 * must count it as unreadable. */
bool dn_is_parts(uint32_t tag);

/* The value as UTF-8 into out[cap], no final NUL: UTF8String as it is (well-formed or not), BMPString and
 * UniversalString converted, all other types as they are when they are well-formed UTF-8 and as Latin-1
 * otherwise. Surrogates that do not pair, code points beyond Unicode and octets that are left over at the end
 * become U+FFFD. Returns the length; what does not fit is left out at a character's border. Room that is
 * always enough: DN_UTF8_ROOM(length), whose one more is for a single octet where two are wanted. */
#define DN_UTF8_ROOM(length) ((length)*2 + 1)
size_t dn_utf8(uint32_t tag, struct span value, uint8_t *out, size_t cap);

/* RFC 4514 text of a Name with its header ("CN=...,O=...", the last RDN first) into out[cap] with final NUL;
 * returns its length. Cut off with "..." when it does not fit. Control bytes are escaped as \HH. */
size_t dn_text(struct span name, char *out, size_t cap);

#endif
