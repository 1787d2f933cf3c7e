#include "db/alertjson.h"

#include "base/text.h"
#include "model/cert.h"
#include "model/dname.h"

/* Room for the longest issuance: names and findings are bounded one by one below. */
#define NAME_SHOWN 512

static void put_quoted(struct buf *out, struct span visible)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < visible.len; i++) {
        if (visible.at[i] == '"' || visible.at[i] == '\\')
            buf_byte(out, '\\');
        buf_byte(out, visible.at[i]);
    }
    buf_byte(out, '"');
}

void alertjson_string(struct buf *out, struct span text)
{
    struct buf visible;
    buf_init(&visible, 8 * text.len + 16);
    text_visible(&visible, text);
    if (buf_ok(&visible))
        put_quoted(out, buf_span(&visible));
    else
        out->overflow = true;
    buf_fini(&visible);
}

static void put_hex(struct buf *out, struct span bytes)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < bytes.len; i++)
        buf_fmt(out, "%02x", bytes.at[i]);
    buf_byte(out, '"');
}

static void put_time(struct buf *out, int64_t unix_s)
{
    char text[TEXT_TIME_MAX];
    buf_fmt(out, "\"%s\"", text_time(unix_s * 1000, false, text));
}

static void put_finding(struct buf *out, const struct alert_finding *finding)
{
    buf_fmt(out, "{\"kind\":\"%s\",\"rule\":", alert_kind_name(finding->kind));
    alertjson_string(out, span_str(finding->rule));
    buf_fmt(out, ",\"severity\":\"%s\",\"expected\":", alert_severity_name(finding->severity));
    alertjson_string(out, finding->expected);
    buf_str(out, ",\"found\":");
    alertjson_string(out, finding->found);
    buf_byte(out, '}');
}

void alertjson_findings(struct buf *out, const struct alert *alert)
{
    bool first = true;
    buf_byte(out, '[');
    for (int severity = ALERT_CRITICAL; severity >= ALERT_INFO; severity--) {
        for (size_t i = 0; i < alert->finding_count; i++) {
            if ((int)alert->findings[i].severity != severity)
                continue;
            if (!first)
                buf_byte(out, ',');
            first = false;
            put_finding(out, &alert->findings[i]);
        }
    }
    buf_byte(out, ']');
}

static void put_ip(struct buf *out, struct span ip)
{
    if (ip.len == 4) {
        buf_fmt(out, "\"%u.%u.%u.%u\"", ip.at[0], ip.at[1], ip.at[2], ip.at[3]);
        return;
    }
    buf_byte(out, '"');
    for (size_t i = 0; i + 1 < ip.len; i += 2)
        buf_fmt(out, "%s%x", i == 0 ? "" : ":", (unsigned)(ip.at[i] << 8 | ip.at[i + 1]));
    buf_byte(out, '"');
}

static bool is_ip(const struct name *name)
{
    return name->kind == NAME_IP && (name->raw.len == 4 || name->raw.len == 16);
}

static void put_names(struct buf *out, const struct issuance *issuance, bool ips)
{
    size_t shown = 0;
    buf_byte(out, '[');
    for (size_t i = 0; i < issuance->name_count && shown < ALERTJSON_NAMES_MAX; i++) {
        const struct name *name = &issuance->names[i];
        if (ips != is_ip(name) ||
            (!ips && name->kind != NAME_DNS && name->kind != NAME_EMAIL && name->kind != NAME_URI))
            continue;
        if (shown++ != 0)
            buf_byte(out, ',');
        struct span text = name->text;
        text.len = text.len < NAME_SHOWN ? text.len : NAME_SHOWN;
        if (ips)
            put_ip(out, name->raw);
        else
            alertjson_string(out, text);
    }
    buf_byte(out, ']');
}

static void put_finding_names(struct buf *out, const struct finding_set *set)
{
    bool first = true;
    buf_byte(out, '[');
    for (int i = 0; i < FINDING_COUNT; i++) {
        if (!finding_has(set, (enum finding)i))
            continue;
        buf_fmt(out, "%s\"%s\"", first ? "" : ",", finding_name((enum finding)i));
        first = false;
    }
    buf_byte(out, ']');
}

static void put_issuer(struct buf *out, const struct issuance *issuance)
{
    struct buf dn;
    buf_init(&dn, 4 * DNAME_TEXT_MAX);
    dname_text(issuance->issuer, &dn);
    buf_str(out, ",\"issuer\":");
    put_quoted(out, buf_span(&dn));
    buf_fini(&dn);
    buf_str(out, ",\"issuer_spki_sha256\":");
    if (issuance->issuer_known)
        put_hex(out, span_of(issuance->issuer_spki_sha256, 32));
    else
        buf_str(out, "null");
    buf_fmt(out, ",\"issuer_proven\":%s", issuance->issuer_proven ? "true" : "false");
}

void alertjson_issuance(struct buf *out, const struct alert *alert)
{
    const struct issuance *issuance = alert->issuance;
    if (issuance == NULL) {
        buf_str(out, "{}");
        return;
    }
    buf_str(out, "{\"serial\":");
    put_hex(out, issuance->serial);
    put_issuer(out, issuance);
    buf_str(out, ",\"spki_sha256\":");
    put_hex(out, span_of(issuance->spki_sha256, 32));
    buf_str(out, ",\"subject_cn\":");
    if (issuance->subject_cn.at == NULL) {
        buf_str(out, "null");
    } else {
        struct span cn = issuance->subject_cn;
        cn.len = cn.len < NAME_SHOWN ? cn.len : NAME_SHOWN;
        alertjson_string(out, cn);
    }
    buf_str(out, ",\"not_before\":");
    put_time(out, issuance->not_before);
    buf_str(out, ",\"not_after\":");
    put_time(out, issuance->not_after);
    buf_fmt(out, ",\"validity_seconds\":%" PRId64, issuance_validity_s(issuance));
    buf_fmt(out, ",\"is_ca\":%s", (issuance->cert_flags & CERT_IS_CA) != 0 ? "true" : "false");
    buf_str(out, ",\"names\":");
    put_names(out, issuance, false);
    buf_fmt(out, ",\"names_total\":%zu,\"ips\":", issuance->name_count);
    put_names(out, issuance, true);
    buf_str(out, ",\"findings\":");
    put_finding_names(out, &issuance->findings);
    buf_fmt(out, ",\"form\":\"%s\",\"sha256\":", issuance_form_name(alert->sighting.form));
    put_hex(out, span_of(alert->sighting.sha256, 32));
    if (alert->domains_concerned != 0)
        buf_fmt(out, ",\"domains_concerned\":%" PRIu64, alert->domains_concerned);
    buf_byte(out, '}');
}
