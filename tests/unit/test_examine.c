#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/dns.h"
#include "ingest/examine.h"
#include "parser/der.h"
#include "parser/leaf.h"
#include "parser/precert.h"
#include "parser/tbs.h"
#include "tests/fixture/cacert.h"
#include "tests/unit/sample.h"
#include "verify/digest.h"

static struct arena arena;
static const uint8_t no_hash[32];

static struct span with_zero(const char *file)
{
    struct span bytes = sample_load(file);
    uint8_t *copy = arena_take(&arena, bytes.len + 1, 1);

    assert_non_null(copy);
    copy[0] = 0;
    memcpy(copy + 1, bytes.at, bytes.len);
    sample_free(bytes);
    return span_of(copy + 1, bytes.len);
}

static bool is_zero(const uint8_t hash[32])
{
    static const uint8_t zero[32];

    return memcmp(hash, zero, 32) == 0;
}

/* leaf/x509 holds v1.der, leaf/precert its TBS: one issuance in two forms. */
static void test_forms_share_a_fingerprint(void **state)
{
    struct entry final_entry = {.index = 5, .kind = ENTRY_OPAQUE};
    struct entry precert_entry = {.index = 7, .kind = ENTRY_OPAQUE};
    struct span der = sample_load("tbs/v1.der");
    struct issuance issuance;
    struct cert cert;
    uint8_t hash[32];

    (void)state;
    leaf_read(with_zero("leaf/x509"), &final_entry);
    leaf_read(with_zero("leaf/precert"), &precert_entry);
    final_entry.sighting.log_id = 3;
    examine_entry(&final_entry, &arena);
    examine_entry(&precert_entry, &arena);
    assert_true(examine_certificate(der, &arena, &cert, &issuance, hash));
    assert_memory_equal(final_entry.issuance.tbs_fp, precert_entry.issuance.tbs_fp, 32);
    assert_memory_equal(final_entry.issuance.tbs_fp, issuance.tbs_fp, 32);
    assert_memory_equal(final_entry.sighting.sha256, hash, 32);
    assert_int_equal(final_entry.sighting.form, ISSUANCE_FINAL);
    assert_int_equal(precert_entry.sighting.form, ISSUANCE_PRECERT);
    assert_int_equal(final_entry.sighting.log_id, 3);
    assert_true(final_entry.sighting.index == 5 && final_entry.sighting.timestamp_ms == 1700000000123);
    assert_false(final_entry.issuance.issuer_known);
    assert_true(precert_entry.issuance.issuer_known && precert_entry.issuance.issuer_proven);
    assert_true(span_eq(final_entry.issuance.subject_cn, SPAN_LIT("www.example.org")));
    assert_int_equal(final_entry.issuance.name_count, 1);
    digest_sha256(span_of(final_entry.leaf.at - 1, final_entry.leaf.len + 1), hash);
    assert_memory_equal(final_entry.leaf_hash, hash, 32);
    sample_free(der);
}

/* v1.der is self-signed: its own key proves it, what is no certificate does not. */
static void test_issuer(void **state)
{
    struct entry entry = {.index = 0, .kind = ENTRY_OPAQUE};
    struct span self = sample_load("tbs/v1.der");

    (void)state;
    leaf_read(with_zero("leaf/x509"), &entry);
    examine_entry(&entry, &arena);
    examine_issuer(&entry, self);
    assert_true(entry.issuance.issuer_known && !entry.issuance.issuer_proven);
    assert_memory_equal(entry.issuance.issuer_spki_sha256, entry.issuance.spki_sha256, 32);
    examine_prove_issuer(&entry, self);
    assert_true(entry.issuance.issuer_known && entry.issuance.issuer_proven);
    examine_prove_issuer(&entry, SPAN_LIT("no certificate"));
    assert_false(entry.issuance.issuer_known || entry.issuance.issuer_proven);
    assert_true(is_zero(entry.issuance.issuer_spki_sha256));
    assert_true(finding_has(&entry.issuance.findings, FINDING_ISSUER_UNVERIFIED));
    sample_free(self);
}

/* [3] { SEQUENCE { critical poison } } */
#define POISON_EXT "\x30\x13\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03\x01\x01\xff\x04\x02\x05\x00"

static struct span element(uint8_t tag, struct span content)
{
    uint8_t *at = arena_take(&arena, content.len + 6, 1);

    assert_non_null(at);
    size_t head = der_header(tag, content.len, at);
    memcpy(at + head, content.at, content.len);
    return span_of(at, head + content.len);
}

static struct span joined(struct span first, struct span second)
{
    uint8_t *at = arena_take(&arena, first.len + second.len, 1);

    assert_non_null(at);
    memcpy(at, first.at, first.len);
    if (second.len != 0)
        memcpy(at + first.len, second.at, second.len);
    return span_of(at, first.len + second.len);
}

/* A certificate of this content of a TBS; its signature is one only in form. */
static struct span signed_of(struct span content)
{
    struct span tbs = element(DER_SEQUENCE, content);

    return element(DER_SEQUENCE, joined(tbs, SPAN_LIT("\x30\x03\x06\x01\x2a\x03\x02\x00\x01")));
}

/* The content of the TBS of `cert`, with these extensions in place of its own. */
static struct span with_extensions(const struct cert *cert, struct span exts)
{
    const uint8_t *content = cert->tbs.at + (cert->tbs.len < 256 + 3 ? 3 : 4);
    const uint8_t *end = cert->exts_outer.at != NULL ? cert->exts_outer.at : cert->tbs.at + cert->tbs.len;
    struct span before = span_of(content, (size_t)(end - content));

    return exts.len == 0 ? before : joined(before, element(0xa3, element(DER_SEQUENCE, exts)));
}

/* A precert entry of this TBS, examined; `chain` is the one certificate of its chain, or absent. */
static void log_precert(struct entry *entry, struct span tbs, struct span precert, struct span chain)
{
    static const uint8_t head[] = "\0\0\0\0\0\1\x8b\xcf\xe5\x68\x7b\0\1"
                                  "0123456789abcdef0123456789abcdef";
    uint8_t length[3] = {0, (uint8_t)(tbs.len >> 8), (uint8_t)tbs.len};
    struct span leaf =
        joined(joined(span_of(head, sizeof head - 1), span_of(length, 3)), joined(tbs, SPAN_LIT("\0\0")));

    *entry = (struct entry){.index = 0, .kind = ENTRY_OPAQUE};
    leaf_read(span_of(leaf.at + 1, leaf.len - 1), entry);
    assert_int_equal(entry->kind, ENTRY_PRECERT);
    entry->unverified_precert = precert;
    entry->unverified_chain[0] = chain;
    entry->chain_count = chain.at != NULL;
    examine_entry(entry, &arena);
}

static void expect_fit(const struct entry *entry, bool fits)
{
    uint8_t hash[32] = {0};

    if (fits)
        digest_sha256(entry->unverified_precert, hash);
    assert_memory_equal(entry->sighting.sha256, hash, 32);
    assert_int_equal(finding_has(&entry->findings, FINDING_PRECERT_MISMATCH), !fits);
    assert_int_equal(finding_has(&entry->issuance.findings, FINDING_PRECERT_MISMATCH), !fits);
}

/* What a log sends as pre_certificate is only worth something when it fits the leaf. */
static void test_precert_of_leaf(void **state)
{
    static const struct span poison = {(const uint8_t *)POISON_EXT, sizeof POISON_EXT - 1};
    static const struct span scts = {(const uint8_t *)"\x30\x12\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79"
                                                      "\x02\x04\x02\x04\x04\x04\x02\x00\x00",
                                     20};
    struct span der = sample_load("tbs/plain.der");
    struct span other = sample_load("tbs/poison.der");
    struct cert plain;
    struct entry entry;

    (void)state;
    assert_true(tbs_read_certificate(der, &plain));
    struct span exts = plain.exts;
    struct span soft = joined(poison, SPAN_NONE);
    ((uint8_t *)(uintptr_t)soft.at)[16] = 0;
    const struct {
        struct span logged, sent;
        bool usual, fits;
    } rows[] = {
        {exts, joined(exts, poison), true, true},
        {exts, joined(poison, exts), true, true},
        {joined(exts, scts), joined(joined(exts, poison), scts), true, true},
        {SPAN_NONE, poison, false, true},
        {exts, exts, false, false},                                 /* a final certificate */
        {exts, joined(exts, soft), false, false},                   /* nothing that a log takes */
        {exts, joined(joined(exts, poison), scts), false, false},   /* other extensions */
        {joined(exts, poison), joined(exts, poison), false, false}, /* the poison is logged */
        {joined(exts, poison), joined(joined(exts, poison), poison), false, false},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct span sent = signed_of(with_extensions(&plain, rows[i].sent));
        log_precert(&entry, element(DER_SEQUENCE, with_extensions(&plain, rows[i].logged)), sent, SPAN_NONE);
        assert_int_equal(precert_is_usual(sent, &entry.cert), rows[i].usual);
        expect_fit(&entry, rows[i].fits);
    }
    struct span sent = signed_of(with_extensions(&plain, joined(exts, poison)));
    const struct span bad[] = {SPAN_LIT("garbage"),
                               der,
                               other,
                               joined(sent, SPAN_LIT("x")),
                               span_part(sent, 0, sent.len - 1),
                               plain.tbs};
    for (size_t i = 0; i < countof(bad); i++) {
        log_precert(&entry, plain.tbs, bad[i], SPAN_NONE);
        expect_fit(&entry, false);
    }
    /* Any byte of the TBS in front of the poison that is another makes it another certificate. */
    for (size_t at = 8; at < sent.len - 9 - poison.len; at++) {
        struct span copy = joined(sent, SPAN_NONE);
        ((uint8_t *)(uintptr_t)copy.at)[at] ^= 1;
        log_precert(&entry, plain.tbs, copy, der);
        expect_fit(&entry, false);
    }
    sample_free(der);
    sample_free(other);
}

/* Of a precertificate signing certificate the leaf has only what its CA is called. */
static void test_precert_by_signer(void **state)
{
    struct span precert = sample_load("precert/by_signer.der");
    struct span signer = sample_load("precert/signer.der");
    struct span other = sample_load("precert/by_ca.der");
    struct precert_pieces pieces;
    struct cert final;
    struct entry entry;
    struct span tbs = SPAN_NONE;

    (void)state;
    assert_true(tbs_read_certificate(other, &final) && precert_normal_form(&final, &pieces));
    for (size_t i = 0; i < pieces.count; i++)
        tbs = i == 0 ? pieces.piece[0] : joined(tbs, pieces.piece[i]);
    const struct {
        struct span chain;
        bool fits;
    } rows[] = {{SPAN_NONE, true}, {signer, true}, {other, false}, {SPAN_LIT("no certificate"), false}};
    for (size_t i = 0; i < countof(rows); i++) {
        log_precert(&entry, tbs, precert, rows[i].chain);
        expect_fit(&entry, rows[i].fits);
    }
    /* The chain comes later: what could be true is so, or is not. */
    log_precert(&entry, tbs, precert, SPAN_NONE);
    examine_prove_issuer(&entry, SPAN_NONE);
    expect_fit(&entry, true);
    examine_prove_issuer(&entry, signer);
    expect_fit(&entry, true);
    examine_prove_issuer(&entry, other);
    expect_fit(&entry, false);
    sample_free(precert);
    sample_free(signer);
    sample_free(other);
}

static void test_precert_mismatch(void **state)
{
    struct entry entry = {.index = 7, .kind = ENTRY_OPAQUE};
    struct span other = sample_load("tbs/poison.der");

    (void)state;
    leaf_read(with_zero("leaf/precert"), &entry);
    entry.unverified_precert = other;
    entry.unverified_chain[0] = other;
    entry.chain_count = 1;
    examine_entry(&entry, &arena);
    assert_true(finding_has(&entry.issuance.findings, FINDING_CHAIN_MISMATCH));
    examine_prove_issuer(&entry, SPAN_NONE);
    assert_true(finding_has(&entry.issuance.findings, FINDING_PRECERT_MISMATCH));
    sample_free(other);
}

/* What a log sends as the chain of a final certificate never decides whose key it is, and never makes it
 * unreadable: only a signature proves. */
static void test_chains_that_lie(void **state)
{
    enum { ISSUER, ROOT, LIAR, RUBBISH, CERTS };
    static const struct {
        const char *what;
        int chain[4];
        uint32_t count;
        int known; /* by the chain alone: whose key; -1: nobody's */
        bool proven;
        bool mismatch;
    } rows[] = {
        {"as it should be", {ISSUER, ROOT}, 2, ISSUER, true, false},
        {"the root is left out", {ISSUER}, 1, ISSUER, true, false},
        {"the wrong way round", {ROOT, ISSUER}, 2, ISSUER, true, false},
        {"one that does not belong there", {RUBBISH, ROOT, ISSUER}, 3, ISSUER, true, false},
        {"twice the same", {ISSUER, ISSUER, ROOT, ROOT}, 4, ISSUER, true, false},
        {"another key of that name first", {LIAR, ISSUER}, 2, LIAR, true, false},
        {"another key of that name alone", {LIAR, ROOT}, 2, LIAR, false, false},
        {"the root alone", {ROOT}, 1, -1, false, true},
        {"rubbish", {RUBBISH, RUBBISH}, 2, -1, false, false},
        {"nothing", {0}, 0, -1, false, false},
    };
    EVP_PKEY *keys[4];
    struct cacert made[CERTS];
    struct cacert leaf;
    uint8_t spki[CERTS][32];
    (void)state;
    for (size_t i = 0; i < countof(keys); i++)
        keys[i] = cacert_key();
    (void)cacert_make(&(struct cacert_order){"Issuer", keys[0], "Root", keys[1], .serial = 1}, &made[ISSUER]);
    (void)cacert_make(&(struct cacert_order){"Root", keys[1], "Root", keys[1], .serial = 2}, &made[ROOT]);
    (void)cacert_make(&(struct cacert_order){"Issuer", keys[2], "Issuer", keys[2], .serial = 3}, &made[LIAR]);
    made[RUBBISH] = (struct cacert){"no certificate at all", 21};
    struct span der =
        cacert_make(&(struct cacert_order){"www.example", keys[3], "Issuer", keys[0], .no_ca = true}, &leaf);
    for (size_t i = 0; i < RUBBISH; i++) {
        struct cert cert;
        assert_true(tbs_read_certificate(span_of(made[i].bytes, made[i].len), &cert));
        digest_sha256(cert.spki, spki[i]);
    }
    for (size_t i = 0; i < countof(rows); i++) {
        struct span copy = joined(SPAN_LIT("\0"), der);
        struct entry entry = {.kind = ENTRY_X509, .chain_count = rows[i].count};
        entry.leaf = entry.cert_der = span_part(copy, 1, copy.len);
        for (uint32_t k = 0; k < rows[i].count; k++)
            entry.unverified_chain[k] = span_of(made[rows[i].chain[k]].bytes, made[rows[i].chain[k]].len);
        examine_entry(&entry, &arena);
        const struct issuance *issuance = &entry.issuance;
        bool known = rows[i].known >= 0;
        if (issuance->issuer_known != known || issuance->issuer_proven ||
            finding_has(&issuance->findings, FINDING_CHAIN_MISMATCH) != rows[i].mismatch)
            fail_msg("%s: otherwise", rows[i].what);
        if (known)
            assert_memory_equal(issuance->issuer_spki_sha256, spki[rows[i].known], 32);
        examine_prove_issuer(&entry, rows[i].count == 0 ? SPAN_NONE : entry.unverified_chain[0]);
        if (issuance->issuer_proven != rows[i].proven || issuance->issuer_known != rows[i].proven ||
            finding_has(&issuance->findings, FINDING_ISSUER_UNVERIFIED) == rows[i].proven)
            fail_msg("%s: proven otherwise", rows[i].what);
        assert_memory_equal(issuance->issuer_spki_sha256, rows[i].proven ? spki[ISSUER] : no_hash, 32);
    }
    for (size_t i = 0; i < countof(keys); i++)
        EVP_PKEY_free(keys[i]);
}

static void test_opaque(void **state)
{
    static const char *const files[] = {"leaf/unknown_type", "leaf/version"};

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct entry entry = {.index = 0, .kind = ENTRY_OPAQUE};
        leaf_read(with_zero(files[i]), &entry);
        examine_entry(&entry, &arena);
        assert_memory_equal(entry.issuance.tbs_fp, entry.leaf_hash, 32);
        assert_int_equal(entry.issuance.name_count, 1);
        assert_true((entry.issuance.names[0].flags & NAME_PLACEHOLDER) != 0);
        assert_true(finding_any_broken(&entry.issuance.findings));
    }
}

/* A batch is hashed in groups; each entry gets its own hashes, wherever it stands and whatever stands beside
 * it.
 */
static void test_many(void **state)
{
    static const char *const files[] = {"leaf/x509", "leaf/version", "leaf/precert", "leaf/unknown_type"};
    static struct entry many[50];
    struct span v1 = sample_load("tbs/v1.der");
    struct cert cert;

    (void)state;
    assert_true(tbs_read_certificate(v1, &cert));
    struct span poisoned = signed_of(with_extensions(&cert, SPAN_LIT(POISON_EXT)));
    uint8_t *precert = malloc(poisoned.len);
    assert_non_null(precert);
    memcpy(precert, poisoned.at, poisoned.len);
    struct span other = span_of(precert, poisoned.len);
    for (size_t count = 0; count <= countof(many); count += count < 18 ? 1 : 8) {
        arena_reset(&arena, 1u << 20);
        memset(many, 0, sizeof many);
        for (size_t i = 0; i < count; i++) {
            leaf_read(with_zero(files[(i * 7 + count) % countof(files)]), &many[i]);
            if (many[i].kind == ENTRY_PRECERT)
                many[i].unverified_precert = other;
            /* A byte of the certificate that no parser looks at: no two entries are alike. */
            uint8_t *last = (uint8_t *)(uintptr_t)(many[i].leaf.at + many[i].leaf.len - 3);
            *last ^= (uint8_t)(i + 1);
        }
        examine_entries(many, count, &arena);
        for (size_t i = 0; i < count; i++) {
            const struct entry *entry = &many[i];
            uint8_t hash[32];
            digest_sha256(span_of(entry->leaf.at - 1, entry->leaf.len + 1), hash);
            assert_memory_equal(entry->leaf_hash, hash, 32);
            if (entry->kind != ENTRY_OPAQUE)
                digest_sha256(entry->kind == ENTRY_X509 ? entry->cert_der : other, hash);
            assert_memory_equal(entry->sighting.sha256, hash, 32);
            if (entry->kind != ENTRY_OPAQUE)
                digest_sha256(entry->cert.tbs, hash); /* v1.der has no CT extensions */
            assert_memory_equal(entry->issuance.tbs_fp, hash, 32);
            if (entry->kind != ENTRY_OPAQUE)
                digest_sha256(entry->cert.spki, hash);
            assert_memory_equal(entry->issuance.spki_sha256, entry->kind == ENTRY_OPAQUE ? no_hash : hash,
                                32);
        }
    }
    free(precert);
    sample_free(v1);
}

static void test_poison_in_final(void **state)
{
    struct span der = sample_load("tbs/poison.der");
    uint8_t *leaf = arena_take(&arena, der.len + 18, 1);
    struct entry entry = {.index = 0, .kind = ENTRY_OPAQUE};
    struct entry usable = {.index = 0, .kind = ENTRY_OPAQUE};

    (void)state;
    assert_non_null(leaf);
    memset(leaf, 0, der.len + 18);
    leaf[14] = (uint8_t)(der.len >> 8);
    leaf[15] = (uint8_t)der.len;
    memcpy(leaf + 16, der.at, der.len);
    leaf_read(span_of(leaf + 1, der.len + 17), &entry);
    assert_int_equal(entry.kind, ENTRY_X509);
    examine_entry(&entry, &arena);
    assert_int_equal(entry.sighting.form, ISSUANCE_POISONED);
    assert_true(finding_has(&entry.issuance.findings, FINDING_POISON_IN_FINAL));
    /* Not critical, it keeps nobody from using the certificate. */
    uint8_t *critical = memmem(leaf, der.len, "\xd6\x79\x02\x04\x03\x01\x01\xff", 8);
    assert_non_null(critical);
    critical[7] = 0;
    leaf_read(span_of(leaf + 1, der.len + 17), &usable);
    examine_entry(&usable, &arena);
    assert_int_equal(usable.sighting.form, ISSUANCE_FINAL);
    assert_false(finding_has(&usable.issuance.findings, FINDING_POISON_IN_FINAL));
    assert_true(finding_has(&usable.issuance.findings, FINDING_POISON_FORM));
    sample_free(der);
}

/* A TBSCertificate alone says what its certificate says, apart from the signature. */
static void test_tbs(void **state)
{
    struct span der = sample_load("tbs/poison.der");
    struct issuance whole;
    struct issuance bare;
    struct cert cert;
    uint8_t hash[32];

    (void)state;
    assert_true(examine_certificate(der, &arena, &cert, &whole, hash));
    examine_tbs(cert.tbs, &arena, &cert, &bare);
    assert_true(cert.der.at == NULL && cert.sig_oid.at == NULL);
    assert_memory_equal(bare.tbs_fp, whole.tbs_fp, 32);
    assert_memory_equal(bare.spki_sha256, whole.spki_sha256, 32);
    assert_int_equal(bare.name_count, whole.name_count);
    examine_tbs(SPAN_LIT("garbage"), &arena, &cert, &bare);
    assert_true(finding_any_broken(&bare.findings));
    sample_free(der);
}

static void test_garbage(void **state)
{
    struct issuance issuance;
    struct cert cert;
    uint8_t hash[32];

    (void)state;
    assert_false(examine_certificate(SPAN_LIT("garbage"), &arena, &cert, &issuance, hash));
    assert_true(finding_has(&issuance.findings, FINDING_CERTIFICATE_UNREADABLE));
    assert_true(issuance.name_count == 1 && (issuance.names[0].flags & NAME_PLACEHOLDER) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_share_a_fingerprint),
        cmocka_unit_test(test_issuer),
        cmocka_unit_test(test_precert_of_leaf),
        cmocka_unit_test(test_precert_by_signer),
        cmocka_unit_test(test_precert_mismatch),
        cmocka_unit_test(test_chains_that_lie),
        cmocka_unit_test(test_opaque),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_poison_in_final),
        cmocka_unit_test(test_tbs),
        cmocka_unit_test(test_garbage),
    };

    must(arena_init(&arena, 16u << 20) && dns_psl_load(SPAN_LIT("com\norg\n"), NULL) == ERR_OK);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return result;
}
