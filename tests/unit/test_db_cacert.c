/* A stored CA certificate comes back byte for byte, by its hash and by nothing else. */
#include "db/db_cacert.h"

#include "tests/fixture/storetest.h"

static void by_hash(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct arena arena;
    struct span der;
    struct err why = {0};
    uint8_t sha256[32];
    (void)state;
    storetest_new(&test);
    assert_true(arena_init(&arena, 4096));
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    storetest_run(
        test.dsn,
        "INSERT INTO issuer_cert (sha256, spki_sha256, subject, der) SELECT sha256(d), sha256(d), '', d"
        " FROM (VALUES ('\\x3003020105'::bytea), ('\\x30030201ff')) AS v(d)");
    dbkey_sha256(SPAN_LIT("\x30\x03\x02\x01\xff"), sha256);
    assert_int_equal(db_cacert_get(conn, sha256, &arena, &der, &why), ERR_OK);
    assert_true(span_eq(der, SPAN_LIT("\x30\x03\x02\x01\xff")));
    sha256[31] ^= 1;
    assert_int_equal(db_cacert_get(conn, sha256, &arena, &der, &why), ERR_NOT_FOUND);
    assert_true(der.at == NULL);
    pgconn_free(conn);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hash)};
    return storetest_main(tests, countof(tests), "db_cacert");
}
