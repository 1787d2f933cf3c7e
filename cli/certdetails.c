#include "cli/certdetails.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "parser/access.h"
#include "parser/certpol.h"
#include "parser/crldp.h"
#include "parser/dn.h"
#include "parser/eku.h"
#include "parser/ext.h"
#include "parser/nc.h"
#include "parser/qc.h"
#include "parser/sigalg.h"
#include "parser/spki.h"

#define DN_TEXT_CAP 4096
#define RSA_WEAK    2048 /* bits below it, BR 6.1.5 */

bool certdetails_lost(const struct cert *cert)
{
    return finding_has(&cert->findings, FINDING_EXTENSION_UNREADABLE) ||
           (finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE) && cert->exts.at == NULL);
}

void certdetails_hex(struct sheet *sheet, const char *label, struct span bytes)
{
    char *hex = malloc(2 * bytes.len + 1);

    must(hex != NULL);
    sheet_row(sheet, label);
    sheet_words(sheet, SHEET_PLAIN, span_str(text_hex(bytes, hex)));
    free(hex);
}

/* As people say it, where the short name of the standard is long. */
static const char *oid_name(enum oid id, struct span oid, char room[OID_TEXT_MAX])
{
    static const struct {
        enum oid id;
        const char *name;
    } said[] = {
        {OID_KEY_ML_DSA_44, "ML-DSA-44"},   {OID_KEY_ML_DSA_65, "ML-DSA-65"},
        {OID_KEY_ML_DSA_87, "ML-DSA-87"},   {OID_KEY_ML_KEM_512, "ML-KEM-512"},
        {OID_KEY_ML_KEM_768, "ML-KEM-768"}, {OID_KEY_ML_KEM_1024, "ML-KEM-1024"},
    };

    for (size_t i = 0; i < countof(said); i++) {
        if (said[i].id == id)
            return said[i].name;
    }
    return id == OID_UNKNOWN ? oid_text(oid, room) : oid_short(id);
}

static void put_damage(struct sheet *sheet, bool damaged)
{
    if (!damaged)
        return;
    sheet_next(sheet);
    sheet_fmt(sheet, SHEET_BAD, "and what can not be read");
}

static void put_key(struct sheet *sheet, const struct cert *cert)
{
    char room[OID_TEXT_MAX];

    sheet_row(sheet, "key");
    if (cert->key_oid.at == NULL) {
        sheet_fmt(sheet, SHEET_BAD, "unreadable");
        return;
    }
    bool rsa = cert->key_alg == CERT_KEY_RSA || cert->key_alg == CERT_KEY_RSA_PSS;
    sheet_fmt(sheet, SHEET_PLAIN, "%s", oid_name(oid_find(cert->key_oid), cert->key_oid, room));
    if (cert->key_alg == CERT_KEY_EC && cert->curve_oid.at != NULL)
        sheet_fmt(sheet, SHEET_PLAIN, "%s", oid_name(oid_find(cert->curve_oid), cert->curve_oid, room));
    else if (cert->key_bits != 0 && (rsa || cert->key_alg == CERT_KEY_DSA || cert->key_alg == CERT_KEY_EC))
        sheet_fmt(sheet, rsa && cert->key_bits < RSA_WEAK ? SHEET_BAD : SHEET_PLAIN, "%" PRIu32,
                  cert->key_bits);
    if (rsa && cert->key_bits != 0 && cert->key_bits < RSA_WEAK)
        sheet_fmt(sheet, SHEET_BAD, "(weak: %d is the least, BR 6.1.5)", RSA_WEAK);
    if (cert->ski.at != NULL)
        certdetails_hex(sheet, "key id", cert->ski);
}

static void put_signature(struct sheet *sheet, const struct cert *cert)
{
    char room[OID_TEXT_MAX];
    struct sigalg alg;
    struct sigalg_pss pss;

    if (!sigalg_of_signature(cert, &alg) && !sigalg_of_tbs(cert, &alg))
        return;
    sheet_row(sheet, "signature");
    sheet_fmt(sheet, SHEET_PLAIN, "%s", oid_name(alg.id, alg.oid, room));
    if (alg.id == OID_KEY_RSA_PSS && sigalg_pss(alg.params, &pss))
        sheet_fmt(sheet, SHEET_PLAIN, "with %s, salt of %" PRIu32 " bytes",
                  pss.hash_oid.at == NULL ? "sha1" : oid_name(pss.hash, pss.hash_oid, room), pss.salt_length);
}

static void put_usage(struct sheet *sheet, const struct cert *cert)
{
    char room[OID_TEXT_MAX];
    struct span oid;
    struct eku eku;

    sheet_row(sheet, "use");
    if ((cert->flags & CERT_IS_CA) != 0) {
        sheet_fmt(sheet, SHEET_STRONG, "CA:");
        if (cert->path_len > 0)
            sheet_fmt(sheet, SHEET_PLAIN,
                      "issues certificates, with up to %" PRId32 " CA%s in a row below it", cert->path_len,
                      cert->path_len == 1 ? "" : "s");
        else
            sheet_fmt(sheet, SHEET_PLAIN, "issues certificates, %s",
                      cert->path_len == 0 ? "but none of CAs" : "also of CAs");
        sheet_next(sheet);
    }
    for (unsigned bit = 0; bit < EKU_USAGES; bit++) {
        if ((cert->key_usage_bits & (0x8000u >> bit)) != 0)
            sheet_item(sheet, SHEET_PLAIN, span_str(eku_usage_name(bit)));
    }
    sheet_next(sheet);
    sheet_list(sheet);
    eku_init(&eku, cert->eku);
    while (eku_next(&eku, &oid)) {
        if (sheet_lists(sheet))
            sheet_item(sheet, SHEET_PLAIN, span_str(oid_name(oid_find(oid), oid, room)));
    }
    sheet_unlist(sheet);
    put_damage(sheet, eku.damaged);
    if (sheet->filled) {
        put_damage(sheet, cert->eku.at == NULL && certdetails_lost(cert));
        return;
    }
    if (certdetails_lost(cert))
        sheet_fmt(sheet, SHEET_BAD, "unreadable");
    else if (cert->key_usage.at == NULL && cert->eku.at == NULL)
        sheet_fmt(sheet, SHEET_PLAIN, "anything: no usage is written");
    else
        sheet_fmt(sheet, SHEET_ODD, "nothing: the list of usages is empty");
}

/* The policies of a CA say what it may issue, not what was checked of itself (RFC 5280 4.2.1.4). */
static void put_validated(struct sheet *sheet, const struct cert *cert)
{
    static const struct {
        enum cert_flag flag;
        const char *name;
        const char *text;
    } classes[] = {
        {CERT_POLICY_EV, "EV", "extended validation"},
        {CERT_POLICY_OV, "OV", "the organization was checked"},
        {CERT_POLICY_IV, "IV", "the person was checked"},
        {CERT_POLICY_DV, "DV", "control of the domains was checked"},
    };
    bool is_ca = (cert->flags & CERT_IS_CA) != 0;

    sheet_row(sheet, is_ca ? "may issue" : "validated");
    for (size_t i = 0; i < countof(classes); i++) {
        if ((cert->flags & classes[i].flag) == 0)
            continue;
        if (is_ca) {
            sheet_item(sheet, SHEET_PLAIN, span_str(classes[i].name));
            continue;
        }
        sheet_next(sheet);
        sheet_fmt(sheet, SHEET_PLAIN, "%s, %s", classes[i].name, classes[i].text);
    }
    sheet_drop(sheet);
}

static bool is_class(enum oid id)
{
    return id == OID_POLICY_DV || id == OID_POLICY_OV || id == OID_POLICY_IV || id == OID_POLICY_EV;
}

static void put_policies(struct sheet *sheet, const struct cert *cert)
{
    char room[OID_TEXT_MAX];
    struct certpol pol;
    struct certpol_item item;

    sheet_row(sheet, "policies");
    sheet_list(sheet);
    certpol_init(&pol, cert->policies);
    while (certpol_next(&pol, &item)) {
        if (!is_class(item.id) && sheet_lists(sheet))
            sheet_item(sheet, SHEET_PLAIN, span_str(oid_name(item.id, item.oid, room)));
    }
    sheet_unlist(sheet);
    put_damage(sheet, pol.damaged);
    sheet_drop(sheet);
}

static void put_link(struct sheet *sheet, const char *what, struct span text)
{
    if (!sheet_lists(sheet))
        return;
    sheet_tag(sheet, what, 7);
    sheet_words(sheet, SHEET_PLAIN, text);
}

/* Of a GeneralName anywhere; URIs and DNS names are text, addresses come with a mask in name constraints. */
static void name_text(const struct san_item *name, struct buf *out)
{
    char room[DN_TEXT_CAP];
    size_t half = name->value.len / 2;

    if (name->kind == SAN_DIRECTORY) {
        buf_put(out, span_of(room, dn_text(name->value, room, sizeof room)));
    } else if (name->kind == SAN_IP && (name->value.len == 8 || name->value.len == 32)) {
        int family = half == 4 ? AF_INET : AF_INET6;
        buf_str(out, inet_ntop(family, name->value.at, room, sizeof room));
        buf_byte(out, '/');
        buf_str(out, inet_ntop(family, name->value.at + half, room, sizeof room));
    } else if (name->kind == SAN_DNS || name->kind == SAN_URI || name->kind == SAN_EMAIL) {
        buf_put(out, name->value);
    } else {
        buf_fmt(out, "%zu bytes", name->value.len);
    }
}

static void put_name_link(struct sheet *sheet, const char *what, const struct san_item *name)
{
    struct buf room;

    buf_init(&room, LIMIT_BIG_BATCH_BYTES);
    name_text(name, &room);
    put_link(sheet, what, buf_span(&room));
    buf_fini(&room);
}

static void put_links(struct sheet *sheet, const struct cert *cert)
{
    char room[OID_TEXT_MAX];
    struct access access;
    struct access_item where;
    struct crldp crldp;
    struct crldp_item point;
    struct certpol pol;
    struct certpol_item policy;

    sheet_row(sheet, "ask");
    sheet_list(sheet);
    access_init(&access, cert->aia);
    while (access_next(&access, &where)) {
        const char *what =
            where.id == OID_ACCESS_CA_ISSUERS ? "issuer" : oid_name(where.id, where.method, room);
        put_name_link(sheet, what, &where.location);
    }
    crldp_init(&crldp, cert->crl_points);
    while (crldp_next(&crldp, &point)) {
        if (point.name.whole.at != NULL)
            put_name_link(sheet, "CRL", &point.name);
    }
    certpol_init(&pol, cert->policies);
    while (certpol_next(&pol, &policy)) {
        if (policy.cps.at != NULL)
            put_link(sheet, "CPS", policy.cps);
    }
    sheet_unlist(sheet);
    put_damage(sheet, access.damaged || crldp.damaged);
    sheet_drop(sheet);
}

static void put_constraints(struct sheet *sheet, const struct cert *cert)
{
    struct buf room;
    struct nc nc;
    struct nc_item item;

    buf_init(&room, LIMIT_BIG_BATCH_BYTES);
    sheet_row(sheet, "confined to");
    sheet_list(sheet);
    nc_init(&nc, cert->name_constraints);
    while (nc_next(&nc, &item)) {
        buf_clear(&room);
        if (item.side == NC_EXCLUDED)
            buf_str(&room, "never ");
        if (item.base.value.len == 0)
            buf_str(&room, "(any)");
        else
            name_text(&item.base, &room);
        if (!sheet_lists(sheet))
            continue;
        sheet_tag(sheet, san_kind_name(item.base.kind), 10);
        sheet_words(sheet, SHEET_PLAIN, buf_span(&room));
    }
    sheet_unlist(sheet);
    put_damage(sheet, nc.damaged);
    sheet_drop(sheet);
    buf_fini(&room);
}

static void put_qualified(struct sheet *sheet, const struct cert *cert)
{
    char room[OID_TEXT_MAX];
    struct ext_item ext;
    struct qc qc;
    struct qc_item item;
    struct span oid;

    if (!ext_find(cert, OID_EXT_QC_STATEMENTS, &ext))
        return;
    sheet_row(sheet, "qualified");
    sheet_list(sheet);
    qc_init(&qc, ext.value);
    while (qc_next(&qc, &item)) {
        if (!sheet_lists(sheet))
            continue;
        sheet_item(sheet, SHEET_PLAIN, span_str(oid_name(item.id, item.oid, room)));
        struct span rest = item.id == OID_QC_TYPE ? qc_types(&item) : SPAN_NONE;
        while (qc_next_type(&rest, &oid))
            sheet_fmt(sheet, SHEET_PLAIN, "%s", oid_name(oid_find(oid), oid, room));
    }
    sheet_unlist(sheet);
    put_damage(sheet, qc.damaged);
}

static void put_extension(struct sheet *sheet, const struct ext_item *item)
{
    char room[OID_TEXT_MAX];
    char text[OID_TEXT_MAX + 64];

    if (item->oid.at == NULL) {
        sheet_item(sheet, SHEET_BAD, SPAN_LIT("one that can not be read"));
        return;
    }
    const char *critical = item->critical ? "critical, " : "";
    const char *name = oid_name(item->id, item->oid, room);
    if (item->unreadable)
        (void)snprintf(text, sizeof text, "%s (%sunreadable)", name, critical);
    else if (item->id == OID_UNKNOWN)
        (void)snprintf(text, sizeof text, "%s (%sunknown, %zu bytes)", name, critical, item->value.len);
    else
        (void)snprintf(text, sizeof text, "%s%s", name, item->critical ? " (critical)" : "");
    sheet_item(sheet,
               item->unreadable          ? SHEET_BAD
               : item->id == OID_UNKNOWN ? SHEET_ODD
                                         : SHEET_PLAIN,
               span_str(text));
}

static void put_extensions(struct sheet *sheet, const struct cert *cert)
{
    struct finding_set ignored = {{0, 0}};
    struct ext ext;
    struct ext_item item;

    sheet_row(sheet, "extensions");
    sheet_list(sheet);
    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, &item)) {
        if (sheet_lists(sheet))
            put_extension(sheet, &item);
    }
    sheet_unlist(sheet);
    put_damage(sheet, ext.damaged);
    if (!sheet->filled && certdetails_lost(cert))
        sheet_fmt(sheet, SHEET_BAD, "unreadable");
    else if (!sheet->filled)
        sheet_fmt(sheet, SHEET_PLAIN, "none (version %" PRId32 ")", cert->version);
}

void certdetails_put(struct sheet *sheet, const struct cert *cert)
{
    put_key(sheet, cert);
    put_usage(sheet, cert);
    put_validated(sheet, cert);
    put_policies(sheet, cert);
    put_constraints(sheet, cert);
    put_qualified(sheet, cert);
    put_links(sheet, cert);
    put_signature(sheet, cert);
    put_extensions(sheet, cert);
}
