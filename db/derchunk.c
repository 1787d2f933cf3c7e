#include "db/derchunk.h"

#include <string.h>
#include <zlib.h>

#define LEVEL 3 /* of nine: the higher ones take twice as long for two percent */

bool derchunk_fits(size_t count, size_t plain_len, size_t der_len)
{
    return count == 0 || (count < DERCHUNK_CERTS && plain_len + 4 + der_len <= LIMIT_DER_CHUNK_BYTES);
}

void derchunk_put(struct buf *plain, struct span der)
{
    buf_u32(plain, (uint32_t)der.len);
    buf_put(plain, der);
}

enum err_code derchunk_pack(struct span plain, struct buf *packed, struct err *why)
{
    uLongf len = compressBound((uLong)plain.len);
    buf_clear(packed);
    uint8_t *room = buf_room(packed, len);
    if (room == NULL || compress2(room, &len, plain.at, (uLong)plain.len, LEVEL) != Z_OK)
        return err_set(why, ERR_MEMORY, "database: no memory to pack certificates of %zu bytes", plain.len);
    packed->len = len;
    return ERR_OK;
}

enum err_code derchunk_unpack(struct span packed, int64_t plain_len, struct buf *plain, struct err *why)
{
    buf_clear(plain);
    if (plain_len <= 0 || (uint64_t)plain_len > DERCHUNK_PLAIN_MAX || packed.len == 0)
        return err_set(why, ERR_FORMAT, "no chunk of certificates has %" PRId64 " bytes", plain_len);
    uLongf len = (uLongf)plain_len;
    uint8_t *room = buf_room(plain, len);
    if (room == NULL)
        return err_set(why, ERR_MEMORY, "no memory for %" PRId64 " bytes of certificates", plain_len);
    int result = uncompress(room, &len, packed.at, (uLong)packed.len);
    if (result == Z_MEM_ERROR)
        return err_set(why, ERR_MEMORY, "no memory to unpack certificates");
    if (result != Z_OK || len != (uLongf)plain_len) {
        buf_clear(plain);
        return err_set(why, ERR_FORMAT, "the chunk of certificates is damaged");
    }
    return ERR_OK;
}

bool derchunk_next(struct span *plain, struct span *der)
{
    if (plain->len < 4)
        return false;
    uint32_t len = (uint32_t)plain->at[0] << 24 | (uint32_t)plain->at[1] << 16 | (uint32_t)plain->at[2] << 8 |
                   plain->at[3];
    if (len > plain->len - 4)
        return false;
    *der = span_part(*plain, 4, 4 + (size_t)len);
    *plain = span_part(*plain, 4 + (size_t)len, plain->len);
    return true;
}
