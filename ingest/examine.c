#include "ingest/examine.h"

#include "base/limits.h"
#include "ingest/chainkey.h"
#include "parser/asfound.h"
#include "parser/dn.h"
#include "parser/names.h"
#include "parser/oid.h"
#include "parser/precert.h"
#include "parser/sigalg.h"
#include "parser/tbs.h"
#include "verify/certsig.h"
#include "verify/digest.h"

/* Name of an entry nobody can read: it could be about every domain. */
static const struct name opaque_name = {
    .kind = NAME_DNS,
    .flags = NAME_PLACEHOLDER,
    .raw = {(const uint8_t *)"", 0},
    .text = {(const uint8_t *)"?", 1},
};

/* Converted only when its string type demands it. */
static struct span attr_text(const struct dn_attr *attr, struct arena *arena)
{
    if (attr->tag != DER_BMP_STRING && attr->tag != DER_UNIVERSAL_STRING)
        return attr->value;
    uint8_t *text = arena_take(arena, DN_UTF8_ROOM(attr->value.len), 1);
    return text == NULL ? attr->value
                        : span_of(text, dn_utf8(attr->tag, attr->value, text, DN_UTF8_ROOM(attr->value.len)));
}

/* The last common name, as the visible name of the subject, and its organisations. */
static void fill_subject(const struct cert *cert, struct arena *arena, struct issuance *issuance)
{
    struct dn_attr org[LIMIT_ORGS];
    struct dn_attr cn = {0};
    size_t orgs = 0;
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, cert->subject);
    while (dn_next(&dn, &attr)) {
        enum oid kind = oid_find(attr.oid);
        if (kind == OID_DN_CN)
            cn = attr;
        else if (kind == OID_DN_ORG && orgs < LIMIT_ORGS)
            org[orgs++] = attr;
    }
    issuance->subject_cn = attr_text(&cn, arena);
    issuance->orgs =
        orgs == 0 ? NULL : arena_take(arena, orgs * sizeof *issuance->orgs, _Alignof(struct span));
    if (issuance->orgs == NULL)
        return;
    for (size_t i = 0; i < orgs; i++)
        issuance->orgs[issuance->org_count++] = attr_text(&org[i], arena);
}

#define GROUP       16 /* entries hashed together; their bytes stay in the cache meanwhile */
#define HASHES_EACH 4  /* leaf, fingerprint, key, certificate */

/* What is to be hashed of a group of entries, once all of them are read. */
struct hashes {
    struct digest_job job[GROUP * HASHES_EACH];
    size_t count;
    struct precert_pieces form[GROUP];
    size_t form_count;
    struct span leaf[GROUP];
    size_t leaf_count;
};

/* The pieces stay where they are until hashes_make. */
static void hash_later(struct hashes *hashes, const struct span *piece, size_t count, uint8_t out[32])
{
    must(hashes->count < countof(hashes->job));
    hashes->job[hashes->count++] = (struct digest_job){piece, count, out};
}

static void hashes_begin(struct hashes *hashes)
{
    hashes->count = 0;
    hashes->form_count = 0;
    hashes->leaf_count = 0;
}

static void hashes_make(const struct hashes *hashes)
{
    digest_many(hashes->job, hashes->count);
}

static void fill_leaf_hash(struct entry *entry, struct hashes *hashes)
{
    must(hashes->leaf_count < countof(hashes->leaf));
    struct span *leaf = &hashes->leaf[hashes->leaf_count++];

    *leaf = span_of(entry->leaf.at - 1, entry->leaf.len + 1);
    hash_later(hashes, leaf, 1, entry->leaf_hash);
}

static void fill_fingerprint(const struct cert *cert, struct span fallback, struct hashes *hashes,
                             struct issuance *issuance)
{
    must(hashes->form_count < countof(hashes->form));
    struct precert_pieces *form = &hashes->form[hashes->form_count++];

    bool has_ct = (cert->sct_list.at != NULL || (cert->flags & CERT_POISON) != 0) &&
                  !finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE);
    if (!precert_normal_form(cert, form) && has_ct)
        finding_add(&issuance->findings, FINDING_FINGERPRINT_WHOLE);
    if (form->count == 0) {
        form->piece[0] = fallback;
        form->count = 1;
    }
    hash_later(hashes, form->piece, form->count, issuance->tbs_fp);
}

/* A bare TBS (the leaf of a precertificate) never has a list. */
static bool lacks_scts(const struct cert *cert)
{
    return cert->der.at != NULL && cert->sct_list.at == NULL && (cert->flags & CERT_POISON) == 0 &&
           !finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE);
}

/* Everything of the issuance that comes from the certificate alone. */
static void fill_issuance(const struct cert *cert, struct span input, struct arena *arena,
                          struct hashes *hashes, struct issuance *issuance)
{
    fill_fingerprint(cert, input, hashes, issuance);
    if (cert->spki.at != NULL)
        hash_later(hashes, &cert->spki, 1, issuance->spki_sha256);
    issuance->issuer = cert->issuer;
    issuance->serial = cert->serial;
    fill_subject(cert, arena, issuance);
    issuance->not_before = cert->not_before;
    issuance->not_after = cert->not_after;
    issuance->cert_flags = cert->flags | (lacks_scts(cert) ? CERT_NO_SCTS : 0u);
    issuance->key_bits = cert->key_bits;
    issuance->key_alg = (uint8_t)cert->key_alg;
    issuance->signing = (uint8_t)sigalg_signing(cert);
    finding_merge(&issuance->findings, &cert->findings);
    names_collect(cert, arena, &issuance->names, &issuance->name_count, &issuance->findings);
    asfound_collect(cert, issuance->names, issuance->name_count, arena, &issuance->found,
                    &issuance->found_count, &issuance->findings);
}

static void use_issuer_key(struct entry *entry, const struct chainkey *key)
{
    memcpy(entry->issuance.issuer_spki_sha256, key->spki_sha256, sizeof key->spki_sha256);
    entry->issuance.issuer_known = true;
}

/* Does one of the first certificates of the chain hold the key that the leaf names? With a precertificate
 * signing certificate it is the second. An empty chain says nothing. */
static bool chain_fits(const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->chain_count; i++) {
        const struct chainkey *key = chainkey_of(entry->unverified_chain[i]);
        if (key->has_key && memcmp(key->spki_sha256, entry->issuer_key_hash.at, 32) == 0)
            return true;
    }
    return entry->chain_count == 0;
}

/* The logged TBS must be the precertificate's without its poison; with a precertificate signing certificate
 * in between, with the names of the real CA. Of a signer that is not at hand it is not known whether it is
 * one: then all but these names has to fit. */
static bool precert_fits(const struct entry *entry, struct span signer_der)
{
    struct precert_pieces pieces;
    struct cert precert;
    struct cert signer;

    if ((entry->cert.flags & CERT_POISON) != 0)
        return false;
    if (entry->unverified_precert.len == 0)
        return true; /* FINDING_EXTRA_UNREADABLE where there should be one */
    (void)tbs_read_certificate(entry->unverified_precert, &precert);
    if (finding_has(&precert.findings, FINDING_TRAILING_BYTES))
        return false;
    if (precert_logged_form(&precert, NULL, &pieces) && precert_pieces_equal(&pieces, entry->tbs))
        return true;
    if (signer_der.at == NULL && entry->chain_count != 0)
        signer_der = entry->unverified_chain[0];
    if (signer_der.at == NULL)
        signer = entry->cert;
    else if (!tbs_read_certificate(signer_der, &signer) || (signer.flags & CERT_PRECERT_SIGNING) == 0)
        return false;
    return precert_logged_form(&precert, &signer, &pieces) && precert_pieces_equal(&pieces, entry->tbs);
}

static void examine_precert(struct entry *entry, struct arena *arena, struct hashes *hashes)
{
    struct issuance *issuance = &entry->issuance;

    (void)tbs_read(entry->tbs, &entry->cert);
    fill_issuance(&entry->cert, entry->tbs, arena, hashes, issuance);
    memcpy(issuance->issuer_spki_sha256, entry->issuer_key_hash.at, sizeof issuance->issuer_spki_sha256);
    issuance->issuer_known = true;
    issuance->issuer_proven = true;
    entry->sighting.form = ISSUANCE_PRECERT;
    if (!precert_is_usual(entry->unverified_precert, &entry->cert) && !precert_fits(entry, SPAN_NONE))
        finding_add(&entry->findings, FINDING_PRECERT_MISMATCH);
    else if (entry->unverified_precert.len != 0)
        hash_later(hashes, &entry->unverified_precert, 1, entry->sighting.sha256);
    if (!chain_fits(entry))
        finding_add(&entry->findings, FINDING_CHAIN_MISMATCH);
}

/* Is this the certificate of the one whom a final certificate names as its issuer? */
static bool is_named(const struct entry *entry, const struct chainkey *key)
{
    return key->has_key && entry->cert.issuer.at != NULL && span_eq(key->subject, entry->cert.issuer);
}

/* Chains come in any order, with certificates that do not belong there, or twice: the first one of that name
 * is taken, and is a claim all the same. */
static void name_issuer(struct entry *entry)
{
    for (uint32_t i = 0; i < entry->chain_count; i++) {
        const struct chainkey *key = chainkey_of(entry->unverified_chain[i]);
        if (!is_named(entry, key))
            continue;
        use_issuer_key(entry, key);
        return;
    }
    if (entry->chain_count != 0)
        examine_issuer(entry, entry->unverified_chain[0]);
}

static void examine_final(struct entry *entry, struct arena *arena, struct hashes *hashes)
{
    (void)tbs_read_certificate(entry->cert_der, &entry->cert);
    fill_issuance(&entry->cert, entry->cert_der, arena, hashes, &entry->issuance);
    hash_later(hashes, &entry->cert_der, 1, entry->sighting.sha256);
    entry->sighting.form = ISSUANCE_FINAL;
    if ((entry->cert.flags & CERT_POISON) != 0) {
        finding_add(&entry->findings, FINDING_POISON_IN_FINAL);
        entry->sighting.form = ISSUANCE_POISONED;
    }
    name_issuer(entry);
}

static void examine_one(struct entry *entry, struct arena *arena, struct hashes *hashes)
{
    struct issuance *issuance = &entry->issuance;
    int32_t log_id = entry->sighting.log_id;

    fill_leaf_hash(entry, hashes);
    memset(issuance, 0, sizeof *issuance);
    memset(&entry->sighting, 0, sizeof entry->sighting);
    entry->sighting.log_id = log_id;
    entry->sighting.index = entry->index;
    entry->sighting.timestamp_ms = entry->timestamp_ms;
    switch (entry->kind) {
    case ENTRY_X509:
        examine_final(entry, arena, hashes);
        break;
    case ENTRY_PRECERT:
        examine_precert(entry, arena, hashes);
        break;
    case ENTRY_OPAQUE:
        memset(&entry->cert, 0, sizeof entry->cert);
        issuance->not_before = CERT_TIME_MIN;
        issuance->not_after = CERT_TIME_MAX;
        /* Read-only by contract: nobody writes the names of an issuance. */
        issuance->names = (struct name *)(uintptr_t)&opaque_name;
        issuance->name_count = 1;
        break;
    }
    finding_merge(&issuance->findings, &entry->findings);
}

static void name_opaque(struct entry *entry)
{
    if (entry->kind != ENTRY_OPAQUE)
        return;
    memcpy(entry->issuance.tbs_fp, entry->leaf_hash, sizeof entry->issuance.tbs_fp);
    memcpy(entry->sighting.sha256, entry->leaf_hash, sizeof entry->sighting.sha256);
}

void examine_entries(struct entry *entries, size_t count, struct arena *arena)
{
    struct hashes hashes;

    for (size_t done = 0; done < count;) {
        size_t end = count - done < GROUP ? count : done + GROUP;
        hashes_begin(&hashes);
        for (size_t i = done; i < end; i++)
            examine_one(&entries[i], arena, &hashes);
        hashes_make(&hashes);
        for (; done < end; done++)
            name_opaque(&entries[done]);
    }
}

void examine_entry(struct entry *entry, struct arena *arena)
{
    examine_entries(entry, 1, arena);
}

void examine_issuer(struct entry *entry, struct span issuer_der)
{
    const struct chainkey *key = chainkey_of(issuer_der);

    if (entry->kind != ENTRY_X509 || !key->has_key || entry->cert.issuer.at == NULL)
        return;
    if (is_named(entry, key)) {
        use_issuer_key(entry, key);
        return;
    }
    finding_add(&entry->findings, FINDING_CHAIN_MISMATCH);
    finding_add(&entry->issuance.findings, FINDING_CHAIN_MISMATCH);
}

static void add_finding(struct entry *entry, enum finding finding)
{
    finding_add(&entry->findings, finding);
    finding_add(&entry->issuance.findings, finding);
}

static bool has_signed(const struct entry *entry, struct span issuer_der)
{
    struct cert issuer;

    (void)tbs_read_certificate(issuer_der, &issuer);
    return issuer.spki.at != NULL && certsig_verify(entry->cert_der, issuer.spki);
}

void examine_prove_issuer(struct entry *entry, struct span issuer_der)
{
    struct issuance *issuance = &entry->issuance;

    if (entry->kind == ENTRY_PRECERT) {
        if (precert_fits(entry, issuer_der))
            return;
        add_finding(entry, FINDING_PRECERT_MISMATCH);
        memset(entry->sighting.sha256, 0, sizeof entry->sighting.sha256);
        return;
    }
    if (entry->kind != ENTRY_X509)
        return;
    bool signed_by = has_signed(entry, issuer_der);
    for (uint32_t i = 0; i < entry->chain_count && !signed_by; i++) {
        issuer_der = entry->unverified_chain[i];
        signed_by = has_signed(entry, issuer_der);
    }
    issuance->issuer_proven = signed_by;
    if (signed_by) {
        use_issuer_key(entry, chainkey_of(issuer_der));
        return;
    }
    issuance->issuer_known = false;
    memset(issuance->issuer_spki_sha256, 0, sizeof issuance->issuer_spki_sha256);
    add_finding(entry, FINDING_ISSUER_UNVERIFIED);
}

bool examine_certificate(struct span der, struct arena *arena, struct cert *cert, struct issuance *issuance,
                         uint8_t sha256[32])
{
    struct hashes hashes;

    memset(issuance, 0, sizeof *issuance);
    (void)tbs_read_certificate(der, cert);
    hashes_begin(&hashes);
    hash_later(&hashes, &cert->der, 1, sha256);
    fill_issuance(cert, der, arena, &hashes, issuance);
    hashes_make(&hashes);
    return cert->tbs.at != NULL;
}

void examine_tbs(struct span tbs, struct arena *arena, struct cert *cert, struct issuance *issuance)
{
    struct hashes hashes;

    memset(issuance, 0, sizeof *issuance);
    (void)tbs_read(tbs, cert);
    hashes_begin(&hashes);
    fill_issuance(cert, tbs, arena, &hashes, issuance);
    hashes_make(&hashes);
}
