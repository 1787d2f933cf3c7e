#include "db/alertjson.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "model/cert.h"
#include "model/dname.h"

/* Room for the longest issuance: names and findings are bounded one by one below. */
#define NAME_SHOWN   512
#define DOMAIN_SHOWN 400

/* NULL when there is no memory; Jansson passes a NULL value on as a failure of what it was to become part of.
 */
static json_t *visible(struct span text)
{
    struct buf shown;
    buf_init(&shown, 8 * text.len + 16);
    text_visible(&shown, text);
    json_t *string = buf_ok(&shown) ? json_stringn((const char *)shown.at, shown.len) : NULL;
    if (buf_ok(&shown) && shown.len == 0)
        string = json_string("");
    buf_fini(&shown);
    return string;
}

static json_t *shortened(struct span text)
{
    text.len = text.len < NAME_SHOWN ? text.len : NAME_SHOWN;
    return visible(text);
}

static json_t *hex(struct span bytes)
{
    char *text = malloc(2 * bytes.len + 1);
    if (text == NULL)
        return NULL;
    json_t *string = json_string(text_hex(bytes, text));
    free(text);
    return string;
}

static json_t *seconds(int64_t unix_s)
{
    char text[TEXT_TIME_MAX];
    return json_string(text_time(unix_s * 1000, false, text));
}

/* Steals `value`; a failure empties *out, so that the writer checks once. */
static void put(json_t **out, const char *key, json_t *value)
{
    if (*out == NULL) {
        json_decref(value);
    } else if (json_object_set_new(*out, key, value) != 0) {
        json_decref(*out);
        *out = NULL;
    }
}

static void append(json_t **out, json_t *value)
{
    if (*out == NULL) {
        json_decref(value);
    } else if (json_array_append_new(*out, value) != 0) {
        json_decref(*out);
        *out = NULL;
    }
}

static int into_buf(const char *text, size_t len, void *arg)
{
    buf_put(arg, span_of(text, len));
    return 0;
}

static void finish(struct buf *out, json_t *value)
{
    if (value == NULL || json_dump_callback(value, into_buf, out, JSON_COMPACT) != 0)
        out->overflow = true;
    json_decref(value);
}

static json_t *finding_object(const struct alert_finding *finding)
{
    json_t *object = json_object();
    put(&object, "kind", json_string(alert_kind_name(finding->kind)));
    put(&object, "rule", visible(span_str(finding->rule)));
    put(&object, "severity", json_string(alert_severity_name(finding->severity)));
    put(&object, "expected", visible(finding->expected));
    put(&object, "found", visible(finding->found));
    return object;
}

void alertjson_findings(struct buf *out, const struct alert *alert)
{
    json_t *list = json_array();
    for (int severity = ALERT_CRITICAL; severity >= ALERT_INFO; severity--) {
        for (size_t i = 0; i < alert->finding_count; i++) {
            if ((int)alert->findings[i].severity == severity)
                append(&list, finding_object(&alert->findings[i]));
        }
    }
    finish(out, list);
}

static json_t *ip_text(struct span ip)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t octets[16] = {0};
    memcpy(octets, ip.at, ip.len);
    return json_string(inet_ntop(ip.len == 4 ? AF_INET : AF_INET6, octets, text, sizeof text));
}

static bool is_ip(const struct name *name)
{
    return name->kind == NAME_IP && (name->raw.len == 4 || name->raw.len == 16);
}

/* As the certificate's row has them: the common name first, else in the order of the certificate. */
static json_t *dns_names(const struct issuance *issuance)
{
    json_t *list = json_array();
    size_t first = issuance_cn_name(issuance);
    if (first != issuance->name_count)
        append(&list, shortened(issuance->names[first].text));
    for (size_t i = 0; i < issuance->name_count && json_array_size(list) < ALERTJSON_NAMES_MAX; i++) {
        if (issuance->names[i].kind == NAME_DNS && i != first)
            append(&list, shortened(issuance->names[i].text));
    }
    return list;
}

/* As they stand in the certificate, where `names` does not say it. */
static json_t *raw_names(const struct issuance *issuance)
{
    json_t *list = json_array();
    for (size_t i = 0; i < issuance->found_count && i < ALERTJSON_NAMES_MAX; i++)
        append(&list, shortened(issuance->found[i].raw));
    return list;
}

static bool ip_below(struct span a, struct span b)
{
    return a.len != b.len ? a.len < b.len : memcmp(a.at, b.at, a.len) < 0;
}

/* By family and value, as the database sorts them: the smallest above the last one, again and again. */
static json_t *ip_names(const struct issuance *issuance)
{
    json_t *list = json_array();
    struct span last = SPAN_NONE;
    while (json_array_size(list) < ALERTJSON_NAMES_MAX) {
        struct span next = SPAN_NONE;
        for (size_t i = 0; i < issuance->name_count; i++) {
            const struct name *name = &issuance->names[i];
            if (is_ip(name) && (last.at == NULL || ip_below(last, name->raw)) &&
                (next.at == NULL || ip_below(name->raw, next)))
                next = name->raw;
        }
        if (next.at == NULL)
            break;
        append(&list, ip_text(next));
        last = next;
    }
    return list;
}

static json_int_t names_total(const struct issuance *issuance)
{
    json_int_t total = 0;
    for (size_t i = 0; i < issuance->name_count; i++)
        total += issuance->names[i].kind == NAME_DNS || is_ip(&issuance->names[i]);
    return total;
}

static json_t *finding_names(const struct finding_set *set)
{
    json_t *list = json_array();
    for (int i = 0; i < FINDING_COUNT; i++) {
        if (finding_has(set, (enum finding)i))
            append(&list, json_string(finding_name((enum finding)i)));
    }
    return list;
}

static json_t *issuer_text(const struct issuance *issuance)
{
    struct buf dn;
    if (issuance->issuer.len == 0)
        return json_null();
    buf_init(&dn, 4 * DNAME_TEXT_MAX);
    dname_text(issuance->issuer, &dn);
    json_t *string = json_string(buf_text(&dn));
    buf_fini(&dn);
    /* A name must never be what keeps an alert from being stored. */
    return string != NULL ? string : hex(issuance->issuer);
}

/* A separator inside of a value is escaped, so that no value looks like another attribute (RFC 4514). */
static void put_attribute(struct buf *out, const char *type, struct span value)
{
    struct buf shown;
    value.len = value.len < NAME_SHOWN ? value.len : NAME_SHOWN;
    buf_init(&shown, 8 * value.len + 16);
    text_visible(&shown, value);
    buf_fmt(out, "%s%s=", out->len == 0 ? "" : ", ", type);
    for (const char *at = buf_text(&shown); *at != '\0'; at++)
        buf_fmt(out, "%s%c", strchr(",+\";<>", *at) != NULL ? "\\" : "", *at);
    buf_fini(&shown);
}

/* What is stored of the subject: common name and organisations, in the order in which issuers are shown. */
static json_t *subject_text(const struct issuance *issuance)
{
    struct buf dn;
    buf_init(&dn, (size_t)16 * NAME_SHOWN * (LIMIT_ORGS + 1));
    if (issuance->subject_cn.at != NULL)
        put_attribute(&dn, "CN", issuance->subject_cn);
    for (size_t i = 0; i < issuance->org_count && i < LIMIT_ORGS; i++)
        put_attribute(&dn, "O", issuance->orgs[i]);
    json_t *string = dn.len == 0 || !buf_ok(&dn) ? json_null() : json_string(buf_text(&dn));
    buf_fini(&dn);
    return string != NULL ? string : json_null();
}

/* A hash that nobody computed is not zero, it is not known. */
static json_t *hash_or_null(const uint8_t hash[32], bool known)
{
    static const uint8_t none[32];
    return known && memcmp(hash, none, sizeof none) != 0 ? hex(span_of(hash, 32)) : json_null();
}

/* Years before 1 stand in certificates, but not in the row: whoever reads the row later would not know. */
static void put_validity(json_t **object, const struct issuance *issuance, bool parsed)
{
    bool doubtful = finding_has(&issuance->findings, FINDING_TIME_UNREADABLE) ||
                    finding_has(&issuance->findings, FINDING_CERTIFICATE_UNREADABLE);
    bool begins = parsed && issuance->not_before > CERT_TIME_MIN;
    bool ends =
        parsed && issuance->not_after > CERT_TIME_MIN && !(doubtful && issuance->not_after >= CERT_TIME_MAX);
    put(object, "not_before", begins ? seconds(issuance->not_before) : json_null());
    put(object, "not_after", ends ? seconds(issuance->not_after) : json_null());
    put(object, "validity_seconds",
        begins && ends ? json_integer(issuance_validity_s(issuance)) : json_null());
}

static void put_certificate(json_t **object, const struct alert *alert, bool parsed)
{
    const struct issuance *issuance = alert->issuance;
    put(object, "serial", parsed && issuance->serial.len != 0 ? hex(issuance->serial) : json_null());
    put(object, "issuer", parsed ? issuer_text(issuance) : json_null());
    put(object, "issuer_spki_sha256",
        hash_or_null(issuance->issuer_spki_sha256, parsed && issuance->issuer_known));
    put(object, "issuer_proven", json_boolean(parsed && issuance->issuer_proven));
    put(object, "spki_sha256", hash_or_null(issuance->spki_sha256, parsed));
    put(object, "subject", parsed ? subject_text(issuance) : json_null());
    put(object, "subject_cn",
        !parsed || issuance->subject_cn.at == NULL ? json_null() : shortened(issuance->subject_cn));
    put_validity(object, issuance, parsed);
    put(object, "is_ca", parsed ? json_boolean((issuance->cert_flags & CERT_IS_CA) != 0) : json_null());
    put(object, "names", parsed ? dns_names(issuance) : json_array());
    put(object, "names_total", parsed ? json_integer(names_total(issuance)) : json_null());
    if (parsed && issuance->found_count != 0)
        put(object, "raw_names", raw_names(issuance));
    put(object, "ips", parsed ? ip_names(issuance) : json_array());
    put(object, "findings", finding_names(&issuance->findings));
    put(object, "lint", alert->lint != NULL ? finding_names(alert->lint) : json_null());
    put(object, "form", json_string(alertjson_form(alert)));
    put(object, "sha256", hash_or_null(alert->sighting.sha256, parsed));
}

bool alertjson_has_fp(const struct alert *alert)
{
    return alert->issuance != NULL && issuance_is_parsed(alert->issuance);
}

const char *alertjson_form(const struct alert *alert)
{
    return alertjson_has_fp(alert) ? issuance_form_name(alert->sighting.form) : "unparsed";
}

/* One brand and one domain that looks like it, however many certificates that gets. */
static const char *lookalike_dedup(const struct alert *alert, char out[ALERTJSON_DEDUP_MAX])
{
    char brand[DOMAIN_SHOWN / 2];
    char name[DOMAIN_SHOWN / 2];
    (void)snprintf(out, ALERTJSON_DEDUP_MAX, "lookalike:%s:%s",
                   text_visible_str(alert->domain, brand, sizeof brand),
                   text_visible_str(alert->lookalike, name, sizeof name));
    return out;
}

const char *alertjson_dedup(const struct alert *alert, char out[ALERTJSON_DEDUP_MAX])
{
    static const uint8_t none[32];
    char hex_text[65];
    char domain[DOMAIN_SHOWN];
    int len;
    if (alert->lookalike.at != NULL)
        return lookalike_dedup(alert, out);
    if (alert->issuance == NULL || (alertjson_has_fp(alert) && alert->domain_id != ALERT_DOMAINS_NONE))
        return NULL;
    /* The same garbage in two logs is one thing to look at; a leaf of unknown form has nothing but its place.
     */
    if (memcmp(alert->issuance->tbs_fp, none, sizeof none) != 0)
        len = snprintf(out, ALERTJSON_DEDUP_MAX, "malformed:%s",
                       text_hex(span_of(alert->issuance->tbs_fp, 32), hex_text));
    else
        len = snprintf(out, ALERTJSON_DEDUP_MAX, "malformed:%" PRId32 ":%" PRIu64, alert->sighting.log_id,
                       alert->sighting.index);
    if (alert->domain_id != ALERT_DOMAINS_NONE)
        (void)snprintf(out + len, ALERTJSON_DEDUP_MAX - (size_t)len, ":%s",
                       text_visible_str(alert->domain, domain, sizeof domain));
    return out;
}

void alertjson_issuance(struct buf *out, const struct alert *alert)
{
    json_t *object = json_object();
    if (alert->issuance != NULL)
        put_certificate(&object, alert, alertjson_has_fp(alert));
    if (alert->issuance != NULL && alert->domains_concerned != 0)
        put(&object, "domains_concerned", json_integer((json_int_t)alert->domains_concerned));
    finish(out, object);
}
