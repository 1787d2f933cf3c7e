#include "verify/sctsig.h"

#include "verify/logkey.h"

#define FRAME_BYTES   (1 + 1 + 8 + 2 + 32 + 3 + 2)
#define TBS_MAX       0xffffff
#define EXT_MAX       0xffff
#define PRECERT_ENTRY 1

void sctsig_leaf(const struct sctsig *sct, struct buf *out)
{
    buf_u16(out, 0); /* version, type: both 0 in an SCT and in a leaf */
    buf_u64(out, sct->timestamp_ms);
    buf_u16(out, PRECERT_ENTRY);
    buf_put(out, span_of(sct->issuer_key_hash, 32));
    buf_u24(out, (uint32_t)sct->tbs.len);
    buf_put(out, sct->tbs);
    buf_u16(out, (uint16_t)sct->extensions.len);
    buf_put(out, sct->extensions);
}

enum err_code sctsig_verify(const struct ctlog *log, const struct sctsig *sct, struct err *why)
{
    struct buf leaf;
    if (sct->tbs.len > TBS_MAX || sct->extensions.len > EXT_MAX)
        return err_set(why, ERR_TOO_BIG, "SCT: the certificate does not fit into a leaf");
    buf_init(&leaf, FRAME_BYTES + sct->tbs.len + sct->extensions.len);
    sctsig_leaf(sct, &leaf);
    enum err_code code = buf_ok(&leaf)
                             ? logkey_verify(log, buf_span(&leaf), sct->digitally_signed, why)
                             : err_set(why, ERR_MEMORY, "SCT: no memory for %zu bytes", sct->tbs.len);
    buf_fini(&leaf);
    return code;
}
