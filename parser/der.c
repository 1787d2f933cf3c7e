#include "parser/der.h"

struct header {
    uint32_t tag;
    size_t head;
    size_t length;
    bool indefinite;
};

static bool header_tag(const struct der *der, struct header *header)
{
    const uint8_t *at = der->at;
    size_t left = der_left(der);
    uint32_t number = 0;

    if (left == 0)
        return false;
    header->tag = at[0];
    header->head = 1;
    if ((at[0] & 0x1fu) != 0x1fu)
        return true;
    do {
        if (header->head == left || number >> 17 != 0)
            return false;
        number = number << 7 | (at[header->head] & 0x7fu);
    } while ((at[header->head++] & 0x80u) != 0);
    if (number >= 0x1fu) {
        header->tag |= number << 8;
        return true;
    }
    /* Others read it as the short form, so it must not become another element here. */
    finding_add(der->findings, FINDING_DER_TAG_LONG);
    header->tag = (at[0] & 0xe0u) | number;
    return true;
}

/* False: there is no readable header. The length may still run past the end. */
static bool header_read(struct der *der, struct header *header)
{
    size_t left = der_left(der);
    size_t octets;

    header->indefinite = false;
    if (der->failed || !header_tag(der, header) || header->head == left)
        return false;
    header->length = der->at[header->head++];
    if (header->length < 0x80)
        return true;
    octets = header->length & 0x7fu;
    header->length = 0;
    if (octets == 0) {
        header->indefinite = true;
        return (*der->at & 0x20u) != 0;
    }
    if (octets == 0x7f || octets > left - header->head)
        return false;
    bool padded = der->at[header->head] == 0;
    for (size_t i = 0; i < octets; i++) {
        if (header->length >> (8 * (sizeof header->length - 1)) != 0)
            return false;
        header->length = header->length << 8 | der->at[header->head++];
    }
    if (padded || header->length < 0x80)
        finding_add(der->findings, FINDING_DER_LENGTH_NOT_MINIMAL);
    return true;
}

/* The content before the end-of-contents octets that belong to the element whose content begins at der->at.
 * Elements of definite length are stepped over, so that only open ones must be counted. */
static bool indefinite_end(struct der *der, size_t *length)
{
    const uint8_t *begin = der->at;
    size_t depth = 0;
    struct header header;

    finding_add(der->findings, FINDING_BER_INDEFINITE);
    while (header_read(der, &header)) {
        if (header.indefinite) {
            depth++;
            der->at += header.head;
            continue;
        }
        if (header.length > der_left(der) - header.head)
            return false;
        if (header.tag == 0 && header.length == 0 && header.head == 2) {
            if (depth == 0) {
                *length = (size_t)(der->at - begin);
                return true;
            }
            depth--;
        }
        der->at += header.head + header.length;
    }
    return false;
}

static void item_clear(struct der_item *item)
{
    item->tag = 0;
    item->whole = SPAN_NONE;
    item->value = SPAN_NONE;
}

static bool next(struct der *der, struct der_item *item, bool *cut)
{
    const uint8_t *begin = der->at;
    struct header header;
    size_t tail = 0;

    item_clear(item);
    if (!header_read(der, &header)) {
        der->failed = true;
        return false;
    }
    der->at = begin + header.head;
    if (header.indefinite) {
        bool ended = indefinite_end(der, &header.length);
        der->at = begin + header.head;
        tail = ended ? 2 : 0;
        if (!ended)
            header.length = SIZE_MAX;
    }
    if (header.length > der_left(der)) {
        if (cut == NULL) {
            der->at = begin;
            der->failed = true;
            return false;
        }
        *cut = true;
        header.length = der_left(der);
    }
    item->tag = header.tag;
    item->value = span_of(der->at, header.length);
    der->at += header.length + tail;
    item->whole = span_of(begin, (size_t)(der->at - begin));
    return true;
}

bool der_next_any(struct der *der, struct der_item *item)
{
    return next(der, item, NULL);
}

bool der_optional_any(struct der *der, uint8_t tag, struct der_item *item)
{
    struct der rest = *der;

    if (!der_next(&rest, item) || item->tag != tag)
        return false;
    *der = rest;
    return true;
}

bool der_next_cut(struct der *der, struct der_item *item, bool *cut)
{
    return next(der, item, cut);
}

size_t der_header(uint8_t tag, size_t length, uint8_t out[6])
{
    size_t octets = 0;

    must(length <= UINT32_MAX);
    out[0] = tag;
    if (length < 0x80) {
        out[1] = (uint8_t)length;
        return 2;
    }
    while (octets < 4 && length >> (8 * octets) != 0)
        octets++;
    out[1] = (uint8_t)(0x80u | octets);
    for (size_t i = 0; i < octets; i++)
        out[2 + i] = (uint8_t)(length >> (8 * (octets - 1 - i)));
    return 2 + octets;
}
