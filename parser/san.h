/* GeneralNames of the subject alternative names (RFC 5280 section 4.2.1.6): all nine kinds, over every
 * subjectAltName extension of a certificate. Zero copy, no allocation, no normalisation (parser/names.h does
 * that). */
#ifndef CTVIGIL_SAN_H
#define CTVIGIL_SAN_H

#include "model/cert.h"
#include "parser/ext.h"

enum san_kind {
    SAN_OTHER_NAME = 0,
    SAN_EMAIL = 1,
    SAN_DNS = 2,
    SAN_X400 = 3,
    SAN_DIRECTORY = 4, /* value: a Name with its header */
    SAN_EDI_PARTY = 5,
    SAN_URI = 6,
    SAN_IP = 7,
    SAN_REGISTERED_ID = 8,
    SAN_UNKNOWN_KIND = 9,
};

struct san {
    struct der in;
    struct ext exts;
    bool more_exts; /* the certificate has several SAN extensions, or its extensions are damaged */
    bool damaged; /* some name could not be read, or some SAN extension may be hidden; then names may be lost
                     (finding_names_lost) */
    bool empty;   /* some SAN extension holds no name */
    struct finding_set odd; /* form of what was walked over: lengths, tags */
};

struct san_item {
    enum san_kind kind;
    struct span value; /* content octets; for SAN_DIRECTORY the Name inside the explicit tag */
    struct span whole;
};

/* What a GeneralName is wherever it stands: in name constraints, CRL distribution points, access
 * descriptions. Of a tag that is none of the nine the kind is SAN_UNKNOWN_KIND. */
struct san_item san_item_of(const struct der_item *found);
/* "dns", "ip", "email", "uri", "directory", "other", "x400", "edi", "registered_id", "unknown". */
const char *san_kind_name(enum san_kind kind);

/* `san` must not be copied afterwards. */
void san_init(struct san *san, const struct cert *cert);
/* The next name of any kind, from wherever it comes: what san_next does not know at once. */
bool san_next_any(struct san *san, struct san_item *item);

/* The next name. False: no more; `damaged` says whether that is the whole truth. */
static inline bool san_next(struct san *san, struct san_item *item)
{
    const uint8_t *at = san->in.at;
    size_t left = der_left(&san->in);

    /* A dNSName, as nearly all are; it is at most 255 octets long, and seldom more than 127. */
    if (left < 2 || san->in.failed || at[0] != (0x80 | SAN_DNS) || at[1] >= 0x80 || at[1] > left - 2) {
        bool last = left == 0 && !san->in.failed && !san->more_exts;
        return !last && san_next_any(san, item);
    }
    item->kind = SAN_DNS;
    item->value = (struct span){at + 2, at[1]};
    item->whole = (struct span){at, (size_t)at[1] + 2};
    san->in.at = at + 2 + at[1];
    return true;
}

#endif
