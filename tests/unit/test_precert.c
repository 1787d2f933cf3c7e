#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/der.h"
#include "parser/precert.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"

/* final.der is plain.der with one SCT list more; taking it out must give plain's TBS back. */
static void test_final(void **state)
{
    struct span plain_der = sample_load("tbs/plain.der");
    struct span final_der = sample_load("tbs/final.der");
    struct cert plain, final_cert;
    struct precert_pieces pieces;

    (void)state;
    assert_true(tbs_read_certificate(plain_der, &plain));
    assert_true(tbs_read_certificate(final_der, &final_cert));
    assert_true(precert_normal_form(&final_cert, &pieces));
    assert_true(precert_pieces_equal(&pieces, plain.tbs));
    assert_true(precert_normal_form(&plain, &pieces));
    assert_int_equal(pieces.count, 1);
    assert_true(precert_pieces_equal(&pieces, plain.tbs));
    assert_false(precert_pieces_equal(&pieces, final_cert.tbs));
    sample_free(plain_der);
    sample_free(final_der);
}

static uint8_t *put(uint8_t *at, uint8_t tag, const void *bytes, size_t len)
{
    uint8_t head[6];
    size_t n = 2;

    head[0] = tag;
    head[1] = (uint8_t)len;
    if (len >= 128) {
        head[1] = 0x82;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        n = 4;
        if (len < 256) {
            head[1] = 0x81;
            head[2] = (uint8_t)len;
            n = 3;
        }
    }
    memmove(at + n, bytes, len);
    memcpy(at, head, n);
    return at + n + len;
}

/* A TBS whose list of extensions is `filler` bytes of one extension, with or without a poison in front. */
static size_t make_tbs(uint8_t *out, size_t filler, bool poison)
{
    static const uint8_t poison_ext[] =
        "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05";
    static const uint8_t fixed[] = "\xa0\x03\x02\x01\x02\x02\x01\x05\x30\x03\x06\x01\x2a\x30\x00"
                                   "\x30\x1e\x17\x0d"
                                   "260101000000Z\x17\x0d"
                                   "260201000000Z\x30\x00\x30\x09\x30\x03\x06\x01\x2a\x03\x02\x00\x01";
    static uint8_t content[1024], list[1024], value[1024];
    uint8_t *at = list;
    size_t fixed_len = sizeof fixed - 1;

    if (poison) {
        memcpy(at, poison_ext, sizeof poison_ext);
        at += sizeof poison_ext;
    }
    if (filler != 0) {
        uint8_t *end = put(value, 0x06, "\x2a\x03", 2);
        uint8_t zeros[512] = {0};
        end = put(end, 0x04, zeros, filler);
        at = put(at, 0x30, value, (size_t)(end - value));
    }
    memcpy(content, fixed, fixed_len);
    uint8_t *end = content + fixed_len;
    if (at != list) {
        uint8_t *list_end = put(value, 0x30, list, (size_t)(at - list));
        end = put(end, 0xa3, value, (size_t)(list_end - value));
    }
    return (size_t)(put(out, 0x30, content, (size_t)(end - content)) - out);
}

/* Around 127/128 and 255/256 bytes the headers of all three levels change their size. */
static void test_lengths(void **state)
{
    static uint8_t with[2048], without[2048];
    struct precert_pieces pieces;
    struct cert cert;

    (void)state;
    for (size_t filler = 0; filler < 300; filler++) {
        size_t with_len = make_tbs(with, filler, true);
        size_t without_len = make_tbs(without, filler, false);
        assert_true(tbs_read(span_of(with, with_len), &cert));
        assert_true((cert.flags & CERT_POISON) != 0);
        assert_true(precert_normal_form(&cert, &pieces));
        assert_int_equal(pieces.length, without_len);
        assert_true(precert_pieces_equal(&pieces, span_of(without, without_len)));
    }
}

static void test_preissuer(void **state)
{
    struct span poison_der = sample_load("tbs/poison.der");
    struct span other_der = sample_load("dn/plain");
    struct cert cert, again;
    struct cert preissuer = {.issuer = other_der, .aki = SPAN_LIT("\x30\x03\x80\x01z")};
    struct precert_pieces pieces;
    uint8_t joined[4096];
    size_t len = 0;

    (void)state;
    assert_true(tbs_read_certificate(poison_der, &cert));
    assert_true(precert_normal_form_preissuer(&cert, &preissuer, &pieces));
    assert_true(pieces.length <= sizeof joined);
    for (size_t i = 0; i < pieces.count; i++) {
        memcpy(joined + len, pieces.piece[i].at, pieces.piece[i].len);
        len += pieces.piece[i].len;
    }
    assert_true(tbs_read(span_of(joined, len), &again));
    assert_true(span_eq(again.issuer, other_der));
    assert_true(span_eq(again.aki, preissuer.aki));
    assert_int_equal(again.ext_count, cert.ext_count - 1 + (cert.aki.at == NULL));
    /* A preissuer without AKI takes it away. */
    preissuer.aki = SPAN_NONE;
    assert_true(precert_normal_form_preissuer(&cert, &preissuer, &pieces));
    sample_free(poison_der);
    sample_free(other_der);
}

static size_t join(const struct precert_pieces *pieces, uint8_t *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < pieces->count; i++) {
        assert_true(pieces->piece[i].len <= cap - len);
        memcpy(out + len, pieces->piece[i].at, pieces->piece[i].len);
        len += pieces->piece[i].len;
    }
    return len;
}

/* One issuance by both ways of RFC 6962 section 3.1: the precertificate signed by a Precertificate Signing
 * Certificate (issuer and key identifier are the signer's), the final certificate by the CA. */
static void test_signer_and_ca(void **state)
{
    struct span pre_der = sample_load("precert/by_signer.der");
    struct span signer_der = sample_load("precert/signer.der");
    struct span final_der = sample_load("precert/by_ca.der");
    struct cert pre, signer, final_cert;
    struct precert_pieces of_pre, of_final;
    uint8_t joined[2048];

    (void)state;
    assert_true(tbs_read_certificate(pre_der, &pre));
    assert_true(tbs_read_certificate(signer_der, &signer));
    assert_true(tbs_read_certificate(final_der, &final_cert));
    assert_true((signer.flags & CERT_PRECERT_SIGNING) != 0 && (pre.flags & CERT_POISON) != 0);
    assert_true(precert_normal_form(&final_cert, &of_final));
    size_t len = join(&of_final, joined, sizeof joined);
    assert_true(precert_normal_form_preissuer(&pre, &signer, &of_pre));
    assert_true(precert_pieces_equal(&of_pre, span_of(joined, len)));
    /* Without the signer they are two. */
    assert_true(precert_normal_form(&pre, &of_pre));
    assert_false(precert_pieces_equal(&of_pre, span_of(joined, len)));
    /* A signer that lost its own issuer can not stand in. */
    signer.issuer = SPAN_NONE;
    assert_false(precert_normal_form_preissuer(&pre, &signer, &of_pre));
    assert_true(precert_pieces_equal(&of_pre, pre.tbs));
    sample_free(pre_der);
    sample_free(signer_der);
    sample_free(final_der);
}

/* Poison and another extension by turns: each gap is a piece, and there are not pieces without end. Then the
 * whole TBS stands for itself, and says so. */
static void test_too_many_pieces(void **state)
{
    static const uint8_t poison_ext[] =
        "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05";
    static const uint8_t other_ext[] = "\x30\x06\x06\x01\x2a\x04\x01x";
    static const uint8_t fixed[] = "\xa0\x03\x02\x01\x02\x02\x01\x05\x30\x03\x06\x01\x2a\x30\x00"
                                   "\x30\x1e\x17\x0d"
                                   "260101000000Z\x17\x0d"
                                   "260201000000Z\x30\x00\x30\x09\x30\x03\x06\x01\x2a\x03\x02\x00\x01";
    static uint8_t list[4096], wrapped[4096], content[4096], tbs[4096];

    (void)state;
    for (unsigned turns = 1; turns <= 2 * PRECERT_PIECES_MAX; turns++) {
        struct precert_pieces pieces;
        struct cert cert;
        uint8_t *at = list;
        for (unsigned i = 0; i < turns; i++) {
            memcpy(at, poison_ext, sizeof poison_ext);
            memcpy(at + sizeof poison_ext, other_ext, sizeof other_ext - 1);
            at += sizeof poison_ext + sizeof other_ext - 1;
        }
        uint8_t *end = put(wrapped, 0x30, list, (size_t)(at - list));
        memcpy(content, fixed, sizeof fixed - 1);
        end = put(content + sizeof fixed - 1, 0xa3, wrapped, (size_t)(end - wrapped));
        size_t len = (size_t)(put(tbs, 0x30, content, (size_t)(end - content)) - tbs);
        assert_true(tbs_read(span_of(tbs, len), &cert));
        bool good = precert_normal_form(&cert, &pieces);
        assert_int_equal(good, turns < PRECERT_PIECES_MAX - 3);
        assert_true(good ? pieces.length < len : precert_pieces_equal(&pieces, span_of(tbs, len)));
        assert_true(pieces.count <= PRECERT_PIECES_MAX);
    }
}

/* Extensions of which nothing remains, and a second block of them behind: the normal form of this must not be
 * the TBS of a certificate with the second block alone, which stands for other names. */
static void test_decoy(void **state)
{
    static const uint8_t poison_ext[] =
        "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05";
    static uint8_t plain[1024], decoy[1024], content[1024], room[1024];
    struct precert_pieces pieces;
    struct cert cert;
    struct finding_set ignored = {{0, 0}};
    struct der_item tbs;

    (void)state;
    size_t len = make_tbs(plain, 5, false);
    assert_true(tbs_read(span_of(plain, len), &cert));
    struct der in = der_of(span_of(plain, len), &ignored);
    assert_true(der_next(&in, &tbs));
    size_t before = (size_t)(cert.exts_outer.at - tbs.value.at);
    memcpy(content, tbs.value.at, before);
    uint8_t *end = put(room, 0x30, poison_ext, sizeof poison_ext);
    end = put(content + before, 0xa3, room, (size_t)(end - room));
    memcpy(end, cert.exts_outer.at, cert.exts_outer.len);
    end += cert.exts_outer.len;
    end = put(decoy, 0x30, content, (size_t)(end - content));
    struct span whole = span_of(decoy, (size_t)(end - decoy));
    assert_true(tbs_read(whole, &cert));
    assert_true((cert.flags & CERT_POISON) != 0 && finding_has(&cert.findings, FINDING_TBS_TRAILING_BYTES));
    assert_false(precert_normal_form(&cert, &pieces));
    assert_true(precert_pieces_equal(&pieces, whole));
    assert_false(precert_pieces_equal(&pieces, span_of(plain, len)));
}

/* A poison that is not critical is an extension like others: its certificate is not the one without it. */
static void test_not_critical(void **state)
{
    static uint8_t tbs[1024];
    struct precert_pieces pieces;
    struct cert cert;

    (void)state;
    size_t len = make_tbs(tbs, 5, true);
    uint8_t *critical = memmem(tbs, len, "\x01\x01\xff", 3);
    assert_non_null(critical);
    critical[2] = 0;
    assert_true(tbs_read(span_of(tbs, len), &cert));
    assert_int_equal(cert.flags & CERT_POISON, 0);
    assert_true(finding_has(&cert.findings, FINDING_POISON_FORM));
    assert_true(precert_normal_form(&cert, &pieces));
    assert_true(precert_pieces_equal(&pieces, span_of(tbs, len)));
}

/* What stands in [3] behind the list of extensions is part of the certificate: two that differ there differ.
 */
static void test_behind_list(void **state)
{
    static const uint8_t poison_ext[] =
        "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05";
    static const uint8_t other_ext[] = "\x30\x06\x06\x01\x2a\x04\x01x";
    static uint8_t plain[1024], content[1024], list[128], room[256], tbs[1024];
    struct precert_pieces pieces;
    struct finding_set ignored = {{0, 0}};
    struct der_item item;
    struct cert cert;

    (void)state;
    size_t plain_len = make_tbs(plain, 0, false);
    struct der in = der_of(span_of(plain, plain_len), &ignored);
    assert_true(der_next(&in, &item));
    /* Bit 0: an extension stays; bit 1: something follows the list. */
    for (unsigned bits = 0; bits < 4; bits++) {
        static uint8_t wanted[1024];
        size_t wanted_len = 0;
        for (int poison = 0; poison < 2; poison++) {
            uint8_t *at = list;
            memcpy(at, poison_ext, sizeof poison_ext);
            at += poison ? sizeof poison_ext : 0;
            memcpy(at, other_ext, sizeof other_ext - 1);
            at += (bits & 1) != 0 ? sizeof other_ext - 1 : 0;
            uint8_t *end = put(room, 0x30, list, (size_t)(at - list));
            memcpy(end, "\x05\x00", 2);
            end += (bits & 2) != 0 ? 2 : 0;
            memcpy(content, item.value.at, item.value.len);
            end = put(content + item.value.len, 0xa3, room, (size_t)(end - room));
            uint8_t *to = poison ? tbs : wanted;
            size_t len = (size_t)(put(to, 0x30, content, (size_t)(end - content)) - to);
            if (!poison) {
                wanted_len = len;
                continue;
            }
            assert_true(tbs_read(span_of(tbs, len), &cert));
            bool good = precert_normal_form(&cert, &pieces);
            assert_int_equal(good, bits != 2);
            struct span same = bits == 0   ? span_of(plain, plain_len)
                               : bits == 2 ? span_of(tbs, len)
                                           : span_of(wanted, wanted_len);
            assert_true(precert_pieces_equal(&pieces, same));
        }
    }
}

static void test_unreadable(void **state)
{
    struct precert_pieces pieces;
    struct cert cert;

    (void)state;
    assert_false(tbs_read(SPAN_LIT("\x30\x05\x02\x01"), &cert));
    assert_false(precert_normal_form(&cert, &pieces));
    assert_int_equal(pieces.count, 1);
    assert_int_equal(pieces.length, cert.tbs.len);
    assert_false(tbs_read(SPAN_NONE, &cert));
    assert_false(precert_normal_form(&cert, &pieces));
    assert_int_equal(pieces.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_final),           cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_preissuer),       cmocka_unit_test(test_signer_and_ca),
        cmocka_unit_test(test_too_many_pieces), cmocka_unit_test(test_decoy),
        cmocka_unit_test(test_not_critical),    cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_behind_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
