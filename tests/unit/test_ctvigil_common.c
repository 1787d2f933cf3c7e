#include "parser/precert.h"
#include "tests/unit/facade.h"

static void same_pieces(const struct ctvigil_cert *ours, const struct cert *theirs)
{
    struct ctvigil_common common;
    struct precert_pieces pieces;
    size_t size = 0;

    assert_int_equal(ctvigil_common_of(&common, ours), precert_normal_form(theirs, &pieces));
    assert_int_equal(ctvigil_common_count(&common), pieces.count);
    for (size_t i = 0; i < pieces.count; i++) {
        struct ctvigil_bytes piece = ctvigil_common_piece(&common, i);
        assert_int_equal(piece.size, pieces.piece[i].len);
        assert_true(piece.size == 0 || memcmp(piece.data, pieces.piece[i].at, piece.size) == 0);
        size += piece.size;
    }
    assert_int_equal(ctvigil_common_size(&common), size);
    assert_true(facade_absent(ctvigil_common_piece(&common, pieces.count)));
    assert_true(facade_absent(ctvigil_common_piece(&common, SIZE_MAX)));
}

static void test_same_pieces(void **state)
{
    (void)state;
    facade_each(same_pieces);
}

static size_t join(const struct ctvigil_common *common, uint8_t *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < ctvigil_common_count(common); i++) {
        struct ctvigil_bytes piece = ctvigil_common_piece(common, i);
        assert_true(piece.size <= cap - len);
        memcpy(out + len, piece.data, piece.size);
        len += piece.size;
    }
    return len;
}

/* final.der is plain.der with one SCT list more. */
static void test_final_and_plain(void **state)
{
    struct span plain_der = sample_load("tbs/plain.der");
    struct span final_der = sample_load("tbs/final.der");
    struct ctvigil_cert plain;
    struct ctvigil_cert final;
    struct ctvigil_common common;
    uint8_t joined[4096];

    (void)state;
    assert_true(ctvigil_cert_read(&plain, plain_der.at, plain_der.len));
    assert_true(ctvigil_cert_read(&final, final_der.at, final_der.len));
    assert_true(ctvigil_common_of(&common, &final));
    struct ctvigil_bytes tbs = ctvigil_cert_tbs(&plain);
    assert_int_equal(join(&common, joined, sizeof joined), tbs.size);
    assert_memory_equal(joined, tbs.data, tbs.size);
    sample_free(plain_der);
    sample_free(final_der);
}

/* The issuer is that of the certificate which signed. */
static void test_signer(void **state)
{
    struct span der = sample_load("tbs/poison.der");
    struct span signer_der = sample_load("tbs/precertca.der");
    struct ctvigil_cert cert;
    struct ctvigil_cert signer;
    struct ctvigil_cert read_again;
    struct ctvigil_common common;
    uint8_t joined[4096];

    (void)state;
    assert_true(ctvigil_cert_read(&cert, der.at, der.len));
    assert_true(ctvigil_cert_read(&signer, signer_der.at, signer_der.len));
    assert_true(ctvigil_common_of_signed(&common, &cert, &signer));
    size_t len = join(&common, joined, sizeof joined);
    assert_true(ctvigil_cert_read_tbs(&read_again, joined, len));
    struct ctvigil_bytes issuer = ctvigil_cert_issuer(&read_again);
    struct ctvigil_bytes wanted = ctvigil_cert_issuer(&signer);
    assert_int_equal(issuer.size, wanted.size);
    assert_memory_equal(issuer.data, wanted.data, wanted.size);
    assert_int_equal(ctvigil_cert_flags(&read_again) & CTVIGIL_POISON, 0);
    sample_free(der);
    sample_free(signer_der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_pieces),
        cmocka_unit_test(test_final_and_plain),
        cmocka_unit_test(test_signer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
