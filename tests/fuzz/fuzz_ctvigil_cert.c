/* Through the public header alone: whatever the bytes are, what is given out lies inside them (or is absent),
 * a walk that ended has ended, the same certificate as leaf, as tile entry and as DER gives the same facts,
 * and the common part of what is already common is the same again. */
#include <stdlib.h>

#include "lib/ctvigil/parser.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static void within(struct ctvigil_bytes input, struct ctvigil_bytes part)
{
    inside(span_of(input.data, input.size), span_of(part.data, part.size));
}

static void walk_name(struct ctvigil_bytes input, struct ctvigil_bytes name)
{
    struct ctvigil_dn dn;
    char text[64];

    ctvigil_dn_begin(&dn, name);
    while (ctvigil_dn_next(&dn)) {
        within(input, ctvigil_dn_oid(&dn));
        within(input, ctvigil_dn_value(&dn));
        must(ctvigil_utf8(ctvigil_dn_tag(&dn), ctvigil_dn_value(&dn), text, sizeof text) <= sizeof text);
    }
    must(!ctvigil_dn_next(&dn) && ctvigil_dn_oid(&dn).data == NULL);
    must(ctvigil_dn_text(name, text, sizeof text) == strlen(text));
}

static void walk_sans(struct ctvigil_bytes input, const struct ctvigil_cert *cert)
{
    struct ctvigil_san san;

    ctvigil_san_begin(&san, cert);
    while (ctvigil_san_next(&san)) {
        within(input, ctvigil_san_whole(&san));
        within(ctvigil_san_whole(&san), ctvigil_san_value(&san));
        must(ctvigil_san_kind(&san) >= 0 && ctvigil_san_kind(&san) <= CTVIGIL_SAN_UNKNOWN);
        if (ctvigil_san_kind(&san) == CTVIGIL_SAN_DIRECTORY)
            walk_name(input, ctvigil_san_value(&san));
    }
    must(!ctvigil_san_next(&san) && ctvigil_san_value(&san).data == NULL);
}

static void walk_exts(struct ctvigil_bytes input, const struct ctvigil_cert *cert)
{
    struct ctvigil_ext ext;
    struct ctvigil_sct sct;
    char text[CTVIGIL_OID_TEXT];

    ctvigil_ext_begin(&ext, cert);
    while (ctvigil_ext_next(&ext)) {
        within(input, ctvigil_ext_whole(&ext));
        within(ctvigil_ext_whole(&ext), ctvigil_ext_oid(&ext));
        within(ctvigil_ext_whole(&ext), ctvigil_ext_value(&ext));
        must(strlen(ctvigil_oid_text(ctvigil_ext_oid(&ext), text)) < sizeof text);
    }
    ctvigil_sct_begin(&sct, cert);
    while (ctvigil_sct_next(&sct)) {
        within(input, ctvigil_sct_whole(&sct));
        within(ctvigil_sct_whole(&sct), ctvigil_sct_signature(&sct));
        must(!ctvigil_sct_readable(&sct) || ctvigil_sct_log_id(&sct).size == 32);
    }
}

/* Values of extensions, each walk to its end and once more. */
#define WALK(name, input, cert, ...)                                                                         \
    do {                                                                                                     \
        struct ctvigil_##name name;                                                                          \
        ctvigil_##name##_begin(&name, cert);                                                                 \
        while (ctvigil_##name##_next(&name)) {                                                               \
            const struct ctvigil_bytes parts[] = {__VA_ARGS__};                                              \
            for (size_t i = 0; i < countof(parts); i++)                                                      \
                within(input, parts[i]);                                                                     \
        }                                                                                                    \
        must(!ctvigil_##name##_next(&name));                                                                 \
        (void)ctvigil_##name##_damaged(&name);                                                               \
    } while (0)

static void walk_values(struct ctvigil_bytes input, const struct ctvigil_cert *cert)
{
    WALK(eku, input, cert, ctvigil_eku_oid(&eku));
    WALK(policy, input, cert, ctvigil_policy_oid(&policy), ctvigil_policy_cps(&policy),
         ctvigil_policy_qualifiers(&policy));
    WALK(access, input, cert, ctvigil_access_method(&access), ctvigil_access_value(&access));
    WALK(crl, input, cert, ctvigil_crl_value(&crl), ctvigil_crl_relative(&crl), ctvigil_crl_reasons(&crl),
         ctvigil_crl_issuer(&crl));
    WALK(constraint, input, cert, ctvigil_constraint_value(&constraint));
    WALK(qc, input, cert, ctvigil_qc_oid(&qc), ctvigil_qc_info(&qc));
}

static void same(struct ctvigil_bytes a, struct ctvigil_bytes b)
{
    must(span_eq(span_of(a.data, a.size), span_of(b.data, b.size)));
}

static void same_facts(const struct ctvigil_cert *a, const struct ctvigil_cert *b)
{
    same(ctvigil_cert_tbs(a), ctvigil_cert_tbs(b));
    same(ctvigil_cert_serial(a), ctvigil_cert_serial(b));
    same(ctvigil_cert_issuer(a), ctvigil_cert_issuer(b));
    same(ctvigil_cert_subject(a), ctvigil_cert_subject(b));
    same(ctvigil_cert_spki(a), ctvigil_cert_spki(b));
    same(ctvigil_cert_signature(a), ctvigil_cert_signature(b));
    must(ctvigil_cert_not_before(a) == ctvigil_cert_not_before(b));
    must(ctvigil_cert_not_after(a) == ctvigil_cert_not_after(b));
    must(ctvigil_cert_flags(a) == ctvigil_cert_flags(b) && ctvigil_cert_key(a) == ctvigil_cert_key(b));
    must(ctvigil_cert_key_bits(a) == ctvigil_cert_key_bits(b));
}

/* MerkleTreeLeaf and TileLeaf around the certificate (or the TBS); both give it back. */
static void as_entries(struct ctvigil_bytes der, const struct ctvigil_cert *cert, bool tbs)
{
    size_t head = tbs ? 2 + 8 + 2 + 32 : 2 + 8 + 2;
    size_t leaf_size = head + 3 + der.size + 2;
    size_t tail = tbs ? 5 : 2;
    uint8_t *leaf = calloc(1, leaf_size + tail);
    uint8_t *room = malloc(leaf_size + tail);
    struct ctvigil_entry entry;
    struct ctvigil_cert other;
    struct ctvigil_tile tile;

    must(leaf != NULL && room != NULL);
    leaf[11] = tbs;
    leaf[head] = (uint8_t)(der.size >> 16);
    leaf[head + 1] = (uint8_t)(der.size >> 8);
    leaf[head + 2] = (uint8_t)der.size;
    memcpy(leaf + head + 3, der.data, der.size);
    ctvigil_entry_read(&entry, (struct ctvigil_bytes){leaf, leaf_size}, (struct ctvigil_bytes){NULL, 0});
    must(ctvigil_entry_kind(&entry) == (tbs ? CTVIGIL_ENTRY_PRECERT : CTVIGIL_ENTRY_X509));
    must(ctvigil_entry_cert(&entry, &other));
    same_facts(cert, &other);
    ctvigil_tile_begin(&tile, (struct ctvigil_bytes){leaf + 2, leaf_size - 2 + tail}, 0);
    must(ctvigil_tile_next(&tile, &entry, room, ctvigil_tile_room(&tile)) == CTVIGIL_TILE_ENTRY);
    must(ctvigil_tile_next(&tile, &entry, room, ctvigil_tile_room(&tile)) == CTVIGIL_TILE_END);
    ctvigil_tile_begin(&tile, (struct ctvigil_bytes){leaf + 2, leaf_size - 2 + tail}, 0);
    must(ctvigil_tile_next(&tile, &entry, room, ctvigil_tile_room(&tile)) == CTVIGIL_TILE_ENTRY);
    same(ctvigil_entry_leaf(&entry), (struct ctvigil_bytes){leaf, leaf_size});
    must(ctvigil_entry_cert(&entry, &other));
    same_facts(cert, &other);
    free(room);
    free(leaf);
}

/* What certificates have in common has it in common with itself. */
static void common_again(const struct ctvigil_cert *cert)
{
    struct ctvigil_common common;
    struct ctvigil_common again;
    struct ctvigil_cert bare;
    size_t len = 0;

    if (!ctvigil_common_of(&common, cert))
        return;
    uint8_t *joined = malloc(ctvigil_common_size(&common) + 1);
    must(joined != NULL);
    for (size_t i = 0; i < ctvigil_common_count(&common); i++) {
        struct ctvigil_bytes piece = ctvigil_common_piece(&common, i);
        memcpy(joined + len, piece.data, piece.size);
        len += piece.size;
    }
    must(len == ctvigil_common_size(&common));
    if (ctvigil_cert_read_tbs(&bare, joined, len) && ctvigil_common_of(&again, &bare)) {
        must((ctvigil_cert_flags(&bare) & CTVIGIL_POISON) == 0);
        must(ctvigil_common_size(&again) == len);
    }
    free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctvigil_bytes input = {data, size};
    struct ctvigil_findings findings;
    struct ctvigil_cert cert;

    for (int tbs = 0; tbs < 2; tbs++) {
        bool good =
            tbs != 0 ? ctvigil_cert_read_tbs(&cert, data, size) : ctvigil_cert_read(&cert, data, size);
        ctvigil_cert_findings(&cert, &findings);
        must(good != ctvigil_findings_has(&findings, CTVIGIL_FINDING_CERTIFICATE_UNREADABLE));
        must(good || ctvigil_findings_any_broken(&findings));
        ctvigil_cert_lint(&cert, &findings);
        within(input, ctvigil_cert_tbs(&cert));
        walk_name(input, ctvigil_cert_issuer(&cert));
        walk_name(input, ctvigil_cert_subject(&cert));
        walk_sans(input, &cert);
        walk_exts(input, &cert);
        walk_values(input, &cert);
        struct ctvigil_bytes der = tbs != 0 ? ctvigil_cert_tbs(&cert) : ctvigil_cert_der(&cert);
        if (good && der.size < 1u << 24)
            as_entries(der, &cert, tbs != 0);
        if (good)
            common_again(&cert);
    }
    return 0;
}
