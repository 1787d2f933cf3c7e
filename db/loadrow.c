#include "db/loadrow.h"

#include <string.h>

#define HEAD        2
#define LENGTH      4
#define FP          32
#define FIELD(at)   ((at) + LENGTH)
#define VARYING     6 /* of a certificate: serial, spki_sha256, names, cn, findings, others */
#define VARYING_SET 3 /* the first of them are never NULL */

/* Of the fields that stand at fixed places: how long each is; 0 ends them. */
static const uint8_t lengths[LOADROW_KINDS][16] = {
    [LOADROW_CERT] = {8, 8, 8, 8, 8, 8, 4, 2, FP},
    [LOADROW_KEY] = {8, 8, 8, 4, FP},
    [LOADROW_IP] = {8, 8, 4, FP},
};
static const uint8_t fields[LOADROW_KINDS] = {[LOADROW_CERT] = 15, [LOADROW_KEY] = 5, [LOADROW_IP] = 5};

static inline uint64_t number(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* *end: behind the fixed fields; at[]: where each begins, and the row's own beginning for those that the kind
 * has not: nothing is left open. */
static bool walk(enum loadrow_kind kind, struct span bytes, const uint8_t *at[16], size_t *end)
{
    *end = HEAD;
    for (unsigned i = 0; i < 16; i++)
        at[i] = bytes.at;
    if (bytes.len < HEAD || number(bytes.at, HEAD) != fields[kind])
        return false;
    for (unsigned i = 0; lengths[kind][i] != 0; i++) {
        size_t length = lengths[kind][i];
        if (bytes.len - *end < LENGTH + length || number(bytes.at + *end, LENGTH) != length)
            return false;
        at[i] = bytes.at + FIELD(*end);
        *end += LENGTH + length;
    }
    return true;
}

/* The family first, so that addresses are in the order of inet as far as they go. */
static bool read_ip(struct span bytes, size_t end, struct loadrow *out)
{
    uint8_t first[8] = {0};
    if (bytes.len - end < LENGTH)
        return false;
    uint64_t length = number(bytes.at + end, LENGTH);
    if (length != bytes.len - end - LENGTH || length < 8)
        return false;
    const uint8_t *ip = bytes.at + end + LENGTH;
    first[0] = ip[0];
    memcpy(first + 1, ip + 4, length - 4 < 7 ? (size_t)length - 4 : 7);
    out->place = (int64_t)number(first, sizeof first);
    return true;
}

/* The fields behind the fixed ones of a certificate fill the row: a server that gets another length tells a
 * row that has nothing to do with it. */
static bool ends_there(struct span bytes, size_t end)
{
    for (unsigned i = 0; i < VARYING; i++) {
        if (bytes.len - end < LENGTH)
            return false;
        uint64_t length = number(bytes.at + end, LENGTH);
        end += LENGTH;
        if (length == UINT32_MAX && i >= VARYING_SET)
            continue;
        if (length > bytes.len - end)
            return false;
        end += (size_t)length;
    }
    return end == bytes.len;
}

bool loadrow_read(enum loadrow_kind kind, struct span bytes, struct loadrow *out)
{
    const uint8_t *at[16];
    size_t end;
    if (!walk(kind, bytes, at, &end))
        return false;
    *out = (struct loadrow){.not_after = (int64_t)number(at[0], 8), .not_before = (int64_t)number(at[1], 8)};
    if (kind == LOADROW_IP) {
        out->issuer = (int32_t)number(at[2], 4);
        out->fp = at[3];
        return read_ip(bytes, end, out);
    }
    if (kind == LOADROW_KEY) {
        out->place = (int64_t)number(at[2], 8);
        out->issuer = (int32_t)number(at[3], 4);
        out->fp = at[4];
        return end == bytes.len;
    }
    out->first_seen = (int64_t)number(at[2], 8);
    out->place = (int64_t)number(at[3], 8);
    out->issuer = (int32_t)number(at[6], 4);
    out->fp = at[8];
    return ends_there(bytes, end);
}

bool loadrow_next(struct span *rest, struct span *row)
{
    if (rest->len < LENGTH)
        return false;
    uint64_t length = number(rest->at, LENGTH);
    if (length > rest->len - LENGTH)
        return false;
    *row = span_of(rest->at + LENGTH, (size_t)length);
    *rest = span_of(rest->at + LENGTH + length, rest->len - LENGTH - (size_t)length);
    return true;
}
