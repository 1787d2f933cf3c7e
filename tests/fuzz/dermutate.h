/* A mutator that knows DER: it changes elements and keeps the lengths around them right, so that what is
 * mutated is met behind the outer checks. A fuzz target has it by including this file, once; libFuzzer calls
 * it, and replay_main.c does with a few fixed seeds. What is no DER, and one input in four, is mutated octet
 * by octet. */
#ifndef CTVIGIL_DERMUTATE_H
#define CTVIGIL_DERMUTATE_H

#include "parser/oid.h"

#define DERMUTATE_NODES 512
#define DERMUTATE_DEPTH 24
#define DERMUTATE_ROOM  8192 /* of an element that is copied */
#define DERMUTATE_TAG   4    /* octets of a tag in its long form */
#define DERMUTATE_HEAD  (DERMUTATE_TAG + 4)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2,
                                 uint8_t *out, size_t max_out_size, unsigned seed);

struct dermutate_node {
    size_t at;
    size_t tag;  /* octets of the tag */
    size_t head; /* octets of tag and length */
    size_t len;  /* of the content */
    int parent;  /* -1: none */
};

struct dermutate {
    uint8_t *data;
    size_t size;
    size_t max;
    uint64_t dice;
    int count;
    struct dermutate_node nodes[DERMUTATE_NODES];
};

static inline uint32_t dermutate_dice(struct dermutate *m, uint32_t sides)
{
    m->dice ^= m->dice << 13;
    m->dice ^= m->dice >> 7;
    m->dice ^= m->dice << 17;
    return (uint32_t)(m->dice >> 32) % sides;
}

/* The header of the element at `at`, or false when it does not fit before `end`. */
static inline bool dermutate_head(const struct dermutate *m, size_t at, size_t end,
                                  struct dermutate_node *node)
{
    size_t octets;
    size_t tag = 1;

    if (at == end)
        return false;
    if ((m->data[at] & 0x1f) == 0x1f) {
        while (tag < DERMUTATE_TAG && at + tag < end && (m->data[at + tag] & 0x80) != 0)
            tag++;
        tag++;
    }
    if (tag > DERMUTATE_TAG || end - at < tag + 1)
        return false;
    *node = (struct dermutate_node){.at = at, .tag = tag, .head = tag + 1, .len = m->data[at + tag]};
    if (node->len >= 0x80) {
        octets = node->len & 0x7f;
        if (octets == 0 || octets > 3 || end - at < node->head + octets)
            return false;
        node->len = 0;
        for (size_t i = 0; i < octets; i++)
            node->len = node->len << 8 | m->data[at + node->head + i];
        node->head += octets;
    }
    return node->len <= end - at - node->head;
}

/* Takes [at, end) apart if it is elements from begin to end; otherwise nothing of it is listed. */
static inline bool dermutate_parse(struct dermutate *m, size_t at, size_t end, int parent, int depth)
{
    int before = m->count;
    struct dermutate_node node;

    while (at < end) {
        if (depth >= DERMUTATE_DEPTH || m->count >= DERMUTATE_NODES || !dermutate_head(m, at, end, &node)) {
            m->count = before;
            return false;
        }
        int self = m->count++;
        uint8_t tag = m->data[at];
        size_t inside = at + node.head + (tag == 0x03 && node.len != 0);
        node.parent = parent;
        m->nodes[self] = node;
        at += node.head + node.len;
        if ((tag & 0x20) != 0 || ((tag == 0x03 || tag == 0x04) && node.len > 2))
            (void)dermutate_parse(m, inside, at, self, depth + 1);
    }
    return true;
}

/* `tag`: at most DERMUTATE_TAG octets. */
static inline size_t dermutate_header(struct span tag, size_t len, uint8_t out[DERMUTATE_HEAD])
{
    size_t octets = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;

    memcpy(out, tag.at, tag.len);
    out += tag.len;
    out[0] = octets == 0 ? (uint8_t)len : (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        out[1 + i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
    return tag.len + 1 + octets;
}

static inline struct span dermutate_tag(const struct dermutate *m, int n)
{
    return span_of(m->data + m->nodes[n].at, m->nodes[n].tag);
}

/* Moves everything behind `from` + `old` so that `now` octets stand there. */
static inline void dermutate_shift(struct dermutate *m, size_t from, size_t old, size_t now)
{
    memmove(m->data + from + now, m->data + from + old, m->size - from - old);
    m->size = m->size - old + now;
}

/* Puts `bytes` in the place of [from, from + old) inside the parents of node `n`, whose lengths follow. */
static inline void dermutate_replace(struct dermutate *m, int n, size_t from, size_t old, struct span bytes)
{
    if (bytes.len > old && m->max - m->size < bytes.len - old + (size_t)4 * DERMUTATE_DEPTH)
        return;
    dermutate_shift(m, from, old, bytes.len);
    if (bytes.len != 0)
        memcpy(m->data + from, bytes.at, bytes.len);
    ptrdiff_t grown = (ptrdiff_t)bytes.len - (ptrdiff_t)old;
    for (int p = m->nodes[n].parent; p >= 0; p = m->nodes[p].parent) {
        struct dermutate_node *node = &m->nodes[p];
        uint8_t head[DERMUTATE_HEAD];
        size_t len = (size_t)((ptrdiff_t)node->len + grown);
        size_t head_len = dermutate_header(dermutate_tag(m, p), len, head);
        dermutate_shift(m, node->at, node->head, head_len);
        memcpy(m->data + node->at, head, head_len);
        grown += (ptrdiff_t)head_len - (ptrdiff_t)node->head;
    }
}

/* A new element in the place of node `n`. */
static inline void dermutate_put(struct dermutate *m, int n, struct span tag, struct span content)
{
    uint8_t room[DERMUTATE_ROOM + DERMUTATE_HEAD];
    const struct dermutate_node *node = &m->nodes[n];
    size_t head = dermutate_header(tag, content.len, room);

    if (content.len > DERMUTATE_ROOM)
        return;
    if (content.len != 0)
        memcpy(room + head, content.at, content.len);
    dermutate_replace(m, n, node->at, node->head + node->len, span_of(room, head + content.len));
}

static inline void dermutate_content(struct dermutate *m, int n)
{
    uint8_t content[DERMUTATE_ROOM];
    const struct dermutate_node *node = &m->nodes[n];

    if (node->len > sizeof content / 2)
        return;
    memcpy(content, m->data + node->at + node->head, node->len);
    size_t cap = node->len * 2 + 16 < sizeof content ? node->len * 2 + 16 : sizeof content;
    size_t len = LLVMFuzzerMutate(content, node->len, cap);
    dermutate_put(m, n, dermutate_tag(m, n), span_of(content, len));
}

/* The tag in its long form, perhaps with needless octets, or of a number that needs it. */
static inline void dermutate_long_tag(struct dermutate *m, int n)
{
    const struct dermutate_node *node = &m->nodes[n];
    uint8_t first = m->data[node->at];
    uint8_t number = dermutate_dice(m, 8) == 0 ? (uint8_t)(31 + dermutate_dice(m, 96)) : first & 0x1f;
    size_t padding = dermutate_dice(m, 4) == 0 ? 1 + dermutate_dice(m, 2) : 0;
    uint8_t tag[DERMUTATE_TAG] = {first | 0x1f, 0x80, 0x80, 0x80};

    tag[1 + padding] = number;
    if (node->tag == 1)
        dermutate_replace(m, n, node->at, 1, span_of(tag, 2 + padding));
}

/* A string in two parts, each of the string's own type, one time in four of OCTET STRING. */
static inline void dermutate_parts(struct dermutate *m, int n)
{
    uint8_t content[DERMUTATE_ROOM];
    const struct dermutate_node *node = &m->nodes[n];
    uint8_t first = m->data[node->at];
    uint8_t parts = first | 0x20;
    uint8_t part = dermutate_dice(m, 4) == 0 ? 0x04 : first;
    size_t cut = node->len == 0 ? 0 : dermutate_dice(m, (uint32_t)node->len);
    size_t len;

    if (node->tag != 1 || (first & 0x20) != 0 || node->len > sizeof content - (size_t)2 * DERMUTATE_HEAD)
        return;
    const uint8_t *from = m->data + node->at + node->head;
    len = dermutate_header(span_of(&part, 1), cut, content);
    memcpy(content + len, from, cut);
    len += cut;
    len += dermutate_header(span_of(&part, 1), node->len - cut, content + len);
    memcpy(content + len, from + cut, node->len - cut);
    len += node->len - cut;
    dermutate_put(m, n, span_of(&parts, 1), span_of(content, len));
}

/* Copies of element `from` (its whole) instead of node `n`, or in front of it. */
static inline void dermutate_copy(struct dermutate *m, int n, struct span from, unsigned times, bool instead)
{
    uint8_t room[DERMUTATE_ROOM];
    const struct dermutate_node *node = &m->nodes[n];
    size_t len = 0;

    while (times-- > 0 && from.len <= sizeof room - len) {
        memcpy(room + len, from.at, from.len);
        len += from.len;
    }
    dermutate_replace(m, n, node->at, instead ? node->head + node->len : 0, span_of(room, len));
}

/* A length that is not in its shortest form, or none at all. */
static inline void dermutate_length(struct dermutate *m, int n)
{
    uint8_t room[DERMUTATE_ROOM + DERMUTATE_HEAD + 2];
    const struct dermutate_node *node = &m->nodes[n];
    bool open = dermutate_dice(m, 2) == 0;
    size_t head = node->tag;

    if (node->len > DERMUTATE_ROOM)
        return;
    memcpy(room, m->data + node->at, node->tag);
    room[head++] = open ? 0x80 : 0x83;
    for (int shift = 16; !open && shift >= 0; shift -= 8)
        room[head++] = (uint8_t)(node->len >> shift);
    memcpy(room + head, m->data + node->at + node->head, node->len);
    size_t len = head + node->len;
    if (open) {
        room[len++] = 0;
        room[len++] = 0;
    }
    dermutate_replace(m, n, node->at, node->head + node->len, span_of(room, len));
}

static inline struct span dermutate_whole(const struct dermutate *m, int n)
{
    return span_of(m->data + m->nodes[n].at, m->nodes[n].head + m->nodes[n].len);
}

/* Another identifier where one stands, so that values meet the readers of other extensions. */
static inline void dermutate_oid(struct dermutate *m, int n)
{
    static const uint8_t tag = 0x06;

    for (int tries = 0; tries < 16 && m->data[m->nodes[n].at] != 0x06; tries++)
        n = (int)dermutate_dice(m, (uint32_t)m->count);
    if (m->data[m->nodes[n].at] != 0x06)
        return;
    struct span oid = oid_bytes((enum oid)(1 + dermutate_dice(m, OID_COUNT - 1)));
    dermutate_put(m, n, span_of(&tag, 1), oid);
}

static inline void dermutate_once(struct dermutate *m)
{
    static const uint8_t tags[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x14, 0x16, 0x17,
                                   0x18, 0x1c, 0x1e, 0x24, 0x30, 0x31, 0x80, 0x81, 0x82, 0x83, 0x84,
                                   0x85, 0x86, 0x87, 0x88, 0x89, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5};
    int n = (int)dermutate_dice(m, (uint32_t)m->count);
    int other = (int)dermutate_dice(m, (uint32_t)m->count);

    switch (dermutate_dice(m, 14)) {
    case 0:
        dermutate_copy(m, n, SPAN_LIT(""), 0, true);
        break;
    case 1:
        dermutate_copy(m, n, dermutate_whole(m, n), 1 + dermutate_dice(m, 8), false);
        break;
    case 2:
        dermutate_copy(m, n, dermutate_whole(m, other), 1, true);
        break;
    case 3:
        dermutate_copy(m, n, dermutate_whole(m, other), 1, false);
        break;
    case 4:
        m->data[m->nodes[n].at] = tags[dermutate_dice(m, countof(tags))];
        break;
    case 5:
        dermutate_length(m, n);
        break;
    case 6:
        dermutate_put(m, n, dermutate_tag(m, n), SPAN_LIT(""));
        break;
    case 7:
    case 8:
        dermutate_oid(m, n);
        break;
    case 9:
        dermutate_long_tag(m, n);
        break;
    case 10:
        dermutate_parts(m, n);
        break;
    default:
        dermutate_content(m, n);
        break;
    }
}

static inline void dermutate_begin(struct dermutate *m, uint8_t *data, size_t size, size_t max, unsigned seed)
{
    m->data = data;
    m->size = size;
    m->max = max;
    m->dice = (seed + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
    m->count = 0;
    if (size != 0)
        (void)dermutate_parse(m, 0, size, -1, 0);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static struct dermutate m;

    dermutate_begin(&m, data, size, max_size, seed);
    unsigned rounds = 1 + dermutate_dice(&m, 3);
    if (m.count == 0 || dermutate_dice(&m, 4) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    for (unsigned i = 0; i < rounds && m.count != 0; i++) {
        dermutate_once(&m);
        must(m.size <= max_size);
        m.count = 0;
        if (m.size != 0)
            (void)dermutate_parse(&m, 0, m.size, -1, 0);
    }
    return m.size;
}

/* An element of the second input in the first. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2,
                                 uint8_t *out, size_t max_out_size, unsigned seed)
{
    static struct dermutate into;
    static struct dermutate from;
    static uint8_t copy[1 << 20];

    if (size1 > max_out_size || size2 > sizeof copy || size1 == 0 || size2 == 0)
        return 0;
    memcpy(out, data1, size1);
    memcpy(copy, data2, size2);
    dermutate_begin(&into, out, size1, max_out_size, seed);
    dermutate_begin(&from, copy, size2, sizeof copy, seed + 1);
    if (into.count == 0 || from.count == 0)
        return 0;
    struct span element = dermutate_whole(&from, (int)dermutate_dice(&from, (uint32_t)from.count));
    dermutate_copy(&into, (int)dermutate_dice(&into, (uint32_t)into.count), element, 1,
                   dermutate_dice(&into, 2) == 0);
    return into.size;
}

#endif
