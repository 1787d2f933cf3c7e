/* The normal form is a TBS of the length it claims, holds no CT extension, is its own normal form, and keeps
 * every other fact. Made into a precertificate and into a final certificate, by a poison in front of its
 * extensions and by an SCT list behind them, a certificate has one normal form. A precertificate that is
 * recognised at a glance is one when it is read, and those without oddities are recognised. */
#include <stdlib.h>

#include "parser/der.h"
#include "parser/precert.h"
#include "parser/tbs.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static uint8_t *join(const struct precert_pieces *pieces)
{
    uint8_t *bytes = malloc(pieces->length + 1);
    size_t at = 0;

    must(bytes != NULL && pieces->count <= PRECERT_PIECES_MAX);
    for (size_t i = 0; i < pieces->count; i++) {
        memcpy(bytes + at, pieces->piece[i].at, pieces->piece[i].len);
        at += pieces->piece[i].len;
    }
    must(at == pieces->length);
    return bytes;
}

static uint8_t *put(uint8_t *at, struct span bytes)
{
    if (bytes.len != 0)
        memcpy(at, bytes.at, bytes.len);
    return at + bytes.len;
}

static uint8_t *put_header(uint8_t *at, uint8_t tag, size_t len)
{
    return at + der_header(tag, len, at);
}

/* cert's TBS with one extension more, in front of the others or behind them. */
static struct span with_extension(const struct cert *cert, struct span more, bool front)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(cert->tbs, &ignored);
    struct der_item tbs;
    uint8_t scratch[6];
    uint8_t *bytes = malloc(cert->tbs.len + more.len + 32);

    must(bytes != NULL && der_next(&in, &tbs));
    const uint8_t *end = tbs.value.at + tbs.value.len;
    const uint8_t *behind = cert->exts_outer.at + cert->exts_outer.len;
    struct span before = span_of(tbs.value.at, (size_t)(cert->exts_outer.at - tbs.value.at));
    struct span after = span_of(behind, (size_t)(end - behind));
    size_t list = cert->exts.len + more.len;
    size_t outer = list + der_header(DER_SEQUENCE, list, scratch);
    size_t whole = before.len + after.len + outer + der_header(0xa3, outer, scratch);
    uint8_t *at = put_header(bytes, DER_SEQUENCE, whole);
    at = put(at, before);
    at = put_header(at, 0xa3, outer);
    at = put_header(at, DER_SEQUENCE, list);
    at = front ? put(put(at, more), cert->exts) : put(put(at, cert->exts), more);
    at = put(at, after);
    return span_of(bytes, (size_t)(at - bytes));
}

/* What is taken for the precertificate of `cert` at a glance is so when it is read. */
static void at_a_glance(const struct cert *cert, struct span precert_tbs)
{
    static const uint8_t rest[] = "\x30\x03\x06\x01\x2a\x03\x02\x00\x01";
    size_t len = precert_tbs.len + sizeof rest - 1;
    uint8_t *bytes = malloc(len + 6);
    struct precert_pieces pieces;
    struct cert precert;

    must(bytes != NULL);
    uint8_t *at = put(put_header(bytes, DER_SEQUENCE, len), precert_tbs);
    at = put(at, span_of(rest, sizeof rest - 1));
    struct span der = span_of(bytes, (size_t)(at - bytes));
    must(!precert_is_usual(cert->der, cert));
    if (precert_is_usual(der, cert)) {
        must(tbs_read_certificate(der, &precert) && (precert.flags & CERT_POISON) != 0);
        must(!precert_logged_form(&precert, NULL, &pieces) || precert_pieces_equal(&pieces, cert->tbs));
    } else {
        /* Usual is what both sides write in DER, with nothing unexpected behind. */
        must((cert->flags & CERT_POISON) != 0 || cert->exts.at == NULL || !finding_none(&cert->findings) ||
             cert->version != 3);
    }
    free(bytes);
}

static void both_forms(const struct cert *cert)
{
    static const uint8_t poison[] =
        "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05";
    static const uint8_t list[] = "\x30\x12\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02\x04\x04\x04"
                                  "\x02\x00";
    struct precert_pieces of_precert;
    struct precert_pieces of_final;
    struct cert other;

    if (cert->exts.len == 0 || !precert_normal_form(cert, &of_final))
        return;
    struct span precert = with_extension(cert, span_of(poison, sizeof poison), true);
    struct span final = with_extension(cert, span_of(list, sizeof list), false);
    must(tbs_read(precert, &other));
    must((other.flags & CERT_POISON) != 0 && precert_normal_form(&other, &of_precert));
    at_a_glance(cert, precert);
    uint8_t *bytes = join(&of_precert);
    must(tbs_read(final, &other));
    must(other.sct_list.at != NULL && precert_normal_form(&other, &of_final));
    must(precert_pieces_equal(&of_final, span_of(bytes, of_precert.length)));
    free(bytes);
    free((void *)(uintptr_t)precert.at);
    free((void *)(uintptr_t) final.at);
}

static void check(const struct cert *cert)
{
    struct precert_pieces pieces;
    struct precert_pieces again;
    struct cert shared;

    bool good = precert_normal_form(cert, &pieces);
    uint8_t *bytes = join(&pieces);
    struct span tbs = span_of(bytes, pieces.length);
    must(precert_pieces_equal(&pieces, tbs));
    must(good || pieces.count == 0 || span_eq(cert->tbs, tbs));
    if (good) {
        must(tbs_read(tbs, &shared));
        must(shared.sct_list.at == NULL && (shared.flags & CERT_POISON) == 0);
        must(precert_normal_form(&shared, &again) && precert_pieces_equal(&again, tbs));
        must(span_eq(shared.serial, cert->serial) && span_eq(shared.issuer, cert->issuer));
        must(span_eq(shared.spki, cert->spki) && span_eq(shared.san, cert->san));
        must(shared.not_after == cert->not_after && shared.ext_count <= cert->ext_count);
        both_forms(cert);
    }
    if (good && precert_normal_form_preissuer(cert, cert, &again)) {
        uint8_t *swapped = join(&again);
        must(tbs_read(span_of(swapped, again.length), &shared) && span_eq(shared.issuer, cert->issuer));
        free(swapped);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cert cert;

    (void)tbs_read_certificate(span_of(data, size), &cert);
    check(&cert);
    (void)tbs_read(span_of(data, size), &cert);
    check(&cert);
    return 0;
}
