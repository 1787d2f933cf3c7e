#include "cli/certfacts.h"

#include "base/dns.h"
#include "cli/certjson.h"
#include "parser/access.h"
#include "parser/certpol.h"
#include "parser/crldp.h"
#include "parser/eku.h"
#include "parser/nc.h"
#include "parser/qc.h"
#include "parser/sigalg.h"
#include "parser/spki.h"

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

/* Every value of one attribute type of the subject. */
static json_t *attributes(struct span name, enum oid type)
{
    json_t *values = json_array();
    struct dn dn;
    struct dn_attr attr;

    dn_init(&dn, name);
    while (dn_next(&dn, &attr)) {
        if (oid_find(attr.oid) == type)
            certjson_append(values, certjson_attr(&attr));
    }
    return values;
}

/* Sets "kind" and "value" of a GeneralName. */
static void set_general_name(json_t *object, const struct san_item *name)
{
    json_t *value;

    switch (name->kind) {
    case SAN_DNS:
    case SAN_EMAIL:
    case SAN_URI:
        value = certjson_latin1(name->value);
        break;
    case SAN_IP:
        value = certjson_hex(name->value);
        break;
    case SAN_DIRECTORY:
        value = certjson_name(name->value);
        break;
    case SAN_REGISTERED_ID:
        value = certjson_dotted(name->value);
        break;
    default:
        value = certjson_hex(name->whole);
        break;
    }
    certjson_set(object, "kind", json_string(san_kind_name(name->kind)));
    certjson_set(object, "value", value);
}

static void note_damage(json_t *damaged, bool is_damaged, const char *member)
{
    if (is_damaged)
        certjson_append(damaged, json_string(member));
}

/* Algorithms -------------------------------------------------------------------------------------- */

static json_t *pss_json(const struct sigalg_pss *pss)
{
    json_t *object = json_object();
    const char *mgf = pss->mgf_oid.at == NULL ? "mgf1" : oid_short(oid_find(pss->mgf_oid));

    certjson_set(object, "hash",
                 pss->hash == OID_UNKNOWN ? certjson_dotted(pss->hash_oid)
                                          : json_string(oid_short(pss->hash)));
    certjson_set(object, "mgf", mgf == NULL ? certjson_dotted(pss->mgf_oid) : json_string(mgf));
    certjson_set(object, "mgf_hash",
                 pss->mgf_hash == OID_UNKNOWN ? certjson_dotted(pss->mgf_hash_oid)
                                              : json_string(oid_short(pss->mgf_hash)));
    certjson_set(object, "salt_length", json_integer(pss->salt_length));
    certjson_set(object, "trailer", json_integer(pss->trailer));
    return object;
}

static json_t *params_json(enum oid algorithm, struct span params)
{
    struct sigalg_pss pss;

    if (algorithm == OID_KEY_RSA_PSS && params.at != NULL && sigalg_pss(params, &pss))
        return pss_json(&pss);
    return certjson_hex_or_null(params);
}

static void set_key(json_t *object, const struct cert *cert)
{
    const char *curve = oid_short(oid_find(cert->curve_oid));
    struct spki_key key;

    (void)spki_open(cert, &key);
    certjson_set(object, "key_oid", certjson_dotted(cert->key_oid));
    certjson_set(object, "key_curve", curve == NULL ? certjson_dotted(cert->curve_oid) : json_string(curve));
    certjson_set(object, "key_exponent", certjson_integer(key.exponent));
    certjson_set(object, "key_params", params_json(oid_find(cert->key_oid), key.params));
}

static void set_signature(json_t *object, const struct cert *cert)
{
    struct sigalg alg;

    if (!sigalg_of_signature(cert, &alg))
        (void)sigalg_of_tbs(cert, &alg);
    certjson_set(object, "sig_alg",
                 alg.id == OID_KEY_RSA_PSS ? json_string("RSASSA-PSS") : text_or_null(oid_short(alg.id)));
    certjson_set(object, "sig_params", params_json(alg.id, alg.params));
    certjson_set(object, "tbs_sig_oid", certjson_dotted(cert->tbs_sig_oid));
}

/* Extensions -------------------------------------------------------------------------------------- */

static json_t *key_usage_json(const struct cert *cert)
{
    json_t *names;

    if (cert->key_usage.at == NULL)
        return json_null();
    names = json_array();
    for (unsigned bit = 0; bit < EKU_USAGES; bit++) {
        if ((cert->key_usage_bits & 0x8000u >> bit) != 0)
            certjson_append(names, json_string(eku_usage_name(bit)));
    }
    return names;
}

static void set_purposes(json_t *object, const struct cert *cert, json_t *damaged)
{
    json_t *list = cert->eku.at == NULL ? json_null() : json_array();
    struct eku eku;
    struct span oid;

    eku_init(&eku, cert->eku);
    while (eku_next(&eku, &oid))
        certjson_append(list, certjson_dotted(oid));
    note_damage(damaged, eku.damaged, "eku");
    certjson_set(object, "key_usage", key_usage_json(cert));
    certjson_set(object, "eku", list);
    certjson_set(object, "precert_signing", json_boolean((cert->flags & CERT_PRECERT_SIGNING) != 0));
    certjson_set(object, "path_len", cert->path_len < 0 ? json_null() : json_integer(cert->path_len));
}

static void set_policies(json_t *object, const struct cert *cert, json_t *damaged)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } types[] = {
        {CERT_POLICY_DV, "dv"}, {CERT_POLICY_OV, "ov"}, {CERT_POLICY_IV, "iv"}, {CERT_POLICY_EV, "ev"}};
    json_t *list = json_array();
    json_t *validated = json_array();
    struct certpol pol;
    struct certpol_item item;

    certpol_init(&pol, cert->policies);
    while (certpol_next(&pol, &item)) {
        json_t *policy = json_object();
        certjson_set(policy, "oid", certjson_dotted(item.oid));
        certjson_set(policy, "name", text_or_null(oid_short(item.id)));
        certjson_set(policy, "cps", item.cps.at == NULL ? json_null() : certjson_latin1(item.cps));
        certjson_append(list, policy);
    }
    note_damage(damaged, pol.damaged, "policies");
    for (size_t i = 0; i < countof(types); i++) {
        if ((cert->flags & types[i].flag) != 0)
            certjson_append(validated, json_string(types[i].name));
    }
    certjson_set(object, "policies", list);
    certjson_set(object, "validated", validated);
}

static void set_access(json_t *object, const char *member, struct span value, json_t *damaged)
{
    json_t *list = json_array();
    struct access access;
    struct access_item item;

    access_init(&access, value);
    while (access_next(&access, &item)) {
        json_t *description = json_object();
        certjson_set(description, "method", certjson_dotted(item.method));
        certjson_set(description, "name", text_or_null(oid_short(item.id)));
        set_general_name(description, &item.location);
        certjson_append(list, description);
    }
    note_damage(damaged, access.damaged, member);
    certjson_set(object, member, list);
}

static void set_crl_points(json_t *object, const char *member, struct span value, json_t *damaged)
{
    json_t *list = json_array();
    struct crldp crldp;
    struct crldp_item item;

    crldp_init(&crldp, value);
    while (crldp_next(&crldp, &item)) {
        json_t *point = json_object();
        certjson_set(point, "point", json_integer(item.point));
        if (item.name.whole.at != NULL)
            set_general_name(point, &item.name);
        if (item.relative.at != NULL)
            certjson_set(point, "relative", certjson_hex(item.relative));
        certjson_set(point, "reasons", certjson_hex_or_null(item.reasons));
        certjson_set(point, "issuer", certjson_hex_or_null(item.issuer));
        certjson_append(list, point);
    }
    note_damage(damaged, crldp.damaged, member);
    certjson_set(object, member, list);
}

static void set_name_constraints(json_t *object, const struct cert *cert, json_t *damaged)
{
    json_t *constraints = json_object();
    json_t *permitted = json_array();
    json_t *excluded = json_array();
    struct nc nc;
    struct nc_item item;

    nc_init(&nc, cert->name_constraints);
    while (nc_next(&nc, &item)) {
        json_t *subtree = json_object();
        set_general_name(subtree, &item.base);
        certjson_append(item.side == NC_PERMITTED ? permitted : excluded, subtree);
    }
    note_damage(damaged, nc.damaged, "name_constraints");
    certjson_set(constraints, "permitted", permitted);
    certjson_set(constraints, "excluded", excluded);
    if (cert->name_constraints.at == NULL) {
        json_decref(constraints);
        constraints = json_null();
    }
    certjson_set(object, "name_constraints", constraints);
}

static void set_qc_statements(json_t *object, const struct cert *cert, json_t *damaged)
{
    json_t *list = json_array();
    struct ext_item ext;
    struct qc qc;
    struct qc_item item;

    qc_init(&qc, ext_find(cert, OID_EXT_QC_STATEMENTS, &ext) ? ext.value : SPAN_NONE);
    while (qc_next(&qc, &item)) {
        json_t *statement = json_object();
        json_t *types = json_array();
        struct span rest = qc_types(&item);
        struct span type;
        while (qc_next_type(&rest, &type))
            certjson_append(types, certjson_dotted(type));
        certjson_set(statement, "oid", certjson_dotted(item.oid));
        certjson_set(statement, "name", text_or_null(oid_short(item.id)));
        certjson_set(statement, "types", types);
        certjson_append(list, statement);
    }
    note_damage(damaged, qc.damaged, "qc_statements");
    certjson_set(object, "qc_statements", list);
}

static void set_extensions(json_t *object, const struct cert *cert, json_t *damaged)
{
    json_t *list = json_array();
    struct finding_set ignored = {{0, 0}};
    struct ext ext;
    struct ext_item item;

    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, &item)) {
        json_t *one = json_object();
        certjson_set(one, "oid", certjson_dotted(item.oid));
        certjson_set(one, "name", text_or_null(oid_short(item.id)));
        certjson_set(one, "known", json_boolean(item.id != OID_UNKNOWN));
        certjson_set(one, "critical", json_boolean(item.critical));
        certjson_set(one, "size", item.unreadable ? json_null() : json_integer((json_int_t)item.value.len));
        certjson_append(list, one);
    }
    note_damage(damaged, ext.damaged, "extensions");
    certjson_set(object, "extensions", list);
}

/* Names ------------------------------------------------------------------------------------------- */

static void set_dns_forms(json_t *object, const struct name *name)
{
    char unicode[DNS_UNICODE_MAX];
    size_t len = dns_unicode(name->text, unicode);

    certjson_set(object, "text", certjson_latin1(name->text));
    certjson_set(object, "unicode", json_stringn(unicode, len));
    certjson_set(object, "apex", name->apex.at == NULL ? json_null() : certjson_latin1(name->apex));
}

static json_t *one_name(const struct name *name)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } flags[] = {
        {NAME_FROM_CN, "from_cn"},           {NAME_WILDCARD, "wildcard"}, {NAME_PLACEHOLDER, "placeholder"},
        {NAME_FROM_IP_TEXT, "from_ip_text"}, {NAME_READING, "reading"},
    };
    json_t *object = json_object();
    json_t *set = json_array();

    certjson_set(object, "kind", json_string(name_kind_name(name->kind)));
    if (name->kind == NAME_DNS)
        set_dns_forms(object, name);
    else if (name->kind == NAME_DIRECTORY)
        certjson_set(object, "text", certjson_name(name->raw));
    else if (name->kind == NAME_IP || name->kind == NAME_OTHER)
        certjson_set(object, "text", certjson_hex(name->raw));
    else
        certjson_set(object, "text", certjson_latin1(name->text));
    for (size_t i = 0; i < countof(flags); i++) {
        if ((name->flags & flags[i].flag) != 0)
            certjson_append(set, json_string(flags[i].name));
    }
    certjson_set(object, "flags", set);
    return object;
}

static json_t *names_json(const struct issuance *issuance)
{
    json_t *list = json_array();

    for (size_t i = 0; i < issuance->name_count; i++)
        certjson_append(list, one_name(&issuance->names[i]));
    return list;
}

void certfacts_set(json_t *object, const struct cert *cert, const struct issuance *issuance)
{
    json_t *damaged = json_array();
    struct ext_item ext;

    certjson_set(object, "o", attributes(cert->subject, OID_DN_ORG));
    certjson_set(object, "ou", attributes(cert->subject, OID_DN_UNIT));
    certjson_set(object, "organization_id", attributes(cert->subject, OID_DN_ORG_ID));
    certjson_set(object, "names", names_json(issuance));
    set_key(object, cert);
    set_signature(object, cert);
    set_purposes(object, cert, damaged);
    set_policies(object, cert, damaged);
    set_name_constraints(object, cert, damaged);
    set_access(object, "aia", cert->aia, damaged);
    set_access(object, "sia", ext_find(cert, OID_EXT_SIA, &ext) ? ext.value : SPAN_NONE, damaged);
    set_crl_points(object, "crl_points", cert->crl_points, damaged);
    set_qc_statements(object, cert, damaged);
    certjson_set(object, "aki", certjson_hex_or_null(cert->aki_key_id));
    certjson_set(object, "ski", certjson_hex_or_null(cert->ski));
    set_extensions(object, cert, damaged);
    certjson_set(object, "damaged", damaged);
}
