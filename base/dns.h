/* DNS names as certificates write them and as watches need them (protocol.md 5.3 idea, RFC 9525, RFC 5891).
 *
 * The one normal form ("text") everywhere in ctvigil: lower-case A-labels joined by dots, no trailing dot,
 * "*" only as a whole label, and "?" for a label that could not be read: it matches every label. Bytes
 * outside 0x21..0x7e never occur in it. What can not be read is never "no name".
 *
 * The public suffix list is loaded once per process (dns_psl_load) before any dns_apex call; private-section
 * suffixes (github.io) count as public suffixes, so the registrable domain is the name below them. */
#ifndef CTVIGIL_DNS_H
#define CTVIGIL_DNS_H

#include "base/arena.h"
#include "base/err.h"

#define DNS_TEXT_MAX     512 /* longer input is kept raw and becomes the placeholder name "?" */
#define DNS_READINGS_MAX 4

enum dns_flag {
    DNS_WILDCARD = 1,      /* the left-most label is "*" */
    DNS_PLACEHOLDER = 2,   /* some label is "?" */
    DNS_WAS_IP = 4,        /* the text is an IP address, canonical form */
    DNS_CHANGED = 8,       /* the raw bytes were not the normal form */
    DNS_PARTIAL_STAR = 16, /* "w*.example.com": the label became "?" */
    DNS_HAD_NUL = 32,
    DNS_NON_ASCII = 64,
};

struct dns_reading {
    struct span text; /* in the caller's arena, or the raw bytes themselves when nothing had to change */
    uint32_t flags;
};

/* Every reading of the raw bytes of a dNSName or CN: trimmed of white space and trailing dots, lower-cased,
 * freed of "http://", "https://" and what follows a "/", cut at NUL (both the whole and the part before it),
 * non-ASCII bytes read as UTF-8 and as Latin-1. At least one reading comes back for any input, in the worst
 * case the placeholder
 * "?"; at most DNS_READINGS_MAX, without duplicates. A full arena also gives the placeholder. */
size_t dns_read(struct span raw, struct arena *arena, struct dns_reading out[DNS_READINGS_MAX]);

/* What a user typed (U-labels allowed, UTS-46): to the same normal form in out[DNS_TEXT_MAX]; ERR_FORMAT when
 * it is not a name. A leading "." is refused here; the caller strips it. */
MUST_USE enum err_code dns_from_user(const char *typed, char *out, struct err *why);

/* A name in normal form as people write it: each A-label that stands for a U-label (RFC 5890 section 2.3.2.1)
 * becomes that, in UTF-8 into out[DNS_UNICODE_MAX] with a final NUL; a label that does not come out as itself
 * when it is written back stays as it is. Returns the length. For eyes only: different names can look the
 * same, so it is never compared and always made visible (base/text.h) before it is shown. */
#define DNS_UNICODE_MAX (4 * DNS_TEXT_MAX + 1)
size_t dns_unicode(struct span text, char out[DNS_UNICODE_MAX]);

/* "www.example.com" -> "com.example.www" into out (same length). */
void dns_reverse(struct span text, uint8_t *out);

/* The registrable domain, a suffix of `text`; for a name that is itself a public suffix, all of it ("co.uk").
 * A wildcard label in front is never part of it. {NULL, 0}: the placeholder hides it, or an IP address. */
struct span dns_apex(struct span text);
/* The same by the second list (dns_psl_load_also); {NULL, 0} when there is none. */
struct span dns_apex_also(struct span text);
bool dns_has_also(void);
/* True when `text` is itself a public suffix. */
bool dns_is_public_suffix(struct span text);
/* False: no public suffix lies below the name. True: there may be one; ask the list itself. */
bool dns_may_have_suffix_below(struct span text);

/* Number of labels, 0 for the empty name. */
size_t dns_labels(struct span text);

/* RFC 9525 idea widened for watching: does the certificate name `name` (wildcards and placeholders allowed)
 * concern the watched domain? With subtree: the domain itself, anything below it, and wildcards or
 * placeholders that could cover one of them. Without: exactly that host, or a wildcard or placeholder that
 * covers it. */
bool dns_covers(struct span name, struct span watched, bool subtree);

/* Loads the list from text (the format of publicsuffix.org), or from the system's copy when `list` is
 * SPAN_NONE. */
MUST_USE enum err_code dns_psl_load(struct span list, struct err *why);
/* A second list beside it, for dns_apex_also alone; SPAN_NONE: none any more. */
MUST_USE enum err_code dns_psl_load_also(struct span list, struct err *why);

#endif
