#include "cli/certview.h"

#include "base/text.h"
#include "cli/certfacts.h"
#include "cli/certjson.h"
#include "parser/dn.h"
#include "parser/ext.h"
#include "parser/lint.h"
#include "parser/san.h"
#include "parser/sctlist.h"
#include "parser/spki.h"
#include "parser/when.h"

static json_t *cn_json(struct span name)
{
    json_t *cns = json_array();
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, name);
    while (dn_next(&dn, &attr)) {
        if (oid_find(attr.oid) == OID_DN_CN)
            certjson_append(cns, certjson_attr(&attr));
    }
    return cns;
}

/* Reads the validity once more. */
struct certview_times certview_times(const struct cert *cert)
{
    struct certview_times readable = {false, false};
    struct finding_set ignored = {{0, 0}};
    struct der_item item;
    int64_t unix_s;

    if (cert->issuer.at == NULL || cert->subject.at == NULL)
        return readable;
    const uint8_t *begin = cert->issuer.at + cert->issuer.len;
    struct der in = der_of(span_of(begin, (size_t)(cert->subject.at - begin)), &ignored);
    if (!der_expect(&in, DER_SEQUENCE, &item))
        return readable;
    in = der_of(item.value, &ignored);
    readable.before = der_next(&in, &item) && when_read(item.tag, item.value, &unix_s) != WHEN_UNREADABLE;
    readable.after = der_next(&in, &item) && when_read(item.tag, item.value, &unix_s) != WHEN_UNREADABLE;
    return readable;
}

static json_t *integer_or_null(int64_t value, bool known)
{
    return known ? json_integer(value) : json_null();
}

static void set_san(json_t *object, const struct cert *cert)
{
    json_t *dns = json_array();
    json_t *ip = json_array();
    json_t *email = json_array();
    json_t *uri = json_array();
    struct san san;
    struct san_item item;

    san_init(&san, cert);
    while (san_next(&san, &item)) {
        if (item.kind == SAN_DNS)
            certjson_append(dns, certjson_latin1(item.value));
        else if (item.kind == SAN_IP)
            certjson_append(ip, certjson_hex(item.value));
        else if (item.kind == SAN_EMAIL)
            certjson_append(email, certjson_latin1(item.value));
        else if (item.kind == SAN_URI)
            certjson_append(uri, certjson_latin1(item.value));
    }
    certjson_set(object, "dns", dns);
    certjson_set(object, "ip", ip);
    certjson_set(object, "email", email);
    certjson_set(object, "uri", uri);
}

static json_t *sct_json(const struct sctlist_item *item)
{
    json_t *sct = json_object();

    certjson_set(sct, "version", json_integer(item->version));
    if (!item->readable) {
        certjson_set(sct, "raw", certjson_hex(item->whole));
        return sct;
    }
    certjson_set(sct, "log_id", certjson_hex(item->log_id));
    certjson_set(sct, "timestamp_ms", json_integer((json_int_t)item->timestamp_ms));
    certjson_set(sct, "extensions", certjson_hex(item->extensions));
    certjson_set(sct, "leaf_index", item->leaf_index < 0 ? json_null() : json_integer(item->leaf_index));
    certjson_set(sct, "hash_alg", json_integer(item->hash_alg));
    certjson_set(sct, "sig_alg", json_integer(item->sig_alg));
    certjson_set(sct, "signature", certjson_hex(item->signature));
    return sct;
}

static void set_scts(json_t *object, const struct cert *cert)
{
    json_t *scts = json_array();
    struct sctlist list;
    struct sctlist_item item;

    sctlist_of(&list, cert);
    while (sctlist_next(&list, &item))
        certjson_append(scts, sct_json(&item));
    certjson_set(object, "sct_count", json_integer((json_int_t)json_array_size(scts)));
    certjson_set(object, "scts", scts);
}

static void set_exts(json_t *object, const struct cert *cert)
{
    json_t *exts = json_array();
    struct finding_set ignored = {{0, 0}};
    char oid[OID_TEXT_MAX];
    struct ext ext;
    struct ext_item item;

    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, &item)) {
        if (item.oid.at != NULL)
            certjson_append(exts, json_sprintf("%s%s", oid_text(item.oid, oid), item.critical ? "!" : ""));
    }
    certjson_set(object, "exts", exts);
}

static json_t *findings_json(const struct finding_set *findings)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < FINDING_COUNT; i++) {
        if (finding_has(findings, (enum finding)i))
            certjson_append(array, json_string(finding_name((enum finding)i)));
    }
    return array;
}

static const char *kind_name(enum entry_kind kind)
{
    return kind == ENTRY_X509 ? "x509" : kind == ENTRY_PRECERT ? "precert" : "opaque";
}

static json_t *entry_json(const struct entry *entry)
{
    json_t *object = json_object();

    certjson_set(object, "kind", json_string(kind_name(entry->kind)));
    certjson_set(object, "timestamp_ms", json_integer(entry->timestamp_ms));
    certjson_set(object, "leaf_hash", certjson_hex(span_of(entry->leaf_hash, 32)));
    certjson_set(object, "leaf_index", entry->leaf_index < 0 ? json_null() : json_integer(entry->leaf_index));
    certjson_set(object, "issuer_key_hash", certjson_hex_or_null(entry->issuer_key_hash));
    certjson_set(object, "unverified_chain_length", json_integer(entry->chain_count));
    return object;
}

void certview_findings(const struct certview *view, struct finding_set *all)
{
    *all = view->issuance->findings;
    lint_read(view->cert, all);
}

json_t *certview_json(const struct certview *view)
{
    const struct cert *cert = view->cert;
    const struct issuance *issuance = view->issuance;
    struct certview_times times = certview_times(cert);
    const char *alg = spki_alg_name(cert);
    struct finding_set findings;
    json_t *object = json_object();

    certview_findings(view, &findings);
    certjson_set(object, "schema", json_string("ctvigil.cert.1"));
    certjson_set(object, "sha256",
                 view->sha256 == NULL ? json_null() : certjson_hex(span_of(view->sha256, 32)));
    certjson_set(object, "tbs_fp", certjson_hex(span_of(issuance->tbs_fp, 32)));
    certjson_set(object, "spki_sha256",
                 cert->spki.at == NULL ? json_null() : certjson_hex(span_of(issuance->spki_sha256, 32)));
    certjson_set(object, "version", cert->tbs.at == NULL ? json_null() : json_integer(cert->version));
    certjson_set(object, "serial", certjson_integer(cert->serial));
    certjson_set(object, "issuer", certjson_name(cert->issuer));
    certjson_set(object, "subject", certjson_name(cert->subject));
    certjson_set(object, "not_before", integer_or_null(cert->not_before, times.before));
    certjson_set(object, "not_after", integer_or_null(cert->not_after, times.after));
    certjson_set(object, "validity_seconds",
                 integer_or_null(issuance_validity_s(issuance), times.before && times.after));
    certjson_set(object, "cn", cn_json(cert->subject));
    set_san(object, cert);
    certjson_set(object, "key_alg", alg == NULL ? json_null() : json_string(alg));
    certjson_set(object, "key_bits", cert->key_bits == 0 ? json_null() : json_integer(cert->key_bits));
    certjson_set(object, "sig_oid",
                 certjson_dotted(cert->sig_oid.at != NULL ? cert->sig_oid : cert->tbs_sig_oid));
    certjson_set(object, "is_ca", json_boolean((cert->flags & CERT_IS_CA) != 0));
    certjson_set(object, "poison", json_boolean((cert->flags & CERT_POISON) != 0));
    set_scts(object, cert);
    set_exts(object, cert);
    certfacts_set(object, cert, issuance);
    certjson_set(object, "findings", findings_json(&findings));
    if (view->entry != NULL)
        certjson_set(object, "entry", entry_json(view->entry));
    if (view->place != NULL)
        certjson_set(object, "input", certplace_json(view->place));
    return object;
}
