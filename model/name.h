/* A name a certificate stands for, as matching and search see it. The raw bytes are kept beside the normal
 * form. */
#ifndef CTVIGIL_NAME_H
#define CTVIGIL_NAME_H

#include "base/span.h"

enum name_kind {
    NAME_DNS,   /* text: normal form of base/dns.h */
    NAME_IP,    /* raw: 4 or 16 octets; text empty */
    NAME_EMAIL, /* text: visible; what is behind the last "@" in the normal form of base/dns.h */
    NAME_URI,   /* text: as found */
    NAME_DIRECTORY,
    NAME_OTHER, /* otherName, x400Address, ediPartyName, registeredID: raw DER value */
};

enum name_flag {
    NAME_FROM_CN = 1,      /* read from a common name, not from the alternative names */
    NAME_WILDCARD = 2,     /* left-most label is "*" */
    NAME_PLACEHOLDER = 4,  /* some label could not be read and matches everything */
    NAME_FROM_IP_TEXT = 8, /* an IP address that stood in a dNSName or CN as text */
    NAME_READING = 16,     /* a second reading of the same raw bytes */
};

struct name {
    enum name_kind kind;
    uint32_t flags;
    struct span raw;
    struct span text;
    struct span apex; /* NAME_DNS: registrable domain, part of text; absent when a placeholder hides it */
};

const char *name_kind_name(enum name_kind kind); /* "dns", "ip", "email", "uri", "directory", "other" */

#endif
