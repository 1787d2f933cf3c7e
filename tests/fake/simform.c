#include "simform.h"

#include <openssl/evp.h>

static void simform_head(struct buf *out, int64_t timestamp_ms, uint16_t type)
{
    buf_byte(out, 0); /* version v1 */
    buf_byte(out, 0); /* timestamped_entry */
    buf_u64(out, (uint64_t)timestamp_ms);
    buf_u16(out, type);
}

static void simform_u24(struct buf *out, struct span bytes)
{
    buf_u24(out, (uint32_t)bytes.len);
    buf_put(out, bytes);
}

void simform_leaf_x509(struct buf *out, int64_t timestamp_ms, struct span cert, struct span extensions)
{
    simform_head(out, timestamp_ms, SIMFORM_X509);
    simform_u24(out, cert);
    buf_u16(out, (uint16_t)extensions.len);
    buf_put(out, extensions);
}

void simform_leaf_precert(struct buf *out, int64_t timestamp_ms, const uint8_t issuer_key_hash[32],
                          struct span tbs, struct span extensions)
{
    simform_head(out, timestamp_ms, SIMFORM_PRECERT);
    buf_put(out, span_of(issuer_key_hash, 32));
    simform_u24(out, tbs);
    buf_u16(out, (uint16_t)extensions.len);
    buf_put(out, extensions);
}

void simform_leaf_index(struct buf *out, uint64_t index)
{
    buf_byte(out, 0);
    buf_u16(out, 5);
    buf_byte(out, (uint8_t)(index >> 32));
    buf_u32(out, (uint32_t)index);
}

void simform_chain(struct buf *out, const struct span *certs, size_t count)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += 3 + certs[i].len;
    buf_u24(out, (uint32_t)total);
    for (size_t i = 0; i < count; i++)
        simform_u24(out, certs[i]);
}

static bool simform_read_chain(struct cur *cur, struct simform *out)
{
    struct cur chain = cur_of(cur_vector(cur, 3));

    while (!cur->failed && cur_left(&chain) > 0) {
        if (out->chain_count == SIMFORM_CHAIN_MAX)
            return false;
        out->chain[out->chain_count++] = cur_vector(&chain, 3);
        if (chain.failed)
            return false;
    }
    return cur_done(cur);
}

bool simform_read(struct span leaf_input, struct span extra_data, struct simform *out)
{
    struct cur leaf = cur_of(leaf_input);
    struct cur extra = cur_of(extra_data);
    uint64_t type;

    memset(out, 0, sizeof *out);
    out->leaf = leaf_input;
    if (cur_uint(&leaf, 2) != 0)
        return false;
    (void)cur_uint(&leaf, 8);
    type = cur_uint(&leaf, 2);
    if (leaf.failed || type > SIMFORM_PRECERT)
        return false;
    if (type == SIMFORM_PRECERT)
        out->precert = cur_vector(&extra, 3);
    return simform_read_chain(&extra, out);
}

bool simform_read_tile(struct cur *tile, struct simform *out)
{
    struct cur cur = *tile;
    uint64_t type;

    memset(out, 0, sizeof *out);
    (void)cur_uint(&cur, 8);
    type = cur_uint(&cur, 2);
    if (type == SIMFORM_PRECERT)
        (void)cur_bytes(&cur, 32);
    (void)cur_vector(&cur, 3);
    (void)cur_vector(&cur, 2);
    if (cur.failed || type > SIMFORM_PRECERT)
        return false;
    out->leaf = span_of(tile->at, (size_t)(cur.at - tile->at));
    if (type == SIMFORM_PRECERT)
        out->precert = cur_vector(&cur, 3);
    out->fingerprints = cur_vector(&cur, 2);
    if (cur.failed || out->fingerprints.len % 32 != 0)
        return false;
    *tile = cur;
    return true;
}

void simform_sct_list(struct buf *out, const uint8_t log_id[32], int64_t timestamp_ms, struct span extensions,
                      struct span digitally_signed)
{
    size_t sct = 1 + 32 + 8 + 2 + extensions.len + digitally_signed.len;

    buf_u16(out, (uint16_t)(sct + 2));
    buf_u16(out, (uint16_t)sct);
    buf_byte(out, 0);
    buf_put(out, span_of(log_id, 32));
    buf_u64(out, (uint64_t)timestamp_ms);
    buf_u16(out, (uint16_t)extensions.len);
    buf_put(out, extensions);
    buf_put(out, digitally_signed);
}

void simform_base64(struct buf *out, struct span bytes)
{
    size_t length = (bytes.len + 2) / 3 * 4;
    /* One byte more for the NUL that EVP_EncodeBlock writes; it is taken back. */
    uint8_t *room = buf_room(out, length + 1);

    if (room == NULL)
        return;
    if (bytes.len > 0)
        must((size_t)EVP_EncodeBlock(room, bytes.at, (int)bytes.len) == length);
    out->len--;
}
