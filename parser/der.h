/* Elements of DER, and of the BER that real CAs wrote (X.690 section 8): identifier, length, content. Zero
 * copy, no allocation, sticky error as in base/cur.h: after the first failure every further read fails and
 * moves nothing.
 *
 * Lenient: a length that is not in its shortest form, the indefinite length, and a tag number below 31 in
 * high-tag-number form (which then reads as the low form: no tag has two values here) are read and become a
 * finding. It does not join constructed strings, and it does not judge content. Nesting is walked by the
 * caller; the only search of its own (for the end of an indefinite length) is linear in the bytes passed
 * over. */
#ifndef CTVIGIL_DER_H
#define CTVIGIL_DER_H

#include "base/span.h"
#include "model/finding.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_TELETEX_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_UNIVERSAL_STRING = 0x1c,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};

struct der {
    const uint8_t *at;
    const uint8_t *end;
    struct finding_set *findings; /* never NULL; where odd lengths are noted */
    bool failed;
};

struct der_item {
    uint32_t tag; /* the identifier octet; from number 31 on that octet (0x1f bits set) plus number << 8 */
    struct span whole; /* with header, and with the end-of-contents octets of an indefinite length */
    struct span value;
};

static inline struct der der_of(struct span bytes, struct finding_set *findings)
{
    return (struct der){bytes.at, bytes.at == NULL ? NULL : bytes.at + bytes.len, findings, false};
}

/* True while nothing failed and bytes are left. */
static inline bool der_more(const struct der *der)
{
    return !der->failed && der->at != der->end;
}

/* True when nothing failed and every byte was consumed. */
static inline bool der_done(const struct der *der)
{
    return !der->failed && der->at == der->end;
}

static inline size_t der_left(const struct der *der)
{
    return (size_t)(der->end - der->at);
}

/* The next element in any form: what der_next does not know at once. */
__attribute__((cold)) bool der_next_any(struct der *der, struct der_item *item);

/* On copies, so that the address of neither escapes and a walk that the compiler has inlined keeps its cursor
 * in registers. */
static inline bool der_next_slowly(struct der *der, struct der_item *item)
{
    struct der rest = *der;
    struct der_item found;
    bool good = der_next_any(&rest, &found);

    *der = rest;
    *item = found;
    return good;
}

/* The next element, whatever its tag. False: none is left, or it does not fit; `item` is empty then. */
static inline bool der_next(struct der *der, struct der_item *item)
{
    const uint8_t *at = der->at;
    size_t left = (size_t)(der->end - at);
    size_t head = 2;
    size_t len;

    if (left < 2 || der->failed || (at[0] & 0x1fu) == 0x1fu)
        return der_next_slowly(der, item);
    len = at[1];
    if (len >= 0x80) {
        if (len == 0x82 && left >= 4 && at[2] != 0) {
            len = (size_t)at[2] << 8 | at[3];
            head = 4;
        } else if (len == 0x81 && left >= 3 && at[2] >= 0x80) {
            len = at[2];
            head = 3;
        } else {
            return der_next_slowly(der, item);
        }
    }
    if (len > left - head)
        return der_next_slowly(der, item);
    item->tag = at[0];
    item->whole = (struct span){at, head + len};
    item->value = (struct span){at + head, len};
    der->at = at + head + len;
    return true;
}

/* The next element if its tag is `tag`; anything else is a failure. */
static inline bool der_expect(struct der *der, uint32_t tag, struct der_item *item)
{
    if (der_next(der, item) && item->tag == tag)
        return true;
    der->failed = true;
    return false;
}

/* der_optional, when the identifier is in high-tag-number form. */
__attribute__((cold)) bool der_optional_any(struct der *der, uint8_t tag, struct der_item *item);

/* The next element if its tag is `tag` (of a number below 31); otherwise false, and nothing is consumed and
 * nothing fails, unless the low form of the tag stands there and the element does not fit. */
static inline bool der_optional(struct der *der, uint8_t tag, struct der_item *item)
{
    if (!der_more(der))
        return false;
    if ((*der->at & 0x1fu) == 0x1fu)
        return der_optional_any(der, tag, item);
    return *der->at == tag && der_next(der, item);
}

/* As der_next, but when the length runs past the end the rest is taken as content and *cut is set: for the
 * outermost elements, so that what is there can still be read. False only when there is no readable header.
 */
bool der_next_cut(struct der *der, struct der_item *item, bool *cut);

/* Writes tag and shortest length into out[6]; returns 2 to 6 (lengths up to 2^32 - 1). */
size_t der_header(uint8_t tag, size_t length, uint8_t out[6]);

#endif
