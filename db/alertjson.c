#include "db/alertjson.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "model/cert.h"
#include "model/dname.h"

/* Room for the longest issuance: names and findings are bounded one by one below. */
#define NAME_SHOWN 512

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
    char text[64];
    size_t len = 0;
    if (ip.len == 4) {
        (void)snprintf(text, sizeof text, "%u.%u.%u.%u", ip.at[0], ip.at[1], ip.at[2], ip.at[3]);
        return json_string(text);
    }
    for (size_t i = 0; i + 1 < ip.len; i += 2)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%x", i == 0 ? "" : ":",
                                (unsigned)(ip.at[i] << 8 | ip.at[i + 1]));
    return json_string(text);
}

static bool is_ip(const struct name *name)
{
    return name->kind == NAME_IP && (name->raw.len == 4 || name->raw.len == 16);
}

static json_t *names_of(const struct issuance *issuance, bool ips)
{
    json_t *list = json_array();
    size_t shown = 0;
    for (size_t i = 0; i < issuance->name_count && shown < ALERTJSON_NAMES_MAX; i++) {
        const struct name *name = &issuance->names[i];
        if (ips != is_ip(name) ||
            (!ips && name->kind != NAME_DNS && name->kind != NAME_EMAIL && name->kind != NAME_URI))
            continue;
        shown++;
        append(&list, ips ? ip_text(name->raw) : shortened(name->text));
    }
    return list;
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
    buf_init(&dn, 4 * DNAME_TEXT_MAX);
    dname_text(issuance->issuer, &dn);
    json_t *string = json_string(buf_text(&dn));
    buf_fini(&dn);
    /* A name must never be what keeps an alert from being stored. */
    return string != NULL ? string : hex(issuance->issuer);
}

void alertjson_issuance(struct buf *out, const struct alert *alert)
{
    const struct issuance *issuance = alert->issuance;
    json_t *object = json_object();
    if (issuance == NULL) {
        finish(out, object);
        return;
    }
    put(&object, "serial", hex(issuance->serial));
    put(&object, "issuer", issuer_text(issuance));
    put(&object, "issuer_spki_sha256",
        issuance->issuer_known ? hex(span_of(issuance->issuer_spki_sha256, 32)) : json_null());
    put(&object, "issuer_proven", json_boolean(issuance->issuer_proven));
    put(&object, "spki_sha256", hex(span_of(issuance->spki_sha256, 32)));
    put(&object, "subject_cn",
        issuance->subject_cn.at == NULL ? json_null() : shortened(issuance->subject_cn));
    put(&object, "not_before", seconds(issuance->not_before));
    put(&object, "not_after", seconds(issuance->not_after));
    put(&object, "validity_seconds", json_integer(issuance_validity_s(issuance)));
    put(&object, "is_ca", json_boolean((issuance->cert_flags & CERT_IS_CA) != 0));
    put(&object, "names", names_of(issuance, false));
    put(&object, "names_total", json_integer((json_int_t)issuance->name_count));
    put(&object, "ips", names_of(issuance, true));
    put(&object, "findings", finding_names(&issuance->findings));
    put(&object, "form", json_string(issuance_form_name(alert->sighting.form)));
    put(&object, "sha256", hex(span_of(alert->sighting.sha256, 32)));
    if (alert->domains_concerned != 0)
        put(&object, "domains_concerned", json_integer((json_int_t)alert->domains_concerned));
    finish(out, object);
}
