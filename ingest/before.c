#include "ingest/before.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "parser/leaf.h"
#include "parser/precert.h"
#include "parser/tbs.h"
#include "verify/digest.h"

#define TEXT_MAX (LIMIT_BEFORE * 128)

static enum err_code load(struct settle *settle, int32_t log_id, uint64_t begin, struct store_place *out,
                          size_t count)
{
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->places(settle->store, log_id, begin, out, count, &why);
    } while (settle_again(settle, code, &why));
    return code;
}

char *before_text(struct settle *settle, const struct follow *follow, uint64_t begin, uint64_t end)
{
    struct store_place place[LIMIT_BEFORE];
    size_t count = end <= begin || end - begin > LIMIT_BEFORE ? 0 : (size_t)(end - begin);
    bool any = false;
    struct buf out;
    if (count == 0 || settle->store->ops->places == NULL ||
        load(settle, follow->log.id, begin, place, count) != ERR_OK)
        return NULL;
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        char hex[17];
        if (!place[i].known)
            continue;
        buf_fmt(&out, "%s{\"index\":%" PRIu64 ",\"timestamp_ms\":%" PRId64 ",\"form\":\"%s\",\"fp8\":\"%s\"}",
                any ? "," : "[", begin + i, place[i].timestamp_ms, place[i].precert ? "precert" : "final",
                text_hex(span_of(place[i].fp8, 8), hex));
        any = true;
    }
    buf_byte(&out, ']');
    char *text = any && buf_ok(&out) ? strdup(buf_text(&out)) : NULL;
    buf_fini(&out);
    return text;
}

/* Needs less than examine.h: no names, and no list of public suffixes. */
static void fingerprint(const struct cert *cert, struct span input, uint8_t fp[32])
{
    struct precert_pieces pieces;
    (void)precert_normal_form(cert, &pieces);
    if (pieces.count == 0)
        pieces = (struct precert_pieces){.piece = {input}, .count = 1};
    struct digest_job job = {pieces.piece, pieces.count, fp};
    digest_many(&job, 1);
}

bool before_other(struct span leaf, const struct store_place *was)
{
    struct entry entry = {.index = 0};
    struct cert cert;
    uint8_t fp[32];
    leaf_read(leaf, &entry);
    if (entry.kind == ENTRY_OPAQUE)
        return false;
    struct span input = entry.kind == ENTRY_PRECERT ? entry.tbs : entry.cert_der;
    (void)(entry.kind == ENTRY_PRECERT ? tbs_read(input, &cert) : tbs_read_certificate(input, &cert));
    if (cert.issuer.len == 0 && finding_has(&cert.findings, FINDING_CERTIFICATE_UNREADABLE))
        return false;
    fingerprint(&cert, input, fp);
    bool precert = entry.kind == ENTRY_PRECERT || (cert.flags & CERT_POISON) != 0;
    return entry.timestamp_ms != was->timestamp_ms || precert != was->precert ||
           memcmp(fp, was->fp8, sizeof was->fp8) != 0;
}
