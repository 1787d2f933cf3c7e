#include "parser/precert.h"

#include "parser/ext.h"

/* The rebuilt TBS is: a new header, the content up to the extensions, new headers of [3] and of the list, the
 * extensions that stay (neighbours as one piece), and what stands behind [3]. Headers are written into the
 * scratch. */
struct build {
    struct precert_pieces *out;
    size_t scratch_used;
    bool full;
    bool keep_scts; /* only the poison is taken out */
};

static void add(struct build *build, struct span piece)
{
    struct precert_pieces *out = build->out;

    if (piece.len == 0)
        return;
    if (out->count != 0) {
        struct span *last = &out->piece[out->count - 1];
        if (last->at + last->len == piece.at) {
            last->len += piece.len;
            out->length += piece.len;
            return;
        }
    }
    if (out->count == PRECERT_PIECES_MAX) {
        build->full = true;
        return;
    }
    out->piece[out->count++] = piece;
    out->length += piece.len;
}

static struct span header(struct build *build, uint8_t tag, size_t length)
{
    uint8_t *at = build->out->scratch + build->scratch_used;

    must(build->scratch_used + 6 <= sizeof build->out->scratch);
    size_t len = der_header(tag, length, at);
    build->scratch_used += len;
    return span_of(at, len);
}

static void whole_tbs(const struct cert *cert, struct precert_pieces *out)
{
    out->count = 0;
    out->length = 0;
    if (cert->tbs.at == NULL)
        return;
    out->piece[0] = cert->tbs;
    out->count = 1;
    out->length = cert->tbs.len;
}

/* A poison that is not critical makes no precertificate, and a log that vouches for the certificate with an
 * SCT has signed it, too. */
static bool is_ct(const struct ext_item *item)
{
    return item->id == OID_EXT_SCT_LIST || (item->id == OID_EXT_POISON && item->critical);
}

/* Is there anything to take out? False in *found also means that the TBS is the normal form already. */
static bool find_ct(const struct cert *cert, bool *found)
{
    struct finding_set ignored = {{0, 0}};
    struct ext ext;
    struct ext_item item;

    *found = false;
    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, &item))
        *found = *found || is_ct(&item);
    return !ext.damaged;
}

/* An AKI extension with the OID and critical flag of `old` (or plain when it is NULL) and the value of
 * preissuer. */
static void add_aki(struct build *build, const struct ext_item *old, struct span value)
{
    static const uint8_t aki_oid[] = {0x06, 0x03, 0x55, 0x1d, 0x23};
    struct span head = old != NULL ? old->head : span_of(aki_oid, sizeof aki_oid);
    uint8_t octets[6];
    size_t octets_len = der_header(DER_OCTET_STRING, value.len, octets);

    add(build, header(build, DER_SEQUENCE, head.len + octets_len + value.len));
    add(build, head);
    add(build, header(build, DER_OCTET_STRING, value.len));
    add(build, value);
}

static void add_exts(struct build *build, const struct cert *cert, const struct cert *preissuer)
{
    struct finding_set ignored = {{0, 0}};
    bool had_aki = false;
    struct ext ext;
    struct ext_item item;

    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, &item)) {
        bool swap = preissuer != NULL && item.id == OID_EXT_AUTHORITY_KEY_ID && !had_aki;
        if (is_ct(&item) && !(build->keep_scts && item.id == OID_EXT_SCT_LIST))
            continue;
        if (!swap) {
            add(build, item.whole);
            continue;
        }
        had_aki = true;
        if (preissuer->aki.at != NULL)
            add_aki(build, &item, preissuer->aki);
    }
    if (preissuer != NULL && !had_aki && preissuer->aki.at != NULL)
        add_aki(build, NULL, preissuer->aki);
}

/* Puts `count` pieces of length `length` that were added last behind `head`, which takes their place. */
static void prepend(struct build *build, size_t at, struct span head)
{
    struct precert_pieces *out = build->out;

    if (out->count == PRECERT_PIECES_MAX) {
        build->full = true;
        return;
    }
    memmove(out->piece + at + 1, out->piece + at, (out->count - at) * sizeof out->piece[0]);
    out->piece[at] = head;
    out->count++;
    out->length += head.len;
}

/* What stands in [3] behind the list: it was signed, so it stays. */
static struct span behind_list(const struct cert *cert)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(cert->exts_outer, &ignored);
    struct der_item item;

    if (!der_next(&in, &item))
        return SPAN_NONE;
    in = der_of(item.value, &ignored);
    return der_next(&in, &item) ? span_of(in.at, der_left(&in)) : SPAN_NONE;
}

static bool rebuild(const struct cert *cert, const struct cert *preissuer, bool keep_scts,
                    struct precert_pieces *out)
{
    struct build build = {out, 0, false, keep_scts};
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(cert->tbs, &ignored);
    struct der_item tbs;
    const uint8_t *exts_at = cert->exts_outer.at;
    struct span behind = behind_list(cert);

    out->count = 0;
    out->length = 0;
    if (!der_next(&in, &tbs) || (exts_at != NULL && cert->exts.at == NULL))
        return false;
    const uint8_t *end = tbs.value.at + tbs.value.len;
    if (exts_at == NULL)
        exts_at = end;
    if (preissuer != NULL) {
        const uint8_t *after = cert->issuer.at + cert->issuer.len;
        add(&build, span_of(tbs.value.at, (size_t)(cert->issuer.at - tbs.value.at)));
        add(&build, preissuer->issuer);
        add(&build, span_of(after, (size_t)(exts_at - after)));
    } else {
        add(&build, span_of(tbs.value.at, (size_t)(exts_at - tbs.value.at)));
    }
    size_t mark = out->count;
    size_t before = out->length;
    add_exts(&build, cert, preissuer);
    size_t exts_len = out->length - before;
    if (exts_len != 0) {
        struct span list = header(&build, DER_SEQUENCE, exts_len);
        prepend(&build, mark, list);
        add(&build, behind);
        prepend(&build, mark, header(&build, 0xa3, list.len + exts_len + behind.len));
    }
    const uint8_t *after_exts = cert->exts_outer.at == NULL ? end : exts_at + cert->exts_outer.len;
    /* What stands behind a [3] that is dropped would take its place: the TBS of a certificate with other
     * names. What stands in it has no place without it. */
    if (exts_len == 0 && (after_exts != end || behind.len != 0))
        return false;
    add(&build, span_of(after_exts, (size_t)(end - after_exts)));
    prepend(&build, 0, header(&build, DER_SEQUENCE, out->length));
    return !build.full;
}

bool precert_normal_form(const struct cert *cert, struct precert_pieces *out)
{
    bool found = false;

    whole_tbs(cert, out);
    if (cert->tbs.at == NULL || (cert->exts.at != NULL && !find_ct(cert, &found)))
        return false;
    if (!found)
        return !finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE);
    if (rebuild(cert, NULL, false, out))
        return true;
    whole_tbs(cert, out);
    return false;
}

bool precert_normal_form_preissuer(const struct cert *cert, const struct cert *preissuer,
                                   struct precert_pieces *out)
{
    bool found;

    whole_tbs(cert, out);
    if (cert->tbs.at == NULL || cert->issuer.at == NULL || preissuer->issuer.at == NULL ||
        !find_ct(cert, &found))
        return false;
    if (rebuild(cert, preissuer, false, out))
        return true;
    whole_tbs(cert, out);
    return false;
}

bool precert_logged_form(const struct cert *precert, const struct cert *preissuer, struct precert_pieces *out)
{
    bool found;

    whole_tbs(precert, out);
    if ((precert->flags & CERT_POISON) == 0 ||
        finding_has(&precert->findings, FINDING_CERTIFICATE_UNREADABLE) || !find_ct(precert, &found))
        return false;
    if (preissuer != NULL && (precert->issuer.at == NULL || preissuer->issuer.at == NULL))
        return false;
    if (rebuild(precert, preissuer, true, out))
        return true;
    whole_tbs(precert, out);
    return false;
}

/* The content of the one element that `bytes` is. */
static bool inside(struct span bytes, uint32_t tag, struct finding_set *odd, struct span *content)
{
    struct der in = der_of(bytes, odd);
    struct der_item item;

    if (!der_expect(&in, tag, &item) || !der_done(&in))
        return false;
    *content = item.value;
    return true;
}

/* Is `longer` what `shorter` is, apart from one usual poison among its extensions? */
static bool only_poison_more(struct span longer, struct span shorter)
{
    static const uint8_t poison[21] = "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"
                                      "\x01\x01\xff\x04\x02\x05";
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(longer, &ignored);
    struct der_item item;

    if (longer.len != shorter.len + sizeof poison)
        return false;
    while (der_more(&in) && der_next(&in, &item)) {
        if (item.whole.len != sizeof poison || memcmp(item.whole.at, poison, sizeof poison) != 0)
            continue;
        size_t at = (size_t)(item.whole.at - longer.at);
        return memcmp(longer.at, shorter.at, at) == 0 &&
               memcmp(in.at, shorter.at + at, shorter.len - at) == 0;
    }
    return false;
}

bool precert_is_usual(struct span der, const struct cert *logged)
{
    struct finding_set odd = {{0, 0}};
    struct span certificate, tbs, outer, list, content;
    struct der in;
    struct der_item part[3];
    const uint8_t *exts_at = logged->exts_outer.at;

    if (logged->exts.at == NULL || (logged->flags & CERT_POISON) != 0 ||
        !inside(der, DER_SEQUENCE, &odd, &certificate) || !inside(logged->tbs, DER_SEQUENCE, &odd, &content))
        return false;
    in = der_of(certificate, &odd);
    if (!der_expect(&in, DER_SEQUENCE, &part[0]) || !der_expect(&in, DER_SEQUENCE, &part[1]) ||
        !der_expect(&in, DER_BIT_STRING, &part[2]) || !der_done(&in))
        return false;
    tbs = part[0].value;
    size_t before = (size_t)(exts_at - content.at);
    if (tbs.len <= before || memcmp(tbs.at, content.at, before) != 0 ||
        !inside(span_part(tbs, before, tbs.len), 0xa3, &odd, &outer) ||
        !inside(outer, DER_SEQUENCE, &odd, &list))
        return false;
    /* The same levels on the other side, each with nothing behind it. */
    return inside(span_part(content, before, content.len), 0xa3, &odd, &outer) &&
           inside(outer, DER_SEQUENCE, &odd, &content) && finding_none(&odd) &&
           only_poison_more(list, content);
}

bool precert_pieces_equal(const struct precert_pieces *pieces, struct span tbs)
{
    size_t at = 0;

    if (pieces->length != tbs.len)
        return false;
    for (size_t i = 0; i < pieces->count; i++) {
        struct span piece = pieces->piece[i];
        if (memcmp(tbs.at + at, piece.at, piece.len) != 0)
            return false;
        at += piece.len;
    }
    return true;
}
